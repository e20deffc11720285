using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.TestingHost;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 29 to 32, 55 and 56: streams whose ends live go on when the silo between them does not.</summary>
public sealed class SiloLossTests : IAsyncLifetime
{
    // A silo that is killed is to be missed soon.
    private readonly ClusterBed _bed = new()
    {
        SiloCount = 3,
        Silos = silo => silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = TimeSpan.FromMilliseconds(500);
            options.NumMissedProbesLimit = 2;
            options.NumVotesForDeathDeclaration = 1;
        }),
    };

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ProducersSiloLost_ClientAndSiloGoOn(bool isKilled)
    {
        await using var upload = await FlowAsync("upload", Place.Client, Place.SiloA);
        await using var download = await FlowAsync("download", Place.SiloA, Place.Client);
        await using var round = await FlowAsync("round", Place.Client, Place.Client);
        Flow[] flows = [upload, download, round];
        foreach (var flow in flows) await flow.ReadAsync(500).Soon();

        await LoseAsync((InProcessSiloHandle)_bed.Orleans.Silos[2], isKilled);

        foreach (var flow in flows) await flow.ReadAsync(2_000).Soon();
        foreach (var flow in flows) await flow.FinishAsync().Soon();
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

        await _bed.Orleans.StopSiloAsync(_bed.Orleans.Silos[1]).Soon();
        await _bed.Orleans.StopSiloAsync(_bed.Orleans.Silos.Single(silo => silo.Name.EndsWith('2'))).Soon();

        await using var late = isRead ? null : await _bed[Place.Client].GetSourceAsync<int>(name).Soon();
        Assert.Equal(Enumerable.Range(0, 500), await (source ?? late!).DrainAsync());
    }

    private Task LoseAsync(InProcessSiloHandle silo, bool isKilled) => isKilled ? _bed.Orleans.KillSiloAsync(silo) : _bed.Orleans.StopSiloAsync(silo);

    /// <summary>A stream whose producer is on the third silo, with neither end there.</summary>
    private async Task<Flow> FlowAsync(string name, Place writer, Place reader)
    {
        // Whoever asks first decides where the producer is: the third silo asks, and leaves again once the others are there.
        await using var starter = await _bed.Factory(2).GetSinkAsync<int>(name);
        var sink = await _bed[writer].GetSinkAsync<int>(name);
        var source = await _bed[reader].GetSourceAsync<int>(name);
        await starter.CompleteAsync();
        await starter.Completion.WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new Flow(sink, source);
    }

    /// <summary>One that writes all the time, and a reader that sees that nothing is lost, doubled or out of turn.</summary>
    private sealed class Flow : IAsyncDisposable
    {
        private readonly SinkRef<int> _sink;
        private readonly SourceRef<int> _source;
        private readonly IAsyncEnumerator<int> _loop;
        private readonly CancellationTokenSource _enough = new();
        private readonly Task<int> _writing;
        private int _next;

        public Flow(SinkRef<int> sink, SourceRef<int> source)
        {
            _sink = sink;
            _source = source;
            _loop = source.GetAsyncEnumerator();
            _writing = Task.Run(WriteAsync);
        }

        public async Task ReadAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                Assert.True(await _loop.MoveNextAsync());
                Assert.Equal(_next++, _loop.Current);
            }
        }

        public async Task FinishAsync()
        {
            await _enough.CancelAsync();
            while (await _loop.MoveNextAsync()) Assert.Equal(_next++, _loop.Current);
            Assert.Equal(await _writing, _next);
            await _sink.Completion;
        }

        public async ValueTask DisposeAsync()
        {
            await _enough.CancelAsync();
            await _loop.DisposeAsync();
            await _source.DisposeAsync();
            await _sink.DisposeAsync();
            _enough.Dispose();
        }

        private async Task<int> WriteAsync()
        {
            int count = 0;
            while (!_enough.IsCancellationRequested) await _sink.PutAsync(count++);
            await _sink.CompleteAsync();
            return count;
        }
    }
}
