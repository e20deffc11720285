using System.Reflection;
using Casty.Orleans.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;

namespace Casty.Orleans.Approval.Tests;

/// <summary>Everything that crosses the wire, and Orleans' serialiser as a client has it.</summary>
public sealed class Wire : IDisposable
{
    private static readonly Assembly[] Assemblies = [typeof(CastyStreamsOptions).Assembly, typeof(CastyStreamsSiloBuilderExtensions).Assembly];

    private readonly IHost _client = new HostBuilder().UseOrleansClient(client => client.UseLocalhostClustering()).Build();
    private readonly Sampler _sampler;

    public Wire() => _sampler = new Sampler(_client.Services, _client.Services.GetRequiredService<IGrainFactory>());

    public IServiceProvider Services => _client.Services;

    /// <summary>What is sent, inside of calls and answers.</summary>
    public static IEnumerable<Type> Messages => Types.Where(type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false));

    /// <summary>The interfaces that are called across processes.</summary>
    public static IEnumerable<Type> Interfaces => Types.Where(type => type.IsInterface && type.IsAssignableTo(typeof(IAddressable)));

    /// <summary>The enumerations whose values are sent as numbers.</summary>
    public static IEnumerable<Type> Enumerations => Messages.SelectMany(Sampler.Fields).Select(one => one.Property.PropertyType)
        .Where(type => type.IsEnum).Append(typeof(Leave)).Distinct();

    /// <summary>A sample of each message, and of each call, by what it is called on the wire.</summary>
    public IEnumerable<(string Name, object Sample)> Samples =>
    [
        .. Messages.Select(type => (Described.AliasOf(type), _sampler.Message(Sampler.Closed(type)))),
        .. Types.Where(IsCall).Select(type => _sampler.Call(Sampler.Closed(type))).Select(call => ($"{Described.AliasOf(call.GetInterfaceType())}.{Described.AliasOf(call.GetMethod())}", (object)call)),
        .. new[] { typeof(SinkRef<int>), typeof(SourceRef<int>) }.Select(type => (type.Name, _sampler.Message(type))),
    ];

    public byte[] Serialise(object message) => Services.GetRequiredService<Serializer>().SerializeToArray(message);

    public object Deserialise(byte[] bytes) => Services.GetRequiredService<Serializer>().Deserialize<object>(bytes);

    public void Dispose() => _client.Dispose();

    private static IEnumerable<Type> Types => Assemblies.SelectMany(assembly => assembly.GetTypes());

    /// <summary>What Orleans generates for a call; the one that asks for the caller's own services is never sent.</summary>
    private static bool IsCall(Type type) =>
        type is { IsClass: true, IsAbstract: false } && type.IsAssignableTo(typeof(IInvokable)) && !type.IsAssignableTo(typeof(CallerServicesRequest));
}
