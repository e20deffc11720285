using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A reader that comes to the end while another takes its name: the other is given nothing again.</summary>
public sealed class TakeoverTests : IAsyncLifetime
{
    private readonly ClusterBed _bed = new();

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    [Fact]
    public async Task Takeover_WhileTheOldReaderComesToTheEnd_NothingIsGivenTwice()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var old = await _bed[Place.SiloB].GetSourceAsync<int>(name, "reader", new() { InitialDemand = 16 }).Soon();
        await using var loop = old.GetAsyncEnumerator();
        await sink.PutAllAsync([1, 2, 3]).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([1, 2, 3], await loop.NextAsync(3));

        // The old reader is being asked where it stands, and the question is on its way.
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrives = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _bed.Wire.Gate = call =>
        {
            if (call.InterfaceMethod.Name != nameof(IStreamElementObserver<int>.YieldAsync)) return null;
            asked.TrySetResult();
            return arrives.Task;
        };
        var taking = _bed[Place.Client].GetSourceAsync<int>(name, "reader");
        await asked.Task.Soon();

        Assert.False(await loop.MoveNextAsync().Soon());
        await _bed.RoundTripAsync();
        arrives.SetResult();

        await using var next = await taking.Soon();
        Assert.Equal([], await next.DrainAsync());
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task Takeover_WhileASinkComesThatHasSeveralConsumers_TheNewReaderIsOneOfThem()
    {
        string name = Cluster.Name();
        await using var old = await _bed[Place.SiloB].GetSourceAsync<int>(name, "reader").Soon();
        await using var starter = await _bed[Place.SiloA].GetSourceAsync<int>(name, "reader").Soon();   // the old one's silo has the producer
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrives = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _bed.Wire.Gate = call =>
        {
            if (call.InterfaceMethod.Name != nameof(IStreamElementObserver<int>.YieldAsync)) return null;
            asked.TrySetResult();
            return arrives.Task;
        };
        var taking = _bed[Place.Client].GetSourceAsync<int>(name, "reader");
        await asked.Task.Soon();
        await using var sink = await _bed[Place.SiloB].GetSinkAsync<int>(name, new() { Delivery = StreamDelivery.Broadcast }).Soon();
        arrives.SetResult();

        await using var next = await taking.Soon();
        await using var other = await _bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var reading = (next.DrainAsync(), other.DrainAsync());
        await sink.WriteAsync(Enumerable.Range(0, 100));
        Assert.Equal(Enumerable.Range(0, 100), await reading.Item1);
        Assert.Equal(Enumerable.Range(0, 100), await reading.Item2);
    }
}
