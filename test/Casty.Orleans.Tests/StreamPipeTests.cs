using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A pipe behaves as a stream in a cluster does, on a clock that the test moves.</summary>
public sealed class StreamPipeTests
{
    private readonly ManualTime _time = new();

    private (SinkRef<int> Sink, SourceRef<int> Source) Create(int bufferSize = 1, int demand = 1, TimeSpan? inactivity = null, TimeSpan? subscription = null,
        StreamLeave? onLeave = null) =>
        StreamPipe.Create<int>(
            new() { BufferSize = bufferSize, SubscriptionTimeout = subscription },
            new() { InitialDemand = demand, InactivityTimeout = inactivity, OnLeave = onLeave }, _time);

    [Fact]
    public async Task Flow()
    {
        var (sink, source) = StreamPipe.Create<string>();
        await using var _ = sink;
        await sink.PutAllAsync(["a", "b", "c"]).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal(["a", "b", "c"], await source.ToListAsync().Soon());
        await sink.Completion.Soon();
        await source.Completion.Soon();
    }

    [Fact]
    public async Task Elements_AreHandedOverAsTheyAre()
    {
        var (sink, source) = StreamPipe.Create<List<int>>();
        await using var _ = sink;
        await using var __ = source;
        var element = new List<int>();
        await sink.PutAsync(element).Soon();
        Assert.Same(element, await source.Reader.ReadAsync().Soon());
    }

    [Theory]
    [InlineData(StreamDelivery.Broadcast, null)]
    [InlineData(StreamDelivery.Balanced, null)]
    [InlineData(StreamDelivery.Broadcast, StreamDelivery.Broadcast)]
    [InlineData(StreamDelivery.Balanced, StreamDelivery.Balanced)]
    public async Task FanOut(StreamDelivery delivery, StreamDelivery? expected)
    {
        var (sink, source) = StreamPipe.Create<int>(new() { Delivery = delivery, BufferSize = 4 },
            new() { Delivery = expected, Start = StreamStart.Earliest, InitialDemand = 3 }, _time);
        await using var _ = sink;
        var writing = sink.WriteAsync(Enumerable.Range(0, 100));
        Assert.Equal(Enumerable.Range(0, 100), await source.DrainAsync());
        await writing;
        await sink.Completion.Soon();
        await source.Completion.Soon();
    }

