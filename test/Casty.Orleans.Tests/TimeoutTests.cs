using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 20, 29 to 31 and 33 of the catalogue: what time does to a stream, on a clock that the test moves.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class TimeoutTests(ClockedCluster cluster)
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Theory, Everywhere]
    public async Task Case20_InactivityTimeoutDistinct(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(consumer: new() { InactivityTimeout = 10 * Second });
        await using var loop = stream.Source.GetAsyncEnumerator();
        var waiting = loop.MoveNextAsync().AsTask();
        cluster.Clock.Advance(9 * Second);
        Assert.False(waiting.IsCompleted);
        await stream.Sink.PutAsync(42).Soon();
        Assert.True(await waiting.Soon());

        cluster.Clock.Advance(60 * Second);   // the reader is busy with the element: that does not count
        waiting = loop.MoveNextAsync().AsTask();
        cluster.Clock.Advance(9 * Second);
        Assert.False(waiting.IsCompleted);
        cluster.Clock.Advance(2 * Second);

        var error = await Assert.ThrowsAsync<TimeoutException>(() => waiting.Soon());
        Assert.Contains("00:00:10", error.Message);
        Assert.Contains($"'{stream.Source.Producer}'", error.Message);
        await loop.DisposeAsync().Soon();
        var told = await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
        Assert.Equal(StreamEndReason.Cancelled, told.Reason);
    }

    [Theory, NearAndFar]
    public async Task Case29_SubscribeTooLate(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 1, SubscriptionTimeout = 60 * Second }).Soon();
        await sink.PutAsync(1).Soon();
        var blocked = sink.PutAsync(2).AsTask();
        await cluster.RoundTripAsync();
        cluster.Clock.Advance(59 * Second);
        await cluster.RoundTripAsync();
        Assert.False(blocked.IsCompleted);
        cluster.Clock.Advance(2 * Second);

        var error = await Assert.ThrowsAsync<StreamAbandonedException>(() => blocked.Soon());
        Assert.Contains("00:01:00", error.Message);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.Completion.Soon());
        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.PutAsync(3).Soon());
        Assert.False(await sink.WaitToPutAsync().Soon());
        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.CompleteAsync().Soon());

        // The name is free: whoever comes now finds a stream that has nothing to do with the one before.
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        await using var next = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await next.WriteAsync([7]);
        Assert.Equal([7], await source.DrainAsync());
    }

    [Theory, NearAndFar]
    public async Task TheSubscriptionTimeout_RunsAgainFromDetaching(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader])
            .OpenAsync<int>(new() { SubscriptionTimeout = 60 * Second }, reader: "reader");
        cluster.Clock.Advance(45 * Second);
        await stream.Source.DetachAsync().Soon();
        await cluster.RoundTripAsync();
        cluster.Clock.Advance(45 * Second);
        await stream.Sink.PutAsync(1).Soon();
        await cluster.RoundTripAsync();
        cluster.Clock.Advance(20 * Second);

        await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Sink.Completion.Soon());
    }

    [Theory, NearAndFar]
    public async Task TheSubscriptionTimeout_OfAStreamThatCompletedUnread_TellsItsWriter(Place writer, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { SubscriptionTimeout = 60 * Second }).Soon();
        await sink.PutAsync(1).Soon();
        await sink.CompleteAsync().Soon();
        Assert.False(sink.Completion.IsCompleted);
        cluster.Clock.Advance(61 * Second);

        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.Completion.Soon());
        await using var next = await cluster[other].GetSinkAsync<int>(name).Soon();
    }

    [Theory, NearAndFar]
    public async Task Case30_NoTimeoutOnceSubscribed(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { SubscriptionTimeout = Second });
        cluster.Clock.Advance(TimeSpan.FromHours(1));
        await cluster.RoundTripAsync();
        await stream.Sink.WriteAsync([1]);

        Assert.Equal([1], await stream.Source.DrainAsync());
    }

    [Theory, NearAndFar]
    public async Task Case31_NoTimeoutDuringData(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader])
            .OpenAsync<int>(new() { SubscriptionTimeout = 2 * Second }, new() { InactivityTimeout = 2 * Second });
        await using var loop = stream.Source.GetAsyncEnumerator();
        for (int i = 0; i < 20; i++)
        {
            var next = loop.MoveNextAsync();
            cluster.Clock.Advance(Second);
            await stream.Sink.PutAsync(i).Soon();
            Assert.True(await next.Soon());
            cluster.Clock.Advance(Second);
        }

        await stream.Sink.CompleteAsync().Soon();
        Assert.False(await loop.MoveNextAsync().Soon());
    }

    [Theory, NearAndFar]
    public async Task InfiniteTimeouts_NeverEnd(Place writer, Place reader)
    {
        foreach (var never in (TimeSpan[])[Timeout.InfiniteTimeSpan, TimeSpan.MaxValue])   // no timer waits for that long
        {
            string name = Cluster.Name();
            await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { SubscriptionTimeout = never }).Soon();
            cluster.Clock.Advance(TimeSpan.FromHours(7));
            await using var source = await cluster[reader].GetSourceAsync<int>(name, options: new() { InactivityTimeout = never }).Soon();
            await using var loop = source.GetAsyncEnumerator();
            var waiting = loop.MoveNextAsync().AsTask();
            cluster.Clock.Advance(TimeSpan.FromMinutes(50));
            await sink.PutAsync(1).Soon();
            Assert.True(await waiting.Soon());
        }
    }

    [Theory, Everywhere]
    public async Task Case33_SlowReaderRenews(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = 2 }, new() { InitialDemand = 2 });
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 8));
        await using var loop = stream.Source.GetAsyncEnumerator();
        Assert.Equal([0], await loop.NextAsync(1));

        // Four leases of one day go by before the reader is done with its element, and it is renewed three times in each.
        for (int i = 0; i < 4 * 24; i++)
        {
            cluster.Clock.Advance(TimeSpan.FromHours(1));
            await cluster.RoundTripAsync();
        }

        Assert.Equal(Enumerable.Range(1, 7), await loop.NextAsync(7));
        Assert.False(await loop.MoveNextAsync().Soon());
        await writing;
    }
}
