using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization.Invocation;

namespace Casty.Orleans.Approval.Tests;

/// <summary>
/// Makes a sample of whatever crosses the wire, with a value in every field that is not its default: a field that is added is in the
/// sample without anybody's doing. The values come from the fields' ids, so that a new field leaves the others' bytes alone; for the
/// same reason a message inside of another is an empty one.
/// </summary>
internal sealed class Sampler(IServiceProvider services, IGrainFactory grains)
{
    /// <summary>The type of elements that stands for all.</summary>
    public static Type Closed(Type type) => type.IsGenericTypeDefinition ? type.MakeGenericType([.. type.GetGenericArguments().Select(_ => typeof(int))]) : type;

    public object Message(Type type)
    {
        if (type == typeof(SinkRef<int>)) return new SinkRef<int>(services, new SinkToken { Producer = "Producer" });
        if (type == typeof(SourceRef<int>)) return new SourceRef<int>(services, new SourceToken { Producer = "Producer", Consumer = "Consumer" });
        return type.IsAssignableTo(typeof(Exception)) ? Thrown(type) : Filled(type);
    }

    public IInvokable Call(Type type)
    {
        var call = (IInvokable)ActivatorUtilities.CreateInstance(services, type);
        var parameters = call.GetMethod().GetParameters();
        for (int i = 0; i < parameters.Length; i++) call.SetArgument(i, Value(parameters[i].ParameterType, i, parameters[i].Name!));
        return call;
    }

    /// <summary>The fields that Orleans serialises, the base type's first.</summary>
    public static IEnumerable<(int Id, PropertyInfo Property)> Fields(Type type) => Lineage(type).Reverse().SelectMany(one => one
        .GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        .Where(property => property.IsDefined(typeof(IdAttribute)))
        .Select(property => ((int)property.GetCustomAttribute<IdAttribute>()!.Id, property))
        .OrderBy(field => field.Item1));

    private static IEnumerable<Type> Lineage(Type? type)
    {
        for (; type is not null; type = type.BaseType) yield return type;
    }

    private object Filled(Type type)
    {
        object message = RuntimeHelpers.GetUninitializedObject(type);
        foreach (var (id, property) in Fields(type)) property.SetValue(message, Value(property.PropertyType, id, property.Name));
        return message;
    }

    private object Thrown(Type type)
    {
        var constructor = type.GetConstructors().MaxBy(one => one.GetParameters().Length)!;
        return constructor.Invoke([.. constructor.GetParameters().Select(parameter => Value(parameter.ParameterType, parameter.Position, parameter.Name!))]);
    }

    /// <summary>A value of a field or of an argument.</summary>
    private object Value(Type declared, int id, string name)
    {
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        if (type == typeof(bool)) return true;
        if (type == typeof(int)) return 101 * (id + 1);   // some have a range
        if (type == typeof(long)) return 1_000_000_007L * (id + 1);
        if (type == typeof(string)) return name;
        if (type == typeof(Guid)) return new Guid(id + 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        if (type == typeof(TimeSpan)) return TimeSpan.FromSeconds(id + 1);
        if (type == typeof(DateTimeOffset)) return new DateTimeOffset(2030, 1, id + 1, 0, 0, 0, TimeSpan.Zero);
        if (type == typeof(SiloAddress)) return SiloAddress.New(IPAddress.Loopback, 11_111, 1);
        if (type == typeof(CancellationToken)) return CancellationToken.None;
        if (type == typeof(Exception)) return new InvalidOperationException(name);
        if (type == typeof(ReadOnlyMemory<byte>)) return new ReadOnlyMemory<byte>([1, 0, 0, 0, (byte)id]);
        if (type.IsEnum) return Enum.GetValues(type).Cast<object>().First(value => (int)value != 0);
        if (type.IsAssignableTo(typeof(IGrainObserver))) return Observer(type);
        if (type.IsArray || (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>)))
        {
            var element = type.GetElementType() ?? type.GetGenericArguments()[0];
            var array = Array.CreateInstance(element, 2);
            for (int i = 0; i < array.Length; i++) array.SetValue(Value(element, id, name), i);
            return array;
        }

        return type.IsDefined(typeof(GenerateSerializerAttribute)) ? RuntimeHelpers.GetUninitializedObject(type) : throw new NotSupportedException($"{name} is a {type}: give it a sample in {nameof(Sampler)}.");
    }

    private object Observer(Type type) => typeof(IGrainFactory).GetMethods()
        .Single(method => method is { Name: nameof(IGrainFactory.GetGrain), IsGenericMethod: true } && method.GetParameters() is [var only] && only.ParameterType == typeof(GrainId))
        .MakeGenericMethod(type).Invoke(grains, [GrainId.Create("observer", "1")])!;
}
