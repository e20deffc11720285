using Orleans;
using Orleans.Concurrency;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Casty.Orleans.Tests;

public interface IHandlerGrain : IGrainWithStringKey
{
    Task ConsumeAsync(string stream);

    Task ConsumeNothingAsync(string stream);

    Task StopAsync(string stream, StreamLeave leave = StreamLeave.Detach);

    Task<string> PingAsync();

    Task LeaveAsync();

    Task MigrateAsync(SiloAddress to);
}

/// <summary>Tells <see cref="Handled"/>, by the key that its streams' names end with.</summary>
public abstract class HandlerGrain(ILocalSiloDetails silo) : Grain, IHandlerGrain, IHandlesStream<int>
{
    private readonly Guid _activation = Guid.NewGuid();

    protected Handled Handled => Handled.By(this.GetPrimaryKeyString());

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        Handled.OnActivated(_activation, silo.SiloAddress);
        return Handled.Activate();
    }

    public Task ConsumeAsync(string stream) => this.ConsumeAsync<int>(stream);

    public Task ConsumeNothingAsync(string stream) => this.ConsumeAsync<long>(stream);

    public Task StopAsync(string stream, StreamLeave leave) => this.StopConsumingAsync<int>(stream, leave);

    public Task<string> PingAsync() => Task.FromResult(this.GetPrimaryKeyString());

    public Task LeaveAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public Task MigrateAsync(SiloAddress to)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, to);
        this.MigrateOnIdle();
        return Task.CompletedTask;
    }

    public StreamHandlerOptions? GetHandlerOptions(string stream) => Handled.Options;

    public Task OnCompletedAsync(string stream) => Handled.OnCompletedAsync();

    public Task OnFailedAsync(string stream, Exception error) => Handled.OnFailedAsync(error);
}

[PreferLocalPlacement, ConsumesStream("single/{key}")]
public sealed class SingleGrain(ILocalSiloDetails silo) : HandlerGrain(silo), IStreamHandler<int>
{
    public Task OnElementAsync(int element, string stream, CancellationToken cancellationToken) => Handled.OnElementAsync(element, cancellationToken);
}

[PreferLocalPlacement, ConsumesStream("batch/{key}/in")]
public sealed class BatchGrain(ILocalSiloDetails silo) : HandlerGrain(silo), IStreamBatchHandler<int>
{
    public Task OnBatchAsync(IReadOnlyList<int> elements, string stream, CancellationToken cancellationToken) => Handled.OnBatchAsync(elements, cancellationToken);
}

[PreferLocalPlacement, Reentrant]
public sealed class ReentrantHandlerGrain(ILocalSiloDetails silo) : HandlerGrain(silo), IStreamHandler<int>
{
    public Task OnElementAsync(int element, string stream, CancellationToken cancellationToken) => Handled.OnElementAsync(element, cancellationToken);
}

public interface INumberedGrain : IGrainWithIntegerKey;

[ConsumesStream("numbered/{key}")]
public sealed class NumberedGrain : Grain, INumberedGrain, IStreamHandler<int>
{
    public Task OnElementAsync(int element, string stream, CancellationToken cancellationToken) =>
        Handled.By($"number {this.GetPrimaryKeyLong()}").OnElementAsync(element, cancellationToken);
}

public interface IGuidHandlerGrain : IGrainWithGuidKey;

[ConsumesStream("guid/{key}")]
public sealed class GuidHandlerGrain : Grain, IGuidHandlerGrain, IStreamHandler<int>, IStreamHandler<string>
{
    public Task OnElementAsync(int element, string stream, CancellationToken cancellationToken) =>
        Handled.By($"{this.GetPrimaryKey()}").OnElementAsync(element, cancellationToken);

    public Task OnElementAsync(string element, string stream, CancellationToken cancellationToken) =>
        Handled.By($"{this.GetPrimaryKey()}").OnElementAsync(element.Length, cancellationToken);
}
