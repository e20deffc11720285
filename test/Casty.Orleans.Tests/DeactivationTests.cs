using System.Collections.Concurrent;
using Orleans;
using Orleans.Placement;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>The grain that holds a ref is deactivated: what it does about it itself works, and what it forgets is done for it.</summary>
[Collection(nameof(Cluster))]
public sealed class DeactivationTests(Cluster cluster)
{
    /// <summary>The holder lives on silo A; the producer beside it, or on the other silo.</summary>
    public static TheoryData<Place> Producers() => [Place.SiloA, Place.SiloB];

    [Theory, MemberData(nameof(Producers))]
    public async Task Complete_InOnDeactivate(Place producer)
    {
        var (name, holder) = Holder();
        await using var source = await cluster[producer].GetSourceAsync<int>(name).Soon();
        await holder.HoldSinkAsync(name, Parting.Complete).Soon();
        await DeactivateAsync(holder);
        Assert.Equal([1, 2], await source.ToListAsync().Soon());
    }

    [Theory, MemberData(nameof(Producers))]
    public async Task DisposeSink_InOnDeactivate(Place producer)
    {
        var (name, holder) = Holder();
        await using var source = await cluster[producer].GetSourceAsync<int>(name).Soon();
        await holder.HoldSinkAsync(name, Parting.Dispose).Soon();
        await DeactivateAsync(holder);
        await AssertAbandonedAsync(source);
    }

    [Theory, MemberData(nameof(Producers))]
    public async Task ForgottenSink_IsAbandoned(Place producer)
    {
        var (name, holder) = Holder();
        await using var source = await cluster[producer].GetSourceAsync<int>(name).Soon();
        await holder.HoldSinkAsync(name, Parting.Forget).Soon();
        await DeactivateAsync(holder);
        await AssertAbandonedAsync(source);
    }

    [Theory, MemberData(nameof(Producers))]
    public async Task BlockedPut_DoesNotHoldUpDeactivation(Place producer)
    {
        var (name, holder) = Holder();
        await using var first = await cluster[producer].GetSinkAsync<int>(name, new() { BufferSize = 2 }).Soon();
        await holder.HoldSinkAsync(name, Parting.Dispose, alsoBlocked: true).Soon();
        await DeactivateAsync(holder);
    }

    [Theory, MemberData(nameof(Producers))]
    public async Task Detach_InOnDeactivate(Place producer)
    {
        var (name, holder) = Holder();
        await using var sink = await PutAsync(producer, name);
        await holder.HoldSourceAsync(name, "c", Parting.Detach).Soon();
        await DeactivateAsync(holder);
        await AssertResumesAsync(sink, name);
    }

    [Theory, MemberData(nameof(Producers))]
    public async Task ForgottenNamedSource_IsDetached(Place producer)
    {
        var (name, holder) = Holder();
        await using var sink = await PutAsync(producer, name);
        await holder.HoldSourceAsync(name, "c", Parting.Forget).Soon();
        await DeactivateAsync(holder);
        await AssertResumesAsync(sink, name);
    }

    [Theory, MemberData(nameof(Producers))]
    public async Task DisposeSource_InOnDeactivate(Place producer)
    {
        var (name, holder) = Holder();
        await using var sink = await PutAsync(producer, name);
        await holder.HoldSourceAsync(name, "c", Parting.Dispose).Soon();
        await DeactivateAsync(holder);
        await AssertCancelledAsync(sink);
    }

    [Theory, MemberData(nameof(Producers))]
    public async Task ForgottenAnonymousSource_IsCancelled(Place producer)
    {
        var (name, holder) = Holder();
        await using var sink = await PutAsync(producer, name);
        await holder.HoldSourceAsync(name, consumer: null, Parting.Forget).Soon();
        await DeactivateAsync(holder);
        await AssertCancelledAsync(sink);
    }

    [Fact]
    public async Task OpenedInOnActivate_Works()
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloB].GetSinkAsync<int>($"{name}/in").Soon();
        await using var source = await cluster[Place.SiloB].GetSourceAsync<int>($"{name}/out").Soon();
        var grain = cluster[Place.SiloA].GetGrain<IRelayGrain>(name);
        await sink.PutAllAsync([1, 2, 3]).Soon();
        await grain.RelayAsync(3).Soon();
        await cluster.Orleans.DeactivateAsync(grain).Soon();

        Assert.Equal([1, 2, 3], await source.DrainUntilAbandonedAsync());
        await AssertCancelledAsync(sink);
    }

    [Fact]
    public async Task GrainThatLivesOn_KeepsNothingOfItsPastStreams()
    {
        var (name, holder) = Holder();
        var (during, after) = await holder.HoldManyAsync(name, 100).Soon();
        Assert.InRange(during, 2, 50);   // those of the streams before may still be on their way out
        Assert.Equal(0, after);
    }

    private (string Name, IHolderGrain Holder) Holder()
    {
        string name = Cluster.Name();
        return (name, cluster[Place.SiloA].GetGrain<IHolderGrain>(name));
    }

    private async Task DeactivateAsync(IHolderGrain holder)
    {
        var left = HolderGrain.Left(holder.GetPrimaryKeyString());
        await holder.LeaveAsync().Soon();

        // Orleans would end a deadlock after its own timeout: it must not have come to that.
        Assert.False(await left.Task.Soon());
        await cluster.Orleans.WaitForDeactivationAsync(holder).Soon();
    }

    private async Task<SinkRef<int>> PutAsync(Place producer, string name)
    {
        var sink = await cluster[producer].GetSinkAsync<int>(name).Soon();
        await sink.PutAllAsync([1, 2, 3, 4]).Soon();
        return sink;
    }

    private async Task AssertResumesAsync(SinkRef<int> sink, string name)
    {
        await sink.CompleteAsync().Soon();
        await using var next = await cluster[Place.Client].GetSourceAsync<int>(name, "c").Soon();
        Assert.Equal([3, 4], await next.ToListAsync().Soon());
    }

    private static async Task AssertCancelledAsync(SinkRef<int> sink)
    {
        var error = await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion).Soon();
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
    }

    private static async Task AssertAbandonedAsync(SourceRef<int> source) => Assert.Equal([1, 2], await source.DrainUntilAbandonedAsync());
}

