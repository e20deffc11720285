using Orleans;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 55 and 59: streams whose ends live go on when the silo between them does not.</summary>
public sealed class SiloLossTests : IAsyncLifetime
{
    private readonly ClusterBed _bed = new() { SiloCount = 3 };

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ProducersSiloLost_ClientAndSiloGoOn(bool isKilled)
    {
        await using var upload = await Flow.WithProducerAtAsync(_bed, 2, "upload", Place.Client, Place.SiloA);
        await using var download = await Flow.WithProducerAtAsync(_bed, 2, "download", Place.SiloA, Place.Client);
        await using var round = await Flow.WithProducerAtAsync(_bed, 2, "round", Place.Client, Place.Client);
        Flow[] flows = [upload, download, round];
        foreach (var flow in flows) await flow.ReadAsync(500);

        await _bed.LoseAsync(_bed.Orleans.Silos[2], isKilled);

        foreach (var flow in flows) await flow.ReadAsync(2_000);
        foreach (var flow in flows) await flow.FinishAsync();
    }

    /// <summary>What nobody but the stopping silo holds goes on with the stream: its writer has completed and is gone.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ProducersSiloStopped_WriterHadCompletedAndLeft_NothingIsLost(bool isRead)
    {
        string name = Cluster.Name();
        await using var starter = await _bed.Factory(2).GetSinkAsync<int>(name).Soon();
        var sink = await _bed.Factory(1).GetSinkAsync<int>(name).Soon();
        await using var source = isRead ? await _bed[Place.Client].GetSourceAsync<int>(name, options: new() { InitialDemand = 4 }).Soon() : null;
        for (int i = 0; i < 500; i++) await sink.PutAsync(i).Soon();
        await sink.CompleteAsync().Soon();
        await starter.CompleteAsync().Soon();

        await _bed.LoseAsync(_bed.Orleans.Silos[1], isKilled: false);
        await _bed.LoseAsync(_bed.Orleans.Silos.Single(silo => silo.Name.EndsWith('2')), isKilled: false);

        await using var late = isRead ? null : await _bed[Place.Client].GetSourceAsync<int>(name).Soon();
        Assert.Equal(Enumerable.Range(0, 500), await (source ?? late!).DrainAsync());
    }

    /// <summary>
    /// Nothing but the ends' own clocks tells them: no call to the silo that is lost ever returns, by an answer, an error or a timeout of
    /// Orleans.
    /// </summary>
    [Fact]
    public async Task ProducersSiloKilled_NoCallToItEverReturns_TheStreamGoesOn()
    {
        await using var upload = await Flow.WithProducerAtAsync(_bed, 2, "upload", Place.Client, Place.SiloA);
        await using var download = await Flow.WithProducerAtAsync(_bed, 2, "download", Place.SiloA, Place.Client);
        Flow[] flows = [upload, download];
        foreach (var flow in flows) await flow.ReadAsync(500);

        string silo = _bed.Orleans.Silos[2].SiloAddress.ToParsableString();
        var never = new TaskCompletionSource();
        int calls = 0;
        _bed.Wire.Gate = call =>
        {
            // Those of the streams: of its own, Orleans gives up as soon as the silo is known to be dead.
            if (call.Grain is not (IStreamElementObserver<int> or IStreamDemandObserver)) return null;
            if (!call.TargetId.ToString().Contains(silo, StringComparison.Ordinal)) return null;
            Interlocked.Increment(ref calls);
            return never.Task;
        };
        _bed.Wire.AnswerGate = _bed.Wire.Gate;
        await _bed.LoseAsync(_bed.Orleans.Silos[2], isKilled: true);

        foreach (var flow in flows) await flow.ReadAsync(2_000);
        foreach (var flow in flows) await flow.FinishAsync();
        Assert.True(calls > 0);
        never.SetResult();
    }

    /// <summary>The subscription's home is nothing but a name: nobody misses it, and the next reader finds another.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConsumerGrainsSiloLost_ReaderAndProducerElsewhere_GoesOn_AndTheNextReaderTakesOverExactly(bool isKilled)
    {
        await using var sink = await _bed.Factory(0).GetSinkAsync<int>("home", new() { BufferSize = 64 }).Soon();
        await using (await _bed.Factory(2).GetSourceAsync<int>("home", "reader").Soon())
        {
            // Its home is where its first reader was; the next one takes over by way of it.
            await using var source = await _bed[Place.Client].GetSourceAsync<int>("home", "reader").Soon();
            await using var loop = source.GetAsyncEnumerator();
            var grains = await _bed.Orleans.Client.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics().Soon();
            var home = Assert.Single(grains, one => one.GrainId.ToString().StartsWith("casty.consumer", StringComparison.Ordinal));
            Assert.Equal(_bed.Orleans.Silos[2].SiloAddress, home.SiloAddress);
            var writing = Task.Run(() => sink.WriteAsync(Enumerable.Range(0, 3_000)));
            Assert.Equal(Enumerable.Range(0, 500), await loop.NextAsync(500));

            await _bed.LoseAsync(_bed.Orleans.Silos[2], isKilled);

            Assert.Equal(Enumerable.Range(500, 500), await loop.NextAsync(500));
            await using var next = await _bed.Factory(1).GetSourceAsync<int>("home", "reader").Soon();
            Assert.Equal(Enumerable.Range(1_000, 2_000), await next.DrainAsync());
            await Assert.ThrowsAsync<StreamSupersededException>(() => loop.MoveNextAsync().Soon());
            await writing.Soon();
        }
    }
}
