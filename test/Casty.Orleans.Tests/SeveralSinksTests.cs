using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Several sinks on one producer, from different places: they share its buffer, and none starves.</summary>
public sealed class SeveralSinksTests(SeveralSinksTests.Fixture fixture) : IClassFixture<SeveralSinksTests.Fixture>
{
    private readonly ClusterBed _bed = fixture.Bed;

    [Theory]
    [InlineData(8, 4)]
    [InlineData(1, 1)]
    [InlineData(2, 16)]
    public async Task Bound_HoldsOverAllSinks(int bufferSize, int demand)
    {
        const int Each = 100;
        var (sinks, name) = await OpenAsync(6, bufferSize);
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(name, options: new() { InitialDemand = demand }).Soon();

        // What is asked for counts before it is, what is put after it was: so nothing looks more than it is.
        long put = 0, asked = 0, most = 0;
        var putting = sinks.Select((sink, i) => Task.Run(async () =>
        {
            for (int n = 0; n < Each; n++)
            {
                await sink.PutAsync((i * Each) + n);
                long over = Interlocked.Increment(ref put) - Interlocked.Read(ref asked);
                InterlockedMax(ref most, over);
            }

            await sink.CompleteAsync();
        })).ToArray();

        // Unread, the stream takes its buffer and its demand, and not one element more.
        await Waiting.UntilAsync(() => Interlocked.Read(ref put) >= bufferSize + demand, () => $"{put} were put.");
        await _bed.SettleAsync();
        Assert.Equal(bufferSize + demand, Interlocked.Read(ref put));

        var read = new List<int>();
        do
        {
            Interlocked.Increment(ref asked);
            while (source.Reader.TryRead(out int element))
            {
                read.Add(element);
                Interlocked.Increment(ref asked);
            }
        }
        while (await source.Reader.WaitToReadAsync().Soon());

        await Task.WhenAll(putting).Soon();
        Assert.InRange(most, 1, bufferSize + demand);
        AssertOrder(read, sinks.Count, Each);
        await DisposeAsync(sinks);
    }

    [Theory]
    [InlineData(1, 3, 1)]
    [InlineData(1, 3, 2)]
    [InlineData(1, 8, 4)]
    [InlineData(2, 3, 1)]
    [InlineData(2, 5, 3)]
    [InlineData(2, 8, 6)]
    [InlineData(1, 8, 0)]
    public async Task SmallBuffer_NobodyStarves(int bufferSize, int writers, int idle)
    {
        const int Each = 40;
        var (sinks, name) = await OpenAsync(writers, bufferSize);
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon();

        // The idle ones came first: they have the credit.
        var putting = sinks.Skip(idle).Select((sink, i) => Task.Run(async () =>
        {
            for (int n = 0; n < Each; n++) await sink.PutAsync((i * Each) + n);
            await sink.CompleteAsync();
        })).ToArray();
        var reading = source.ToListAsync();
        await Task.WhenAll(putting).Soon();
        foreach (var sink in sinks.Take(idle)) await sink.CompleteAsync().Soon();

        AssertOrder(await reading.Soon(), writers - idle, Each);
        await DisposeAsync(sinks);
    }

    [Fact]
    public async Task IdleWriter_GetsItsTurnLater()
    {
        var (sinks, name) = await OpenAsync(4, bufferSize: 1);
        await using var source = await _bed[Place.SiloA].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon();
        for (int round = 0; round < 20; round++)
        {
            int element = round;
            var put = sinks[round % 4].PutAsync(element).Soon();
            Assert.Equal(element, await source.Reader.ReadAsync().Soon());
            await put;
        }

        await DisposeAsync(sinks);
    }

    [Fact]
    public async Task End_ComesWithTheLastWriters()
    {
        var (sinks, name) = await OpenAsync(3);
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(name).Soon();
        foreach (var sink in sinks)
        {
            Assert.False(source.Completion.IsCompleted);
            await sink.PutAsync(1).Soon();
            Assert.Equal(1, await source.Reader.ReadAsync().Soon());
            await sink.CompleteAsync().Soon();
        }

        Assert.False(await source.Reader.WaitToReadAsync().Soon());
        foreach (var sink in sinks) await sink.Completion.Soon();
        await DisposeAsync(sinks);
    }

