using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Named consumers: readers that detach, readers that take over, and what each of them is given.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class DetachTests(ClockedCluster cluster)
{
    private const string Reader = "reader";

    /// <summary>The ways out of a loop that detaches.</summary>
    public enum Way
    {
        Break,
        Return,
        Throw,
        CancelToken,
        Dispose,
    }

    [Theory, Everywhere]
    public async Task ADetachedReader_ResumesExactly(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 300));

        var seen = new List<int>();
        foreach (var place in (Place[])[reader, reader, writer, Place.SiloB, reader])
        {
            await using var source = await cluster[place].GetSourceAsync<int>(name, Reader, new() { InitialDemand = 8 }).Soon();
            await using var loop = source.GetAsyncEnumerator();
            seen.AddRange(await loop.NextAsync(37));
            await source.DetachAsync().Soon();
        }

        Assert.Equal(Enumerable.Range(0, seen.Count), seen);
        await using var last = await cluster[reader].GetSourceAsync<int>(name, Reader).Soon();
        Assert.Equal(Enumerable.Range(seen.Count, 300 - seen.Count), await last.DrainAsync());
        await writing;
        await sink.Completion.Soon();
    }

    [Theory, NearAndFar]
    public async Task WhileNobodyReads_TheWriterFeelsBackpressure(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 2 }).Soon();
        await using (var source = await cluster[reader].GetSourceAsync<int>(name, Reader, new() { InitialDemand = 1 }).Soon())
        {
            await sink.PutAsync(0).Soon();
            Assert.Equal(0, await source.Reader.ReadAsync().Soon());
            await source.DetachAsync().Soon();
        }

        var putting = sink.PutAllAsync(Enumerable.Range(1, 10));
        await cluster.RoundTripAsync();
        Assert.False(putting.IsCompleted);

        await using var next = await cluster[reader].GetSourceAsync<int>(name, Reader).Soon();
        await putting.Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal(Enumerable.Range(1, 10), await next.DrainAsync());
    }

    [Theory]
    [InlineData(Way.Break, Place.SiloA, Place.SiloA), InlineData(Way.Break, Place.Client, Place.SiloB), InlineData(Way.Break, Place.SiloA, Place.Client)]
    [InlineData(Way.Return, Place.SiloA, Place.SiloA), InlineData(Way.Return, Place.Client, Place.SiloB), InlineData(Way.Return, Place.SiloA, Place.Client)]
    [InlineData(Way.Throw, Place.SiloA, Place.SiloA), InlineData(Way.Throw, Place.Client, Place.SiloB), InlineData(Way.Throw, Place.SiloA, Place.Client)]
    [InlineData(Way.CancelToken, Place.SiloA, Place.SiloA), InlineData(Way.CancelToken, Place.Client, Place.SiloB), InlineData(Way.CancelToken, Place.SiloA, Place.Client)]
    [InlineData(Way.Dispose, Place.SiloA, Place.SiloA), InlineData(Way.Dispose, Place.Client, Place.SiloB), InlineData(Way.Dispose, Place.SiloA, Place.Client)]
    public async Task OnLeaveDetach_KeepsTheStream(Way way, Place writer, Place reader)
    {
        var options = new StreamConsumerOptions { InitialDemand = 4, OnLeave = StreamLeave.Detach };
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(consumer: options, reader: Reader);
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 10)).Soon();

        int taken = 0;
        using var cancellation = new CancellationTokenSource();
        var reading = ReadAsync();
        if (way is Way.Throw) await Assert.ThrowsAsync<SensorException>(() => reading.Soon());
        else if (way is Way.Break or Way.Return) await reading.Soon();
        else await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.Soon());
        Assert.Equal(3, taken);

        await stream.Sink.CompleteAsync().Soon();
        await using var next = await cluster[reader].GetSourceAsync<int>(stream.Sink.Producer, Reader).Soon();
        Assert.Equal(Enumerable.Range(3, 7), await next.DrainAsync());
        await stream.Sink.Completion.Soon();

        async Task ReadAsync()
        {
            await foreach (int element in stream.Source.WithCancellation(cancellation.Token))
            {
                Assert.Equal(taken, element);
                if (++taken < 3) continue;
                if (way == Way.Break) break;
                if (way == Way.Return) return;
                if (way == Way.Throw) throw new SensorException("the loop's own", 0);
                if (way == Way.CancelToken) await cancellation.CancelAsync();
                if (way == Way.Dispose) await stream.Source.DisposeAsync();
            }
        }
    }

    [Theory, NearAndFar]
    public async Task ALoopThatIsDetachedFromOutside_Throws(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(reader: Reader);
        await using var loop = stream.Source.GetAsyncEnumerator();
        var waiting = loop.MoveNextAsync().AsTask();
        await stream.Source.DetachAsync().Soon();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        Assert.True(stream.Source.Completion.IsCanceled);
        await stream.Source.DetachAsync().Soon();   // twice is harmless
        await stream.Source.DisposeAsync().Soon();

        await stream.Sink.PutAsync(1).Soon();       // and the stream goes on
        await stream.Sink.CompleteAsync().Soon();
        await using var next = await cluster[reader].GetSourceAsync<int>(stream.Sink.Producer, Reader).Soon();
        Assert.Equal([1], await next.DrainAsync());
    }

    [Theory, NearAndFar]
    public async Task DetachingAStreamThatHasEnded_IsHarmless(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(reader: Reader);
        await stream.Sink.CompleteAsync().Soon();
        Assert.Empty(await stream.Source.DrainAsync());

        await stream.Source.DetachAsync().Soon();
        await stream.Source.Completion.Soon();
        await stream.Sink.Completion.Soon();
    }

    [Theory, Everywhere]
    public async Task ASecondReaderOfAName_SupersedesTheFirst_AndGoesOnExactly(Place first, Place second)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await sink.PutAllAsync(Enumerable.Range(0, 100)).Soon();
        await using var older = await cluster[first].GetSourceAsync<int>(name, Reader).Soon();
        await using var olderLoop = older.GetAsyncEnumerator();
        Assert.Equal(Enumerable.Range(0, 10), await olderLoop.NextAsync(10));

        await using var newer = await cluster[second].GetSourceAsync<int>(name, Reader).Soon();
        var error = await Assert.ThrowsAsync<StreamSupersededException>(() => olderLoop.MoveNextAsync().Soon());
        Assert.Equal(StreamEndReason.Superseded, error.Reason);
        Assert.Contains($"'{Reader}'", error.Message);
        await Assert.ThrowsAsync<StreamSupersededException>(() => older.Completion.Soon());
        await olderLoop.DisposeAsync().Soon();
        await older.DisposeAsync().Soon();

        await sink.CompleteAsync().Soon();
        Assert.Equal(Enumerable.Range(10, 90), await newer.DrainAsync());
        await sink.Completion.Soon();
    }

    [Theory, Everywhere]
    public async Task TakeoversWhileBatchesAreInFlight_LoseAndRepeatNothing(Place writer, Place reader)
    {
        const int Readers = 8;
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 64 }).Soon();
        bool isLastThere = false;
        var writing = Task.Run(WriteAsync);

        var taken = new List<Task<List<int>>>();
        for (int i = 0; i < Readers; i++)
        {
            var place = i % 2 == 0 ? reader : Place.SiloB;
            var source = await cluster[place].GetSourceAsync<int>(name, Reader, new() { InitialDemand = 16, MaxDemand = 64 }).Soon();
            var started = new TaskCompletionSource();
            taken.Add(ReadAsync(source, started));
            await started.Task.Soon();
        }

        Volatile.Write(ref isLastThere, true);
        var seen = (await Task.WhenAll(taken).Soon()).SelectMany(one => one).ToList();
        Assert.Equal(Enumerable.Range(0, await writing.Soon()), seen);

        async Task<int> WriteAsync()
        {
            int put = 0;
            while (!Volatile.Read(ref isLastThere)) await sink.PutAsync(put++);
            await sink.CompleteAsync();
            return put;
        }

        static async Task<List<int>> ReadAsync(SourceRef<int> source, TaskCompletionSource started)
        {
            var seen = new List<int>();
            try
            {
                await foreach (int element in source)
                {
                    seen.Add(element);
                    if (seen.Count == 100) started.TrySetResult();
                }
            }
            catch (StreamSupersededException)
            {
            }

            started.TrySetResult();
            return seen;
        }
    }

    [Theory, Everywhere]
    public async Task Case34_SingleShot(Place first, Place second)
    {
        const int Window = 2, Buffer = 3;
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = Buffer }).Soon();
        await using var source = await cluster[first].GetSourceAsync<int>(name, Reader, new() { InitialDemand = Window }).Soon();
        foreach (string? other in (string?[])["other", null])
        {
            var error = await Assert.ThrowsAsync<StreamOccupiedException>(() => cluster[second].GetSourceAsync<int>(name, other, new() { InitialDemand = 100 }).Soon());
            Assert.Equal((Reader, StreamEndReason.Occupied), (error.Consumer, error.Reason));
        }

        // The first reader's credit is as it was, and it reads on.
        await sink.PutAllAsync(Enumerable.Range(0, Window + Buffer)).Soon();
        await cluster.RoundTripAsync();
        Assert.False(sink.TryPut(-1));
        await sink.CompleteAsync().Soon();
        Assert.Equal(Enumerable.Range(0, Window + Buffer), await source.DrainAsync());
    }
}