    [Theory]
    [InlineData(null, StreamDelivery.Broadcast)]
    [InlineData(StreamDelivery.Balanced, StreamDelivery.Single)]
    [InlineData(StreamDelivery.Broadcast, StreamDelivery.Balanced)]
    public void AnotherDelivery_IsRefused(StreamDelivery? delivery, StreamDelivery expected) =>
        Assert.Throws<ArgumentException>(() => StreamPipe.Create<int>(new() { Delivery = delivery }, new() { Delivery = expected }, _time));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(1, 3)]
    [InlineData(16, 4)]
    public async Task Backpressure_TakesExactlyBufferAndDemand(int bufferSize, int demand)
    {
        var (sink, source) = Create(bufferSize, demand);
        await using var _ = sink;
        await using var __ = source;

        // Every put begins before any element is read: exactly the buffer and the demand are taken.
        var puts = Enumerable.Range(0, bufferSize + demand + 5).Select(i => sink.PutAsync(i).AsTask()).ToArray();
        await Task.WhenAll(puts.Take(bufferSize + demand)).Soon();
        Assert.All(puts.Skip(bufferSize + demand), put => Assert.False(put.IsCompleted));
        Assert.False(sink.TryPut(-1));

        for (int i = 0; i < puts.Length; i++) Assert.Equal(i, await source.Reader.ReadAsync().Soon());
        await Task.WhenAll(puts).Soon();
    }

    [Fact]
    public async Task Unbounded_NeverWaits()
    {
        var (sink, source) = Create(bufferSize: 0);
        await using var _ = sink;
        for (int i = 0; i < 10_000; i++) Assert.True(sink.TryPut(i));
        Assert.True(sink.PutAsync(10_000).IsCompletedSuccessfully);
        await sink.CompleteAsync().Soon();
        Assert.Equal(10_001, await source.CountAsync().Soon());
    }

    [Fact]
    public async Task Break_ClosesTheSink()
    {
        var (sink, source) = Create();
        await using var _ = sink;
        var putting = sink.PutAllAsync(Enumerable.Range(0, int.MaxValue));
        var taken = new List<int>();
        await foreach (int element in source)
        {
            taken.Add(element);
            if (taken.Count == 3) break;
        }

        Assert.Equal([0, 1, 2], taken);
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => putting.Soon())).Reason);
        Assert.False(await sink.WaitToPutAsync().Soon());
        await sink.CompleteAsync().Soon();
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.Completion.Soon());
    }

    [Fact]
    public async Task Fail_ComesBehindTheElements()
    {
        var (sink, source) = Create(bufferSize: 4);
        await using var _ = sink;
        await sink.PutAllAsync([1, 2]).Soon();
        var cause = new InvalidTimeZoneException("Boom.");
        await sink.FailAsync(cause).Soon();

        var read = new List<int>();
        Assert.Same(cause, await Assert.ThrowsAsync<InvalidTimeZoneException>(async () =>
        {
            await foreach (int element in source) read.Add(element);
        }).Soon());
        Assert.Equal([1, 2], read);
        Assert.Same(cause, await Assert.ThrowsAsync<InvalidTimeZoneException>(() => sink.Completion.Soon()));
    }

    [Fact]
    public async Task DisposedSink_AbandonsBehindTheElements()
    {
        var (sink, source) = Create(bufferSize: 4);
        await sink.PutAllAsync([1, 2]).Soon();
        await sink.DisposeAsync().Soon();

        Assert.Equal([1, 2], await source.DrainUntilAbandonedAsync());
    }

    [Fact]
    public async Task InactivityTimeout_ThrowsAndLeaves()
    {
        var (sink, source) = Create(inactivity: TimeSpan.FromSeconds(10));
        await using var _ = sink;
        await using var loop = source.GetAsyncEnumerator();
        await sink.PutAsync(1).Soon();
        Assert.True(await loop.MoveNextAsync().Soon());

        // Only the time that the reader waits counts.
        _time.Advance(TimeSpan.FromSeconds(30));
        await sink.PutAsync(2).Soon();
        Assert.True(await loop.MoveNextAsync().Soon());

        var waiting = loop.MoveNextAsync().AsTask();
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<TimeoutException>(() => waiting.Soon());
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
    }

    [Fact]
    public async Task InactivityTimeout_OfTheReader_LeavesItUsable()
    {
        var (sink, source) = Create(inactivity: TimeSpan.FromSeconds(10));
        await using var _ = sink;
        await using var __ = source;
        var waiting = source.Reader.ReadAsync().AsTask();
        _time.Advance(TimeSpan.FromSeconds(10));
        await Assert.ThrowsAsync<TimeoutException>(() => waiting.Soon());
        await sink.PutAsync(1).Soon();
        Assert.Equal(1, await source.Reader.ReadAsync().Soon());
    }

    [Fact]
    public async Task SubscriptionTimeout_RunsWhileNobodyReads()
    {
        var (sink, source) = Create(subscription: TimeSpan.FromMinutes(1), onLeave: StreamLeave.Detach);
        await using var _ = sink;
        _time.Advance(TimeSpan.FromMinutes(2));
        await sink.PutAsync(1).Soon();
        Assert.Equal(1, await source.Reader.ReadAsync().Soon());

        await source.DetachAsync().Soon();
        _time.Advance(TimeSpan.FromSeconds(50));
        await sink.PutAsync(2).Soon();
        Assert.False(sink.Completion.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(11));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.Completion.Soon());
        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.PutAsync(3).Soon());
    }

    [Fact]
    public async Task QuietStream_OutlivesAJumpOfItsClock()
    {
        var (sink, source) = Create();
        await using var _ = sink;
        var reading = source.Reader.ReadAsync();
        _time.Advance(TimeSpan.FromDays(1));
        await sink.PutAsync(1).Soon();
        Assert.Equal(1, await reading.Soon());
        await source.DisposeAsync().Soon();
    }

    [Fact]
    public async Task Ended_LeavesNoTimer()
    {
        for (int i = 0; i < 10; i++)
        {
            var (sink, source) = Create(bufferSize: 8);
            await sink.PutAsync(1).Soon();
            if (i % 2 == 0) await sink.CompleteAsync().Soon();
            if (i % 3 == 0) await source.DisposeAsync().Soon();
            await sink.DisposeAsync().Soon();
            if (i % 2 == 0) await source.DisposeAsync().Soon();
            else await source.DetachAsync().Soon();
        }

        _time.Advance(TimeSpan.FromMinutes(10));
        await Waiting.UntilAsync(() => _time.Timers == 0, () => $"{_time.Timers} timers are left.");
    }

    [Fact]
    public void BadOptions_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("producer", () => StreamPipe.Create<int>(new() { BufferSize = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>("consumer", () => StreamPipe.Create<int>(consumer: new() { InitialDemand = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("consumer", () => StreamPipe.Create<int>(consumer: new() { InitialDemand = 3, MaxDemand = 2 }));
        Assert.Throws<ArgumentOutOfRangeException>("consumer", () => StreamPipe.Create<int>(consumer: new() { InactivityTimeout = TimeSpan.FromSeconds(-2) }));
    }
}
