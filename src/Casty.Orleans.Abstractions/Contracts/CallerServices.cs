using Orleans;
using Orleans.Invocation;
using Orleans.Runtime;
using Orleans.Serialization.Invocation;

namespace Casty.Orleans;

/// <summary>The services of the process that holds a grain reference.</summary>
/// <remarks>
/// An <see cref="IGrainFactory"/> shows no container, but a grain reference creates its requests from the container of the
/// process that holds it. A request type of our own gets at it by its constructor, with no registration and no statics.
/// </remarks>
/// <param name="Services">The services.</param>
public sealed record CallerServices(IServiceProvider Services);

/// <summary>Marks the method whose call never leaves the caller: its request answers in place of the grain.</summary>
[AttributeUsage(AttributeTargets.Method)]
[InvokableBaseType(typeof(GrainReference), typeof(CallerServices), typeof(CallerServicesRequest))]
internal sealed class AnsweredByCallerAttribute : Attribute;

/// <summary>The request behind <see cref="IStreamProducerGrain{T}.GetCallerServices"/>. Never sent.</summary>
[SerializerTransparent]
[ReturnValueProxy(nameof(Answer))]
public abstract class CallerServicesRequest : RequestBase
{
    [NonSerialized]
    private readonly IServiceProvider _services;

    /// <summary>Creates the request.</summary>
    /// <param name="services">The services of the process that holds the reference.</param>
    [GeneratedActivatorConstructor]
    protected CallerServicesRequest(IServiceProvider services) => _services = services;

    /// <summary>Answers in place of the grain.</summary>
    /// <param name="target">The reference that was called; not used.</param>
    public CallerServices Answer(GrainReference target) => new(_services);

    /// <inheritdoc/>
    public override ValueTask<Response> Invoke() => new(Response.FromException(
        new NotSupportedException("A request for the caller's services is answered by the caller and never sent.")));

    /// <summary>Generated; never called.</summary>
    protected abstract CallerServices InvokeInner();
}
