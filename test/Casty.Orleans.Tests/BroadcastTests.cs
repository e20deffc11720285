using Orleans;
using Orleans.Core.Internal;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A broadcast: every consumer gets every element, and what a slow one does to the others is a choice.</summary>
[Collection(nameof(Cluster))]
public sealed class BroadcastTests(Cluster cluster)
{
    private static readonly Place[] Everywhere = [Place.Client, Place.SiloA, Place.SiloB];

    public static TheoryData<Place> Places => [.. Everywhere];

    /// <summary>Where the writer and two consumers are: all elsewhere than each other, or all in one process.</summary>
    public static TheoryData<Place, Place, Place> ApartAndTogether => new()
    {
        { Place.SiloA, Place.Client, Place.SiloB },
        { Place.SiloA, Place.SiloA, Place.SiloA },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public async Task EveryConsumer_GetsEverything_InOrder(Place writer)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name);
        var sources = await SourcesAsync(name, Everywhere);

        var reading = sources.Select(source => source.DrainAsync()).ToArray();
        await sink.WriteAsync(Enumerable.Range(0, 5_000)).Soon();

        foreach (var list in await Task.WhenAll(reading)) Assert.Equal(Enumerable.Range(0, 5_000), list);
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task SeveralWriters_EveryConsumerHasEachInOrder()
    {
        string name = Cluster.Name();
        var sinks = new List<SinkRef<int>>();
        foreach (var place in Everywhere) sinks.Add(await OpenAsync(place, name));
        var sources = await SourcesAsync(name, Everywhere);
        var reading = sources.Select(source => source.DrainAsync()).ToArray();
        await Task.WhenAll(sinks.Select((sink, i) => sink.WriteAsync(Enumerable.Range(i * 10_000, 1_000)))).Soon();

        foreach (var list in await Task.WhenAll(reading))
        {
            Assert.Equal(3_000, list.Count);
            for (int i = 0; i < 3; i++) Assert.Equal(Enumerable.Range(i * 10_000, 1_000), list.Where(one => one / 10_000 == i));
        }
    }

    [Theory]
    [MemberData(nameof(ApartAndTogether))]
    public async Task SlowestGates_NothingLeavesTheBufferThatItDidNotAskFor(Place writer, Place one, Place other)
    {
        string name = Cluster.Name();
        await using var slow = await cluster[one].GetSourceAsync<int>(name, options: new() { InitialDemand = 4, Delivery = StreamDelivery.Broadcast }).Soon();
        await using var fast = await cluster[other].GetSourceAsync<int>(name, options: new() { InitialDemand = 64 }).Soon();
        await using var sink = await OpenAsync(writer, name, new() { BufferSize = 8 });

        int put = 0;
        var writing = Task.Run(async () =>
        {
            for (; put < 100; put++) await sink.PutAsync(put);
            await sink.CompleteAsync();
        });
        await Waiting.UntilAsync(() => put >= 12, () => $"{put} were put.");
        var loop = fast.GetAsyncEnumerator();
        Assert.Equal(Enumerable.Range(0, 4), await loop.NextAsync(4));
        var fifth = loop.MoveNextAsync().AsTask();
        foreach (var place in Everywhere) await cluster[place].GetGrain<IPingGrain>($"{name} {place}").PingAsync().Soon();
        Assert.False(fifth.IsCompleted);
        Assert.Equal(12, put);

        Assert.Equal(Enumerable.Range(0, 100), await Both());
        await writing;

        async Task<List<int>> Both()
        {
            var all = slow.DrainAsync();
            Assert.True(await fifth.Soon());
            while (await loop.MoveNextAsync().Soon())
            {
            }

            return await all;
        }
    }

