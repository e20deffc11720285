using System.Collections;
using System.Globalization;
using System.Reflection;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization.Invocation;

namespace Casty.Orleans.Approval.Tests;

/// <summary>What crosses the wire, field by field, for people to read and for tests to compare.</summary>
internal static class Described
{
    public static string AliasOf(MemberInfo member) => member.GetCustomAttribute<AliasAttribute>(inherit: false)?.Alias ?? throw new InvalidOperationException($"{member} has no alias.");

    public static IEnumerable<string> Fields(object message) => message switch
    {
        IInvokable call => call.GetMethod().GetParameters().SelectMany((parameter, i) => Field($"{i} {parameter.Name}", call.GetArgument(i))),
        Exception error => [.. Field("Message", error.Message), .. Own(error), .. Field("InnerException", error.InnerException)],
        SinkRef<int> or SourceRef<int> => [message.ToString()!],
        _ => Own(message),
    };

    private static IEnumerable<string> Own(object message) =>
        Sampler.Fields(message.GetType()).SelectMany(field => Field($"{field.Id} {field.Property.Name}", field.Property.GetValue(message)));

    private static IEnumerable<string> Field(string name, object? value) => value switch
    {
        null => [$"{name} null"],
        string text => [$"{name} \"{text}\""],
        ReadOnlyMemory<byte> bytes => [$"{name} {Convert.ToHexString(bytes.Span)}"],
        IAddressable reference => [$"{name} {reference.GetGrainId()}"],
        Exception error => [$"{name} {error.GetType()}: {error.Message}"],
        IEnumerable list => list.Cast<object>().SelectMany((one, i) => Field($"{name}[{i}]", one)),
        _ when value.GetType().IsDefined(typeof(GenerateSerializerAttribute)) => [$"{name} {AliasOf(value.GetType())}"],
        _ => [$"{name} {Convert.ToString(value, CultureInfo.InvariantCulture)}"],
    };
}
