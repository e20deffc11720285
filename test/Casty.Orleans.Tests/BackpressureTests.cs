using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Demand and backpressure: what is put, what is asked for, and what may lie between.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class BackpressureTests(ClockedCluster cluster)
{
    [Theory, Everywhere]
    public async Task Case07_DemandLimitsInflight(Place writer, Place reader)
    {
        const int Window = 2;
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = 1 }, new() { InitialDemand = Window });
        int put = 0;
        var writing = Task.Run(WriteAsync);

        int taken = 0;
        await foreach (int element in stream.Source)
        {
            Assert.Equal(taken, element);

            // What was asked for and not taken is at most the window; the buffer holds one more, and this element counts as taken.
            int between = Volatile.Read(ref put) - ++taken;
            Assert.True(between <= Window + 1, $"{between} elements lay between the ends after {taken}.");
            await Task.Yield();
        }

        Assert.Equal(50, taken);
        await writing;

        async Task WriteAsync()
        {
            for (int i = 0; i < 50; i++)
            {
                await stream.Sink.PutAsync(i);
                Interlocked.Increment(ref put);
            }

            await stream.Sink.CompleteAsync();
        }
    }

    [Theory, Everywhere]
    public async Task Case08_EagerPrefill(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = 1 }, new() { InitialDemand = 32 });
        var prefetched = stream.Source.Reader;

        // Nobody reads, and yet what was asked for is fetched, and no more: 32, and one in the buffer.
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 33)).Soon();
        var next = stream.Sink.PutAsync(33).AsTask();
        Assert.False(next.IsCompleted);
        Assert.True(await prefetched.WaitToReadAsync().Soon());
        Assert.InRange(prefetched.Count, 1, 32);

        Assert.Equal(0, await prefetched.ReadAsync().Soon());
        var writing = CompleteAsync();
        Assert.Equal(Enumerable.Range(1, 33), await prefetched.ReadAllAsync().ToListAsync().Soon());
        await writing;

        async Task CompleteAsync()
        {
            await next.Soon();
            await stream.Sink.CompleteAsync().Soon();
        }
    }

    [Theory, Everywhere]
    public async Task Case09_SinkBackpressure(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 2 }).Soon();
        await sink.PutAsync(10).Soon();
        await sink.PutAsync(20).Soon();
        Assert.False(sink.TryPut(99));
        var third = sink.PutAsync(30).AsTask();
        Assert.False(third.IsCompleted);

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        await third.Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([10, 20, 30], await source.DrainAsync());
    }

    [Theory, Everywhere]
    public async Task WhatIsPutAndNotReceived_NeverExceedsBufferAndDemand(Place writer, Place reader)
    {
        const int Buffer = 5, Demand = 3;
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = Buffer }, new() { InitialDemand = Demand });
        int put = 0;
        while (put < Buffer + Demand)
        {
            await stream.Sink.PutAsync(put++).Soon();
        }

        Assert.False(stream.Sink.TryPut(-1));
        var waiting = stream.Sink.WaitToPutAsync().AsTask();
        Assert.False(waiting.IsCompleted);

        // Every element that is taken makes room for one.
        await using var loop = stream.Source.GetAsyncEnumerator();
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal([i], await loop.NextAsync(1));
            await stream.Sink.PutAsync(put++).Soon();
            Assert.False(stream.Sink.TryPut(-1), $"A put beyond buffer and demand succeeded after {put}.");
        }

        // Every room so far was taken by a put before the one who waited for room came round.
        Assert.Equal([20], await loop.NextAsync(1));
        Assert.True(await waiting.Soon());
    }

    [Fact]
    public async Task AByteWindow_ThatNoElementFits_LetsOneThroughAtATime()
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client])
            .OpenAsync<string>(consumer: new() { MaxDemandBytes = 1 });
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 10).Select(i => $"{i}"));
        var elements = stream.Source.Reader;
        for (int i = 0; i < 10; i++)
        {
            Assert.True(await elements.WaitToReadAsync().Soon());
            await cluster.RoundTripAsync();
            Assert.Equal(1, elements.Count);
            Assert.True(elements.TryRead(out string? element));
            Assert.Equal($"{i}", element);
        }

        Assert.False(await elements.WaitToReadAsync().Soon());
        await writing;
    }

    [Theory, NearAndFar]
    public async Task ASlowLoopBody_IsBackpressureAndNoMore(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = 2 }, new() { InitialDemand = 1 });
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 10));

        var seen = new List<int>();
        await foreach (int element in stream.Source)
        {
            seen.Add(element);
            cluster.Clock.Advance(TimeSpan.FromMinutes(1));   // the body takes a while, and nobody minds
        }

        Assert.Equal(Enumerable.Range(0, 10), seen);
        await writing;
    }

    [Theory, NearAndFar]
    public async Task UnboundedBuffer_NeverWaits(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 0 }).Soon();
        for (int i = 0; i < 20_000; i++) Assert.True(sink.TryPut(i));
        await sink.CompleteAsync().Soon();

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        Assert.Equal(Enumerable.Range(0, 20_000), await source.DrainAsync());
    }

    [Theory, NearAndFar]
    public async Task ACancelledPut_HasNotPut(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();
        await sink.PutAsync(1).Soon();
        using var cancellation = new CancellationTokenSource();
        var cancelled = sink.PutAsync(2, cancellation.Token).AsTask();
        var behind = sink.PutAsync(3).AsTask();
        await cancellation.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Soon());
        Assert.Equal(cancellation.Token, error.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sink.PutAsync(4, cancellation.Token).Soon());

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        await behind.Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([1, 3], await source.DrainAsync());
    }

    [Theory, NearAndFar]
    public async Task ACancelledWaitToPut_LeavesTheStreamAlone(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();
        await sink.PutAsync(1).Soon();
        using var cancellation = new CancellationTokenSource();
        var waiting = sink.WaitToPutAsync(cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        Assert.True(await sink.WaitToPutAsync().Soon());
        await sink.CompleteAsync().Soon();
        Assert.Equal([1], await source.DrainAsync());
    }
}
