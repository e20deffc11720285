using Orleans.Serialization;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A sequence served as a stream in one call: how each side's end reaches the other.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class ServeTests(ClockedCluster cluster)
{
    [Theory, Everywhere]
    public async Task ASequence_IsReadToItsEnd_AndTheCallEndsThen(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var feed = new Feed(100);
        var serving = cluster[writer].ServeAsync(name, feed.RunAsync());
        await feed.Disposed.Soon();   // the buffer takes it all
        await cluster.RoundTripAsync();
        Assert.False(serving.IsCompleted);

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        Assert.Equal(Enumerable.Range(0, 100), await source.DrainAsync());
        await serving.Soon();
    }

    [Theory, NearAndFar]
    public async Task ACollection_IsServedAlike(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var serving = cluster[writer].ServeAsync(name, Enumerable.Range(0, 50), new() { BufferSize = 4 });
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        Assert.Equal(Enumerable.Range(0, 50), await source.DrainAsync());
        await serving.Soon();
    }

    [Theory, NearAndFar]
    public async Task ASequenceThatFails_FailsTheStream_BehindItsElements(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var feed = new Feed(3) { Fails = new SensorException("overheated", 451) };
        var serving = cluster[writer].ServeAsync(name, feed.RunAsync());
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();

        var (read, error) = await ReadAsync(source);
        Assert.Equal([0, 1, 2], read);
        Assert.Equal(451, Assert.IsType<SensorException>(error).Degrees);
        Assert.Same(feed.Fails, await Assert.ThrowsAsync<SensorException>(() => serving.Soon()));
        await feed.Disposed.Soon();
    }

    [Theory, NearAndFar]
    public async Task ASequenceThatWasCancelledByItself_HasFailed(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var feed = new Feed(1) { Fails = new TaskCanceledException("The request timed out.") };
        var serving = cluster[writer].ServeAsync(name, feed.RunAsync());
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();

        var (read, error) = await ReadAsync(source);
        Assert.Equal([0], read);
        Assert.Equal("The request timed out.", Assert.IsType<TaskCanceledException>(error).Message);
        await Assert.ThrowsAsync<TaskCanceledException>(() => serving.Soon());
    }

    [Theory, NearAndFar]
    public async Task AReaderThatLeaves_StopsASequenceThatIdles(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var feed = new Feed(3) { Idles = true };
        var serving = cluster[writer].ServeAsync(name, feed.RunAsync());
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        Assert.Equal([0, 1, 2], await source.Take(3).ToListAsync().Soon());

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => serving.Soon());
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
        await feed.Disposed.Soon();
    }

    [Theory, NearAndFar]
    public async Task AReaderThatLeaves_EndsPutAll_WhileTheSequenceIdles(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var feed = new Feed(3) { Idles = true };
        var putting = stream.Sink.PutAllAsync(feed.RunAsync());
        Assert.Equal([0, 1, 2], await stream.Source.Take(3).ToListAsync().Soon());
        await Assert.ThrowsAsync<StreamClosedException>(() => putting.Soon());
        await feed.Disposed.Soon();
    }

    [Theory, NearAndFar]
    public async Task AReaderThatLeaves_StopsASequenceThatWaitsForRoom(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var feed = new Feed();
        var serving = cluster[writer].ServeAsync(name, feed.RunAsync(), new() { BufferSize = 2 });
        await using (var source = await cluster[reader].GetSourceAsync<int>(name, options: new() { InitialDemand = 2 }).Soon())
        {
            await using var loop = source.GetAsyncEnumerator();
            Assert.Equal(Enumerable.Range(0, 10), await loop.NextAsync(10));
        }

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => serving.Soon());
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
        await feed.Disposed.Soon();
        Assert.InRange(feed.Given, 10, 10 + 2 + 2 + 1);
    }

    [Theory, NearAndFar]
    public async Task OneElementIsInHand_BeyondBufferAndDemand(Place writer, Place reader)
    {
        const int Buffer = 3, Demand = 2;
        string name = Cluster.Name();
        var feed = new Feed();
        var serving = cluster[writer].ServeAsync(name, feed.RunAsync(), new() { BufferSize = Buffer });
        await using var source = await cluster[reader].GetSourceAsync<int>(name, options: new() { InitialDemand = Demand }).Soon();
        await using var loop = source.GetAsyncEnumerator();
        for (int taken = 0; taken < 50; taken++)
        {
            await Waiting.UntilAsync(() => feed.Given == taken + Buffer + Demand + 1);
            await cluster.RoundTripAsync();
            Assert.Equal(taken + Buffer + Demand + 1, feed.Given);
            Assert.Equal([taken], await loop.NextAsync(1));
        }

        await loop.DisposeAsync().Soon();
        await Assert.ThrowsAsync<StreamClosedException>(() => serving.Soon());
    }

    [Theory]
    [InlineData(false, Place.Client, Place.SiloB), InlineData(true, Place.Client, Place.SiloB)]
    [InlineData(false, Place.SiloA, Place.SiloA), InlineData(true, Place.SiloA, Place.SiloA)]
    public async Task Cancelled_ItLetsGo_AndDoesNotLookCompleted(bool isQuiet, Place writer, Place reader)
    {
        string name = Cluster.Name();
        var feed = new Feed(3) { Idles = true, IsQuiet = isQuiet };
        using var cancellation = new CancellationTokenSource();
        var serving = cluster[writer].ServeAsync(name, feed.RunAsync(), cancellationToken: cancellation.Token);
        await using var other = await cluster[Place.SiloB].GetSinkAsync<int>(name).Soon();
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([0, 1, 2], await loop.NextAsync(3));

        await cancellation.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving.Soon());
        Assert.Equal(cancellation.Token, error.CancellationToken);
        await feed.Disposed.Soon();

        // Another writer is not disturbed.
        await other.PutAsync(7).Soon();
        Assert.Equal([7], await loop.NextAsync(1));
        await other.CompleteAsync().Soon();
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
    }

    [Theory, NearAndFar]
    public async Task CancelledOnceItsSequenceHasEnded_OnlyTheWaitEnds(Place writer, Place reader)
    {
        string name = Cluster.Name();
        using var cancellation = new CancellationTokenSource();
        var serving = cluster[writer].ServeAsync(name, [1, 2, 3], cancellationToken: cancellation.Token);
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        for (int i = 1; i <= 3; i++) Assert.Equal(i, await source.Reader.ReadAsync().Soon());
        await source.Completion.Soon();   // the end is known, and 3 is not finished

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving.Soon());
        Assert.False(await source.Reader.WaitToReadAsync().Soon());
    }

    [Theory, NearAndFar]
    public async Task WhatIsLeftUnread_IsToldOf(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var serving = cluster[writer].ServeAsync(name, [1, 2, 3]);
        await using (var source = await cluster[reader].GetSourceAsync<int>(name).Soon())
        {
            await using var loop = source.GetAsyncEnumerator();
            Assert.Equal([1], await loop.NextAsync(1));
        }

        await Assert.ThrowsAsync<StreamClosedException>(() => serving.Soon());
    }

    [Fact]
    public async Task AnElementThatCannotBePut_FailsTheStream()
    {
        string name = Cluster.Name();
        var serving = cluster[Place.Client].ServeAsync(name, new object[] { 1, new Opaque() });
        await using var source = await cluster[Place.SiloB].GetSourceAsync<object>(name).Soon();
        var read = new List<object>();
        await Assert.ThrowsAsync<CodecNotFoundException>(async () =>
        {
            await foreach (object element in source) read.Add(element);
        }).Soon();
        Assert.Equal([1], read);
        await Assert.ThrowsAsync<CodecNotFoundException>(() => serving.Soon());
    }

    [Fact]
    public async Task WhatIsRefused_IsNotBegun()
    {
        string name = Cluster.Name();
        var feed = new Feed();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        await Assert.ThrowsAsync<ArgumentException>("options", () => cluster[Place.SiloA].ServeAsync(name, feed.RunAsync(), new() { BufferSize = 5 }).Soon());
        await Assert.ThrowsAsync<ArgumentException>("producer", () => cluster[Place.SiloA].ServeAsync("", feed.RunAsync()).Soon());
        await Assert.ThrowsAsync<ArgumentNullException>("elements", () => cluster[Place.SiloA].ServeAsync(name, (IAsyncEnumerable<int>)null!).Soon());
        await Assert.ThrowsAsync<ArgumentNullException>("elements", () => cluster[Place.SiloA].ServeAsync(name, (IEnumerable<int>)null!).Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cluster[Place.SiloA].ServeAsync(name, feed.RunAsync(), cancellationToken: new(true)).Soon());
        Assert.Equal(0, feed.Given);
    }

    private static async Task<(List<int> Read, Exception Error)> ReadAsync(SourceRef<int> source)
    {
        var read = new List<int>();
        var error = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await foreach (int element in source) read.Add(element);
        }).Soon();
        return (read, error);
    }
}
