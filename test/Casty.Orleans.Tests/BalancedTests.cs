using System.Collections.Concurrent;
using Orleans;
using Orleans.Core.Internal;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Work pulling: every element goes to one consumer that has asked for it, and to another if that one does not finish it.</summary>
[Collection(nameof(Cluster))]
public sealed class BalancedTests(Cluster cluster)
{
    private static readonly Place[] Everywhere = [Place.Client, Place.SiloA, Place.SiloB];

    public static TheoryData<Place> Places => [.. Everywhere];

    [Theory]
    [MemberData(nameof(Places))]
    public async Task EveryElement_GoesToOneConsumer(Place writer)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name);
        var sources = await SourcesAsync(name);
        var reading = sources.Select(source => source.DrainAsync()).ToArray();
        await sink.WriteAsync(Enumerable.Range(0, 6_000)).Soon();

        var lists = await Task.WhenAll(reading);
        Assert.Equal(Enumerable.Range(0, 6_000), lists.SelectMany(list => list).Order());
        Assert.All(lists, list => Assert.Equal(list.Order(), list));   // each in the order in which they were put
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task WhoDoesNotAsk_GetsNothing_AndHoldsNobodyUp()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.Client, name, 8);
        await using var stuck = await cluster[Place.SiloA].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon();
        await using var busy = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var loop = stuck.GetAsyncEnumerator();
        var writing = sink.WriteAsync(Enumerable.Range(0, 40_000));   // far more than may be finished behind one that is not
        var others = new ConcurrentQueue<int>();
        var reading = Task.Run(async () =>
        {
            await foreach (int element in busy) others.Enqueue(element);
        });

        Assert.True(await loop.MoveNextAsync().Soon());
        int held = loop.Current;
        await Waiting.UntilAsync(() => others.Count >= 39_990, () => $"{others.Count} came through.");
        Assert.False(reading.IsCompleted);   // the stream does not end before the held one is finished

        await stuck.DisposeAsync().Soon();   // leaving gives it to the other
        await reading.Soon();
        Assert.Contains(held, others);
        Assert.Equal(Enumerable.Range(0, 40_000), others.Order());
        await writing.Soon();
    }

    /// <summary>What it has in hand is finished when it asks for the next one, and not because it leaves: who throws has not done its work.</summary>
    [Theory]
    [InlineData("break")]
    [InlineData("throw")]
    [InlineData("break, detaching")]
    [InlineData("cancel in the loop")]
    [InlineData("cancel before the next")]
    [InlineData("dispose")]
    [InlineData("channel")]
    public async Task ConsumerLeaves_WhatItHadNotFinishedGoesToAnother(string how)
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.SiloA, name);
        bool isNamed = how == "break, detaching";
        var leaves = await cluster[Place.Client].GetSourceAsync<int>(name, isNamed ? "worker" : null, new() { InitialDemand = 10, OnLeave = isNamed ? StreamLeave.Detach : null }).Soon();
        for (int i = 0; i < 10; i++) await sink.PutAsync(i).Soon();
        await LeaveAtAsync(leaves, 3, how).Soon();
        await leaves.DisposeAsync().Soon();

        await using var next = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await sink.CompleteAsync().Soon();
        int first = how == "cancel before the next" ? 4 : 3;
        Assert.Equal(Enumerable.Range(first, 10 - first), await next.DrainAsync());
        await sink.Completion.Soon();
    }

    private static async Task LeaveAtAsync(SourceRef<int> source, int last, string how)
    {
        if (how == "channel")
        {
            for (int i = 0; i <= last; i++) Assert.Equal(i, await source.Reader.ReadAsync());
            return;
        }

        using var enough = new CancellationTokenSource();
        try
        {
            await foreach (int job in source.WithCancellation(enough.Token))
            {
                if (job != last) continue;
                if (how.StartsWith("break", StringComparison.Ordinal)) break;
                if (how == "throw") throw new InvalidDataException();
                if (how == "dispose") await source.DisposeAsync();
                if (how.StartsWith("cancel", StringComparison.Ordinal)) await enough.CancelAsync();
                if (how == "cancel in the loop") enough.Token.ThrowIfCancellationRequested();
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or OperationCanceledException)
        {
        }
    }

    [Fact]
    public async Task ElementThatOneCannotRead_GoesToAnother()
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.Client].GetSinkAsync<Scratched>(name, new() { Delivery = StreamDelivery.Balanced }).Soon();
        await using var first = await cluster[Place.SiloA].GetSourceAsync<Scratched>(name).Soon();
        await sink.PutAsync(Scratched.Numbered(13)).Soon();
        await Assert.ThrowsAsync<FormatException>(() => first.DrainAsync());
        Assert.False(sink.Completion.IsCompleted);

        await using var second = await cluster[Place.SiloB].GetSourceAsync<Scratched>(name).Soon();
        await Assert.ThrowsAsync<FormatException>(() => second.DrainAsync());
    }

    [Fact]
    public async Task NewConsumer_GetsAShareAtOnce()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.SiloA, name, 4);
        await using var first = await cluster[Place.Client].GetSourceAsync<int>(name, options: new() { InitialDemand = 4 }).Soon();
        var one = first.GetAsyncEnumerator();
        var writing = sink.WriteAsync(Enumerable.Range(0, 200));
        var seen = await one.NextAsync(1);

        await using var second = await cluster[Place.SiloB].GetSourceAsync<int>(name, options: new() { InitialDemand = 4 }).Soon();
        var two = second.GetAsyncEnumerator();
        seen.AddRange((await two.NextAsync(100)).SkipLast(1));   // the last one is in hand, and goes to the other
        await second.DisposeAsync();
        while (await one.MoveNextAsync().Soon()) seen.Add(one.Current);
        Assert.Equal(Enumerable.Range(0, 200), seen.Order());
        await writing.Soon();
    }

    [Fact]
    public async Task DetachedConsumer_KeepsNothing()
    {
        string name = Cluster.Name();
        await using var sink = await OpenAsync(Place.SiloA, name);
        await using var named = await cluster[Place.Client].GetSourceAsync<int>(name, "worker", new() { InitialDemand = 10 }).Soon();
        for (int i = 0; i < 10; i++) await sink.PutAsync(i).Soon();
        var loop = named.GetAsyncEnumerator();
        Assert.Equal([0, 1], await loop.NextAsync(2));
        await named.DetachAsync().Soon();   // which finishes what it was given

        await using var other = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal(Enumerable.Range(2, 8), await other.DrainAsync());
    }

    /// <summary>In one process nothing is serialised: what one consumer did to an element is not seen by the next.</summary>
    [Fact]
    public async Task WithinOneSilo_AnElementThatComesBackIsAsItWasPut()
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<Tally>(name, new() { Delivery = StreamDelivery.Balanced }).Soon();
        var first = await cluster[Place.SiloA].GetSourceAsync<Tally>(name).Soon();
        await sink.PutAsync(new Tally { Counts = [1] }).Soon();
        await foreach (var tally in first)
        {
            tally.Counts.Add(2);
            break;
        }

        await using var second = await cluster[Place.SiloA].GetSourceAsync<Tally>(name).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([1], Assert.Single(await second.DrainAsync()).Counts);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public Task ProducerDeactivated_UnderLoad_NothingLostOrDoubled(Place writer) => RebuildAsync(writer).Soon();

    private async Task RebuildAsync(Place writer)
    {
        const int Count = 4_000;
        string name = Cluster.Name();
        await using var sink = await OpenAsync(writer, name, 64);
        var sources = await SourcesAsync(name, new() { InitialDemand = 16, MaxDemand = 64 });
        var writing = sink.WriteAsync(Enumerable.Range(0, Count));
        var seen = new ConcurrentQueue<int>();
        int count = 0;
        await Task.WhenAll(sources.Select(ReadAsync));
        await writing;
        await sink.Completion;
        Assert.Equal(Enumerable.Range(0, Count), seen.Order());

        async Task ReadAsync(SourceRef<int> source)
        {
            await foreach (int element in source)
            {
                seen.Enqueue(element);
                if (Interlocked.Increment(ref count) % 1_000 == 500) await cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle();
            }
        }
    }

    private Task<SinkRef<int>> OpenAsync(Place place, string name, int? bufferSize = null) =>
        cluster[place].GetSinkAsync<int>(name, new() { BufferSize = bufferSize, Delivery = StreamDelivery.Balanced }).Soon();

    private async Task<List<SourceRef<int>>> SourcesAsync(string name, StreamConsumerOptions? options = null)
    {
        var sources = new List<SourceRef<int>>();
        foreach (var place in Everywhere) sources.Add(await cluster[place].GetSourceAsync<int>(name, options: options).Soon());
        return sources;
    }
}
