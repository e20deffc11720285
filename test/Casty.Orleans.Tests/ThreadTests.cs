using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Outside grains, any thread may use a ref.</summary>
[Collection(nameof(Cluster))]
public sealed class ThreadTests(Cluster cluster)
{
    public static TheoryData<Place, Place> Pairs() => new() { { Place.Client, Place.SiloA }, { Place.SiloA, Place.SiloA }, { Place.SiloB, Place.Client } };

    [Theory, MemberData(nameof(Pairs))]
    public async Task EightThreadsOnOneSink_EachKeepsItsOrder(Place writer, Place reader)
    {
        const int Threads = 8, Each = 1_000;
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 64 }).Soon();
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();

        var threads = Enumerable.Range(0, Threads).Select(t => OnThread(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                int element = (t * Each) + i;
                if (i % 2 == 0) sink.PutAsync(element).Soon().GetAwaiter().GetResult();
                else while (!sink.TryPut(element)) Assert.True(sink.WaitToPutAsync().Soon().GetAwaiter().GetResult());
            }
        })).ToArray();
        var ending = Task.WhenAll(threads).ContinueWith(_ => sink.CompleteAsync(), TaskScheduler.Default).Unwrap();

        var read = await source.ToListAsync().Soon();
        await Task.WhenAll(threads).Soon();
        await ending.Soon();
        Assert.Equal(Threads * Each, read.Count);
        foreach (var ofThread in read.GroupBy(i => i / Each)) Assert.Equal(Enumerable.Range(ofThread.Key * Each, Each), ofThread);
    }

    [Theory, MemberData(nameof(Pairs))]
    public async Task OpenedWhereNoContextFlows_IsAsAnyOther(Place writer, Place reader)
    {
        string name = Cluster.Name();
        Task<SinkRef<int>> writing;
        Task<SourceRef<int>> reading;
        using (ExecutionContext.SuppressFlow())
        {
            writing = cluster[writer].GetSinkAsync<int>(name);
            reading = cluster[reader].GetSourceAsync<int>(name);
        }

        await using var sink = await writing.Soon();
        await using var source = await reading.Soon();
        await sink.WriteAsync([1, 2, 3]);
        Assert.Equal([1, 2, 3], await source.DrainAsync());
    }

    [Theory, MemberData(nameof(Pairs))]
    public async Task FourThreadsOnOneReader_EachElementOnce(Place writer, Place reader)
    {
        const int Count = 4_000;
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();

        var channel = source.Reader;
        var reads = new List<int>[4];
        var threads = Enumerable.Range(0, reads.Length).Select(t => OnThread(() =>
        {
            reads[t] = [];
            while (channel.WaitToReadAsync().Soon().GetAwaiter().GetResult())
            {
                while (channel.TryRead(out int element)) reads[t].Add(element);
            }
        })).ToArray();

        await sink.PutAllAsync(Enumerable.Range(0, Count)).Soon();
        await sink.CompleteAsync().Soon();
        await Task.WhenAll(threads).Soon();
        Assert.Equal(Enumerable.Range(0, Count), reads.SelectMany(one => one).Order());
        Assert.All(reads, one => Assert.Equal(one.Order(), one));
    }

    [Fact]
    public async Task EveryoneLetsGoAtOnce_NobodyHangs()
    {
        for (int i = 0; i < 50; i++)
        {
            string name = $"{Cluster.Name()}/{i}";
            var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();
            var source = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
            var put = IgnoreAsync(() => sink.PutAllAsync(Enumerable.Range(0, 100)));
            var read = IgnoreAsync(() => source.CountAsync().AsTask());
            await Task.WhenAll(
                Task.Run(() => IgnoreAsync(() => sink.CompleteAsync())), Task.Run(() => IgnoreAsync(() => sink.FailAsync(new FormatException()))),
                Task.Run(() => sink.DisposeAsync().AsTask()), Task.Run(() => source.DisposeAsync().AsTask()),
                Task.Run(() => source.DisposeAsync().AsTask()), put, read).Soon();
            await IgnoreAsync(() => source.Completion).Soon();
        }
    }

    /// <summary>Case 40: a consumer on a thread of its own, which waits instead of awaiting.</summary>
    [Fact]
    public async Task Case40_SyncBridge()
    {
        for (int cycle = 0; cycle < 20; cycle++)
        {
            string name = $"{Cluster.Name()}/{cycle}";
            var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
            var consumer = OnThread(() =>
            {
                var source = cluster[Place.Client].GetSourceAsync<int>(name).Soon().GetAwaiter().GetResult();
                Assert.Equal(Enumerable.Range(0, 20), source.ToBlockingEnumerable());
            });
            await sink.PutAllAsync(Enumerable.Range(0, 20)).Soon();
            await sink.CompleteAsync().Soon();
            await consumer.Soon();
            await sink.DisposeAsync().Soon();
        }
    }

    private static async Task IgnoreAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception exception) when (exception is StreamException or OperationCanceledException or FormatException)
        {
            // Any of the ends that were declared at once may have won.
        }
    }

    private static Task OnThread(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
