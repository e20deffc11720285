using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 1 to 12 of the catalogue, in a cluster and between every pair of places.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class CoreFlowTests(ClockedCluster cluster)
{
    [Theory, Everywhere]
    public async Task Case01_FullFlow(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.PutAsync(2).Soon();
        await stream.Sink.PutAsync(3).Soon();
        await stream.Sink.CompleteAsync().Soon();

        Assert.Equal([1, 2, 3], await stream.Source.DrainAsync());
        await stream.Sink.Completion.Soon();
        await stream.Source.Completion.Soon();
    }

    [Theory, Everywhere]
    public async Task Case02_PutBeforeSubscribe(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<string>(name).Soon();
        foreach (string element in (string[])["a", "b", "c"]) await sink.PutAsync(element).Soon();
        await using var source = await cluster[reader].GetSourceAsync<string>(name).Soon();
        await sink.CompleteAsync().Soon();

        Assert.Equal(["a", "b", "c"], await source.DrainAsync());
    }

    [Theory, Everywhere]
    public async Task Case03_EmptyCompletion(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.CompleteAsync().Soon();

        Assert.Empty(await stream.Source.DrainAsync());
        await stream.Sink.Completion.Soon();
        await stream.Source.Completion.Soon();
    }

    [Theory, Everywhere]
    public async Task Case03_EmptyCompletion_BeforeTheReaderCame(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await sink.CompleteAsync().Soon();
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();

        Assert.Empty(await source.DrainAsync());
        await sink.Completion.Soon();
    }

    [Theory, Everywhere]
    public async Task Case03_EmptyCompletion_WhileTheReaderWaits(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var loop = stream.Source.GetAsyncEnumerator();
        var first = loop.MoveNextAsync();
        await stream.Sink.CompleteAsync().Soon();

        Assert.False(await first.Soon());
        await loop.DisposeAsync().Soon();
        await stream.Sink.Completion.Soon();
    }

    [Theory, Everywhere]
    public async Task Case04_FailedBeforeAttach(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await sink.FailAsync(new SensorException("overheated", 451)).Soon();
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();

        var error = await Assert.ThrowsAsync<SensorException>(source.DrainAsync);
        Assert.Equal(("overheated", 451), (error.Message, error.Degrees));
        Assert.Equal(451, (await Assert.ThrowsAsync<SensorException>(() => sink.Completion.Soon())).Degrees);
    }

    [Theory, Everywhere]
    public async Task Case10_HighVolume(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(consumer: new() { InitialDemand = 4 });
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 500));

        Assert.Equal(Enumerable.Range(0, 500), await stream.Source.DrainAsync());
        await writing;
    }

    [Theory, Everywhere]
    public async Task Case11_Large2000Intact(Place writer, Place reader)
    {
        var sent = Enumerable.Range(0, 2000).Select(i => $"{i}:{new string((char)('a' + i % 26), i % 97)}").ToList();
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<string>();
        var writing = stream.Sink.WriteAsync(sent);

        Assert.Equal(sent, await stream.Source.DrainAsync());
        await writing;
    }

    [Theory, Everywhere]
    public async Task Case12_SlowProducerFastConsumer(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(consumer: new() { MaxDemand = 8 });
        var loop = stream.Source.GetAsyncEnumerator();
        for (int i = 0; i < 50; i++)
        {
            var next = loop.MoveNextAsync();   // the reader always waits before the writer puts
            await stream.Sink.PutAsync(i).Soon();
            Assert.True(await next.Soon());
            Assert.Equal(i, loop.Current);
        }

        await stream.Sink.CompleteAsync().Soon();
        Assert.False(await loop.MoveNextAsync().Soon());
        await loop.DisposeAsync().Soon();
    }

    [Theory, Everywhere]
    public async Task Case12_FastProducerSlowConsumer(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = 4 }, new() { MaxDemand = 4 });
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 200));

        int expected = 0;
        await foreach (int element in stream.Source)
        {
            Assert.Equal(expected++, element);
            await Task.Yield();
        }

        Assert.Equal(200, expected);
        await writing;
    }
}