/// <summary>What a holder does when it is deactivated.</summary>
public enum Parting
{
    Forget,
    Complete,
    Dispose,
    Detach,
}

public interface IHolderGrain : IGrainWithStringKey
{
    /// <summary>Opens a sink and puts 1 and 2.</summary>
    Task HoldSinkAsync(string stream, Parting parting, bool alsoBlocked = false);

    /// <summary>Puts one more.</summary>
    Task PutAsync(int element);

    /// <summary>Opens a source and reads two elements.</summary>
    Task HoldSourceAsync(string stream, string? consumer, Parting parting);

    /// <summary>Opens and ends streams one after another; answers how many ends the grain kept during the last one, and afterwards.</summary>
    Task<(int During, int After)> HoldManyAsync(string stream, int count);

    Task LeaveAsync();
}

[PreferLocalPlacement]
public sealed class HolderGrain : Grain, IHolderGrain
{
    private static readonly ConcurrentDictionary<string, TaskCompletionSource<bool>> Leaving = new();

    private SinkRef<int>? _sink;
    private SourceRef<int>? _source;
    private Parting _parting;
    private Task? _blocked;

    /// <summary>Ends when the grain has parted: true if it was out of time by then.</summary>
    public static TaskCompletionSource<bool> Left(string holder) =>
        Leaving.GetOrAdd(holder, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    public async Task HoldSinkAsync(string stream, Parting parting, bool alsoBlocked)
    {
        _parting = parting;
        _sink = await GrainFactory.GetSinkAsync<int>(stream);
        await _sink.PutAsync(1);
        await _sink.PutAsync(2);
        if (alsoBlocked) _blocked = _sink.PutAsync(3).AsTask();
    }

    public async Task PutAsync(int element) => await _sink!.PutAsync(element);

    public async Task HoldSourceAsync(string stream, string? consumer, Parting parting)
    {
        _parting = parting;
        _source = await GrainFactory.GetSourceAsync<int>(stream, consumer);
        await _source.Reader.ReadAsync();
        await _source.Reader.ReadAsync();
    }

    public async Task<(int During, int After)> HoldManyAsync(string stream, int count)
    {
        var host = StreamHost.For(ServiceProvider);
        int during = 0;
        for (int i = 0; i < count; i++)
        {
            var sink = await GrainFactory.GetSinkAsync<int>(stream);
            var source = await GrainFactory.GetSourceAsync<int>(stream);
            during = host.EndCountOf(GrainContext);
            await sink.PutAsync(i);
            await source.Reader.ReadAsync();
            await sink.CompleteAsync();
            await source.Reader.WaitToReadAsync();
            await sink.Completion;
            await source.DisposeAsync();
            await sink.DisposeAsync();
        }

        await Waiting.UntilAsync(() => host.EndCountOf(GrainContext) == 0);
        return (during, host.EndCountOf(GrainContext));
    }

    public Task LeaveAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        switch (_parting)
        {
            case Parting.Complete:
                await _sink!.CompleteAsync(cancellationToken);
                break;

            case Parting.Dispose:
                if (_sink is not null) await _sink.DisposeAsync();
                if (_source is not null) await _source.DisposeAsync();
                break;

            case Parting.Detach:
                await _source!.DetachAsync();
                break;
        }

        if (_blocked is not null) await Assert.ThrowsAsync<StreamAbandonedException>(() => _blocked);
        Left(this.GetPrimaryKeyString()).TrySetResult(cancellationToken.IsCancellationRequested);
    }
}

public interface IRelayGrain : IGrainWithStringKey
{
    /// <summary>Moves elements from the grain's source to its sink.</summary>
    Task RelayAsync(int count);
}

[PreferLocalPlacement]
public sealed class RelayGrain : Grain, IRelayGrain
{
    private SinkRef<int> _sink = null!;
    private SourceRef<int> _source = null!;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        string name = this.GetPrimaryKeyString();
        _source = await GrainFactory.GetSourceAsync<int>($"{name}/in", cancellationToken: cancellationToken);
        _sink = await GrainFactory.GetSinkAsync<int>($"{name}/out", cancellationToken: cancellationToken);
    }

    public async Task RelayAsync(int count)
    {
        for (int i = 0; i < count; i++) await _sink.PutAsync(await _source.Reader.ReadAsync());
    }
}