    [Fact]
    public async Task OneFails_AllAreTold()
    {
        var (sinks, name) = await OpenAsync(4, bufferSize: 2);
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon();
        var blocked = sinks.Select(sink => sink.PutAllAsync(Enumerable.Range(0, 100))).Skip(1).ToArray();
        await sinks[0].FailAsync(new SensorException("Boom.", 40)).Soon();

        foreach (var put in blocked)
        {
            Assert.Equal(StreamEndReason.Failed, (await Assert.ThrowsAsync<StreamClosedException>(() => put.Soon())).Reason);
        }

        Assert.Equal(40, (await Assert.ThrowsAsync<SensorException>(() => source.CountAsync().Soon())).Degrees);
        foreach (var sink in sinks) Assert.Equal(40, (await Assert.ThrowsAsync<SensorException>(() => sink.Completion.Soon())).Degrees);
        await DisposeAsync(sinks);
    }

    [Fact]
    public async Task OneAbandons_TheOthersGoOn()
    {
        var (sinks, name) = await OpenAsync(4);
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(name).Soon();
        await sinks[0].PutAsync(0).Soon();
        await sinks[0].DisposeAsync().Soon();
        for (int i = 1; i < 4; i++)
        {
            await sinks[i].PutAsync(i).Soon();
            await sinks[i].CompleteAsync().Soon();
        }

        Assert.Equal([0, 1, 2, 3], (await source.DrainUntilAbandonedAsync()).Order());
        await DisposeAsync(sinks);
    }

    [Fact]
    public async Task ThousandShortLivedWriters()
    {
        const int Writers = 1_000;
        string name = Cluster.Name();
        var first = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var reading = source.ToListAsync();

        await Parallel.ForAsync(0, Writers, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            await using var sink = await _bed[(Place)(i % 3)].GetSinkAsync<int>(name).Soon();
            for (int n = 0; n < 3; n++) await sink.PutAsync((i * 3) + n).Soon();
            await sink.CompleteAsync().Soon();
        });
        await first.CompleteAsync().Soon();

        AssertOrder(await reading.Soon(), Writers, 3);
        await first.DisposeAsync().Soon();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task FramesCarryManyElements(int writers)
    {
        const int Each = 5_000;
        var (sinks, name) = await OpenAsync(writers, bufferSize: null);
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        long before = _bed.Wire.Calls, elements = _bed.Wire.Elements;

        var putting = sinks.Select((sink, i) => Task.Run(async () =>
        {
            await sink.PutAllAsync(Enumerable.Range(i * Each, Each));
            await sink.CompleteAsync();
        })).ToArray();
        AssertOrder(await source.ToListAsync().Soon(), writers, Each);
        await Task.WhenAll(putting).Soon();

        long calls = _bed.Wire.Calls - before, sent = _bed.Wire.Elements - elements;
        Assert.True(calls * 8 < sent, $"{sent} elements took {calls} calls.");
        await DisposeAsync(sinks);
    }

    /// <summary>Opens sinks in turn from every place; the producer lives on silo A.</summary>
    private async Task<(List<SinkRef<int>> Sinks, string Name)> OpenAsync(int count, int? bufferSize = 16)
    {
        string name = Cluster.Name();
        var sinks = new List<SinkRef<int>>();
        for (int i = 0; i < count; i++)
        {
            sinks.Add(await _bed[(Place)(i % 3)].GetSinkAsync<int>(name, new() { BufferSize = bufferSize }).Soon());
        }

        return (sinks, name);
    }

    private static async Task DisposeAsync(List<SinkRef<int>> sinks)
    {
        foreach (var sink in sinks) await sink.DisposeAsync().Soon();
    }

    private static void AssertOrder(List<int> read, int writers, int each)
    {
        Assert.Equal(writers * each, read.Count);
        foreach (var ofWriter in read.GroupBy(element => element / each)) Assert.Equal(Enumerable.Range(ofWriter.Key * each, each), ofWriter);
    }

    private static void InterlockedMax(ref long most, long value)
    {
        long seen = Interlocked.Read(ref most);
        while (value > seen)
        {
            long before = Interlocked.CompareExchange(ref most, value, seen);
            if (before == seen) return;
            seen = before;
        }
    }

    public sealed class Fixture : IAsyncLifetime
    {
        // Its clock never moves: nobody may have to repeat anything before everybody has had its turn.
        public ClusterBed Bed { get; } = new() { Time = new ManualTime() };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