    [Theory]
    [MemberData(nameof(ApartAndTogether))]
    public async Task OneLeaves_TheOthersGoOn(Place writer, Place one, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name, new() { BufferSize = 8, Delivery = StreamDelivery.Broadcast });
        await using var stays = await cluster[one].GetSourceAsync<int>(name).Soon();
        var leaves = await cluster[other].GetSourceAsync<int>(name).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 2_000));
        var reading = stays.DrainAsync();

        await foreach (int element in leaves)
        {
            if (element == 20) break;
        }

        Assert.Equal(Enumerable.Range(0, 2_000), await reading);
        await writing.Soon();
        await sink.Completion.Soon();
    }

    [Theory]
    [MemberData(nameof(ApartAndTogether))]
    public async Task AllLeave_TheStreamWaitsForOthers(Place writer, Place one, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name, new() { BufferSize = 8, Delivery = StreamDelivery.Broadcast });
        var first = await cluster[one].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 500));
        await foreach (int element in first)
        {
            if (element == 20) break;
        }

        await using var second = await cluster[other].GetSourceAsync<int>(name).Soon();
        var rest = await second.DrainAsync();
        Assert.Equal(Enumerable.Range(21, 479), rest);
        await writing.Soon();
    }

    [Theory]
    [InlineData(StreamStart.Latest, Place.Client, Place.SiloB)]
    [InlineData(StreamStart.Earliest, Place.Client, Place.SiloB)]
    [InlineData(StreamStart.Latest, Place.SiloA, Place.SiloA)]
    [InlineData(StreamStart.Earliest, Place.SiloA, Place.SiloA)]
    public async Task Latecomer_BeginsWhereItSays(StreamStart start, Place one, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.SiloA, name);
        await using var first = await cluster[one].GetSourceAsync<int>(name, options: new() { InitialDemand = 8 }).Soon();
        for (int i = 0; i < 8; i++) await sink.PutAsync(i).Soon();
        var loop = first.GetAsyncEnumerator();
        Assert.Equal([0, 1, 2], await loop.NextAsync(3));   // the third is in hand

        await using var late = await cluster[other].GetSourceAsync<int>(name, options: new() { Start = start, InitialDemand = 8 }).Soon();
        for (int i = 8; i < 12; i++) await sink.PutAsync(i).Soon();
        await sink.CompleteAsync().Soon();
        var all = late.DrainAsync();
        Assert.Equal(Enumerable.Range(3, 9), await loop.NextAsync(9));
        Assert.False(await loop.MoveNextAsync().Soon());

        var list = await all;
        if (start == StreamStart.Latest) Assert.Equal(Enumerable.Range(8, 4), list);
        else
        {
            Assert.InRange(list[0], 0, 2);   // as far as the first had said that it was finished
            Assert.Equal(Enumerable.Range(list[0], 12 - list[0]), list);
        }
    }

    [Fact]
    public async Task NamedConsumer_DetachesAndResumes_Exactly()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.SiloA, name, new() { BufferSize = 8, Delivery = StreamDelivery.Broadcast });
        await using var other = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
        var source = await cluster[Place.SiloB].GetSourceAsync<int>(name, "reader", new() { InitialDemand = 5 }).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 1_000));
        var reading = other.DrainAsync();
        int next = 0;
        foreach (var place in Everywhere)
        {
            var loop = source.GetAsyncEnumerator();
            Assert.Equal(Enumerable.Range(next, 100), await loop.NextAsync(100));
            next += 100;
            await source.DetachAsync().Soon();
            source = await cluster[place].GetSourceAsync<int>(name, "reader", new() { InitialDemand = 5 }).Soon();
        }

        Assert.Equal(Enumerable.Range(next, 1_000 - next), await source.DrainAsync());
        Assert.Equal(Enumerable.Range(0, 1_000), await reading);
        await writing.Soon();
    }

    [Theory]
    [MemberData(nameof(ApartAndTogether))]
    public async Task Takeover_OfOneName_DisturbsNobodyElse(Place writer, Place one, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name, new() { BufferSize = 8, Delivery = StreamDelivery.Broadcast });
        await using var beside = await cluster[one].GetSourceAsync<int>(name).Soon();
        await using var older = await cluster[other].GetSourceAsync<int>(name, "reader", new() { InitialDemand = 4 }).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 300));
        var reading = beside.DrainAsync();
        var loop = older.GetAsyncEnumerator();
        Assert.Equal(Enumerable.Range(0, 50), await loop.NextAsync(50));

        await using var newer = await cluster[one].GetSourceAsync<int>(name, "reader").Soon();
        Assert.Equal(Enumerable.Range(50, 250), await newer.DrainAsync());
        await Assert.ThrowsAsync<StreamSupersededException>(() => loop.MoveNextAsync().Soon());
        Assert.Equal(Enumerable.Range(0, 300), await reading);
        await writing.Soon();
    }

    [Theory]
    [MemberData(nameof(ApartAndTogether))]
    public async Task DropOldest_TheFastestSetsThePace_AndEachDropIsCounted(Place writer, Place one, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name, new() { BufferSize = 16, Delivery = StreamDelivery.Broadcast, SlowConsumer = StreamSlowConsumer.DropOldest });
        await using var fast = await cluster[one].GetSourceAsync<int>(name).Soon();
        await using var slow = await cluster[other].GetSourceAsync<int>(name, options: new() { InitialDemand = 4 }).Soon();
        var reading = fast.DrainAsync();
        for (int i = 0; i < 4; i++) await sink.PutAsync(i).Soon();
        await Waiting.UntilAsync(() => slow.Reader.Count == 4);   // what it has asked for is not dropped; what came before it asked might be
        await sink.WriteAsync(Enumerable.Range(4, 996)).Soon();
        Assert.Equal(Enumerable.Range(0, 1_000), await reading);

        var seen = await slow.Reader.ReadAllAsync().ToListAsync().Soon();
        Assert.Equal([0, 1, 2, 3], seen.Take(4));
        Assert.Equal(Enumerable.Range(984, 16), seen.Skip(4));
        Assert.Equal(980, slow.Dropped);
        Assert.Equal(0, fast.Dropped);
    }

    [Theory]
    [MemberData(nameof(ApartAndTogether))]
    public async Task Disconnect_SendsTheSlowOneAway(Place writer, Place one, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name, new() { BufferSize = 16, Delivery = StreamDelivery.Broadcast, SlowConsumer = StreamSlowConsumer.Disconnect });
        await using var fast = await cluster[one].GetSourceAsync<int>(name).Soon();
        await using var slow = await cluster[other].GetSourceAsync<int>(name, options: new() { InitialDemand = 4 }).Soon();
        var reading = fast.DrainAsync();
        for (int i = 0; i < 4; i++) await sink.PutAsync(i).Soon();
        await Waiting.UntilAsync(() => slow.Reader.Count == 4);   // what it has asked for is not dropped; what came before it asked might be
        await sink.WriteAsync(Enumerable.Range(4, 996)).Soon();
        Assert.Equal(Enumerable.Range(0, 1_000), await reading);

        var gone = await Assert.ThrowsAsync<StreamAbandonedException>(() => slow.Reader.ReadAllAsync().ToListAsync().Soon());
        Assert.Contains("fell more than 16 elements behind", gone.Message);
    }

    [Fact]
    public async Task Failure_ReachesEveryConsumer_BehindTheElements()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.SiloA, name);
        var sources = await SourcesAsync(name, Everywhere);
        for (int i = 0; i < 5; i++) await sink.PutAsync(i).Soon();
        await sink.FailAsync(new InvalidOperationException("broken")).Soon();
        foreach (var source in sources)
        {
            var loop = source.GetAsyncEnumerator();
            Assert.Equal(Enumerable.Range(0, 5), await loop.NextAsync(5));
            var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => loop.MoveNextAsync().Soon());
            Assert.Equal("broken", failure.Message);
        }
    }

    /// <summary>In one process nothing is serialised: what one consumer does to an element is not seen by the others.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WithinOneSilo_AMutableElementIsEachConsumersOwn(bool isLoop)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<Tally>(name, new() { Delivery = StreamDelivery.Broadcast }).Soon();
        await using var one = await cluster[Place.SiloA].GetSourceAsync<Tally>(name).Soon();
        await using var other = await cluster[Place.SiloA].GetSourceAsync<Tally>(name).Soon();
        await sink.PutAsync(new Tally { Counts = [1] }).Soon();
        await sink.CompleteAsync().Soon();
        foreach (var source in (SourceRef<Tally>[])[one, other])
        {
            var tally = Assert.Single(isLoop ? await source.DrainAsync() : await source.Reader.ReadAllAsync().ToListAsync().Soon());
            Assert.Equal([1], tally.Counts);
            tally.Counts.Add(2);
        }
    }

    [Fact]
    public async Task WithinOneSilo_AnImmutableElementIsShared()
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<string>(name, new() { Delivery = StreamDelivery.Broadcast }).Soon();
        await using var one = await cluster[Place.SiloA].GetSourceAsync<string>(name).Soon();
        await using var other = await cluster[Place.SiloA].GetSourceAsync<string>(name).Soon();
        string element = new('x', 3);
        await sink.PutAsync(element).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Same(element, Assert.Single(await one.DrainAsync()));
        Assert.Same(element, Assert.Single(await other.DrainAsync()));
    }

    [Fact]
    public async Task PipedAndObserved_EachIsAConsumer()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.Client, name);
        await using var through = await cluster[Place.SiloA].GetSinkAsync<int>($"{name}/out").Soon();
        await using var end = await cluster[Place.SiloB].GetSourceAsync<int>($"{name}/out").Soon();
        var piping = (await cluster[Place.SiloA].GetSourceAsync<int>(name, "pipe").Soon()).PipeToAsync(through);
        var seen = new ObservableTests.Seen<int>();
        using var subscription = (await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon()).ToObservable().Subscribe(seen);
        await sink.WriteAsync(Enumerable.Range(0, 100));

        Assert.Equal(Enumerable.Range(0, 100), await end.DrainAsync());
        await piping.Soon();
        await seen.Ended.Soon();
        Assert.Equal([.. Enumerable.Range(0, 100).Select(i => $"{i}"), "completed"], seen.Signals);
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task HandedOver_TheOtherGoesOnAsThatConsumer()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.Client, name);
        var source = await cluster[Place.Client].GetSourceAsync<int>(name, "given").Soon();
        await using var other = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var collecting = cluster[Place.SiloA].GetGrain<IRefGrain>(name).CollectAsync(source);
        var reading = other.DrainAsync();
        await sink.WriteAsync(Enumerable.Range(0, 100));
        Assert.Equal(Enumerable.Range(0, 100), await collecting.Soon());
        Assert.Equal(Enumerable.Range(0, 100), await reading);
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task SourcesFirst_TheSinkDecides()
    {
        string name = Cluster.Name();
        await using var early = await cluster[Place.Client].GetSourceAsync<int>(name, options: new() { InitialDemand = 4 }).Soon();
        var reading = early.DrainAsync();
        await Assert.ThrowsAsync<StreamOccupiedException>(() => cluster[Place.SiloA].GetSourceAsync<int>(name, "other").Soon());

        await using var sink = await OpenAsync(Place.SiloA, name);
        await using var second = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var other = second.DrainAsync();
        await sink.WriteAsync(Enumerable.Range(0, 1_000)).Soon();
        Assert.Equal(Enumerable.Range(0, 1_000), await reading);
        Assert.Equal(Enumerable.Range(0, 1_000), await other);
    }

    [Fact]
    public async Task SourcesFirst_MayDecide()
    {
        string name = Cluster.Name();
        var options = new StreamConsumerOptions { Delivery = StreamDelivery.Broadcast };
        await using var first = await cluster[Place.Client].GetSourceAsync<int>(name, options: options).Soon();
        await using var second = await cluster[Place.SiloB].GetSourceAsync<int>(name, options: options).Soon();
        var refusal = await Assert.ThrowsAsync<ArgumentException>(() => cluster[Place.Client].GetSinkAsync<int>(name, new() { Delivery = StreamDelivery.Single }).Soon());
        Assert.Contains("Delivery Broadcast", refusal.Message);

        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var reading = (first.DrainAsync(), second.DrainAsync());
        await sink.WriteAsync(Enumerable.Range(0, 100)).Soon();
        Assert.Equal(Enumerable.Range(0, 100), await reading.Item1);
        Assert.Equal(Enumerable.Range(0, 100), await reading.Item2);
    }

    [Fact]
    public async Task SourcesFirst_TheFirstToNameADeliveryDecides()
    {
        string name = Cluster.Name();
        await using var first = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
        await using var second = await cluster[Place.SiloB].GetSourceAsync<int>(name, options: new() { Delivery = StreamDelivery.Broadcast }).Soon();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var reading = (first.DrainAsync(), second.DrainAsync());
        await sink.WriteAsync(Enumerable.Range(0, 100)).Soon();
        Assert.Equal(Enumerable.Range(0, 100), await reading.Item1);
        Assert.Equal(Enumerable.Range(0, 100), await reading.Item2);
    }

    [Fact]
    public async Task AnotherDelivery_IsRefused()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.Client, name);
        Assert.Contains("Delivery Broadcast", (await Assert.ThrowsAsync<ArgumentException>(() => cluster[Place.SiloA].GetSinkAsync<int>(name, new() { Delivery = StreamDelivery.Balanced }).Soon())).Message);
        Assert.Contains("expects Balanced", (await Assert.ThrowsAsync<ArgumentException>(() => cluster[Place.SiloA].GetSourceAsync<int>(name, options: new() { Delivery = StreamDelivery.Balanced }).Soon())).Message);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public Task ProducerDeactivated_UnderLoad_NothingLostDoubledOrReordered(Place writer) => RebuildAsync(writer).Soon();

    private async Task RebuildAsync(Place writer)
    {
        const int Count = 4_000;
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name, new() { BufferSize = 64, Delivery = StreamDelivery.Broadcast });
        var sources = await SourcesAsync(name, Everywhere, new() { InitialDemand = 16, MaxDemand = 64 });
        var writing = sink.WriteAsync(Enumerable.Range(0, Count));
        var reading = sources.Select((source, i) => ReadAsync(source, isFirst: i == 0)).ToArray();
        await Task.WhenAll(reading);
        await writing;
        await sink.Completion;

        async Task ReadAsync(SourceRef<int> source, bool isFirst)
        {
            int next = 0;
            await foreach (int element in source)
            {
                Assert.Equal(next++, element);
                if (isFirst && next % 1_000 == 500) await cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle();
            }

            Assert.Equal(Count, next);
        }
    }

    private Task<SinkRef<int>> OpenAsync(Place place, string name, StreamProducerOptions? options = null) =>
        cluster[place].GetSinkAsync<int>(name, options ?? new() { Delivery = StreamDelivery.Broadcast }).Soon();

    private async Task<List<SourceRef<int>>> SourcesAsync(string name, IEnumerable<Place> places, StreamConsumerOptions? options = null)
    {
        var sources = new List<SourceRef<int>>();
        foreach (var place in places) sources.Add(await cluster[place].GetSourceAsync<int>(name, options: options).Soon());
        return sources;
    }
}
