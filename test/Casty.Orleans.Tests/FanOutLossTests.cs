using System.Collections.Concurrent;
using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Streams with several consumers, when the producer's silo is lost: alone, or with one of the consumers.</summary>
public sealed class FanOutLossTests : IAsyncLifetime
{
    private const int Count = 3_000;
    private const int Window = 16;
    private const int Buffer = 32;

    private readonly ClusterBed _bed = new()
    {
        SiloCount = 3,
        Lease = TimeSpan.FromSeconds(10),   // in real time: what is lost is a silo
    };

    private readonly string _name = Cluster.Name();

    public static TheoryData<StreamDelivery, bool> Losses => new()
    {
        { StreamDelivery.Broadcast, true },
        { StreamDelivery.Broadcast, false },
        { StreamDelivery.Balanced, true },
        { StreamDelivery.Balanced, false },
    };

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    [Theory]
    [MemberData(nameof(Losses))]
    public async Task ProducersSiloLost_EveryConsumerGoesOn(StreamDelivery delivery, bool isKilled)
    {
        await using var starter = await StartAsync(delivery);
        await using var sink = await OpenAsync(_bed[Place.Client], delivery);
        var readings = new List<Reading>();
        foreach (var place in Enum.GetValues<Place>()) readings.Add(new Reading(await _bed[place].GetSourceAsync<int>(_name, options: Demand).Soon()));
        await starter.CompleteAsync().Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, Count));
        await Waiting.UntilAsync(() => readings.All(one => one.Count > 100), () => Tell(readings));

        await LoseThirdSiloAsync(isKilled);

        await AllReadAsync(readings);
        await writing.Soon();
        await sink.Completion.Soon();
        if (delivery == StreamDelivery.Broadcast) Assert.All(readings, one => Assert.Equal(Enumerable.Range(0, Count), one.Elements));
        else Assert.Equal(Enumerable.Range(0, Count), readings.SelectMany(one => one.Elements).Order());
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public async Task AnonymousConsumerLostWithTheProducer_TheOthersGoOn(StreamDelivery delivery, bool isKilled)
    {
        await using var starter = await StartAsync(delivery);
        await using var sink = await OpenAsync(_bed[Place.Client], delivery);
        var lost = new Reading(await _bed.Factory(2).GetSourceAsync<int>(_name, options: Demand).Soon());
        Reading[] others = [new(await _bed[Place.Client].GetSourceAsync<int>(_name, options: Demand).Soon()), new(await _bed[Place.SiloB].GetSourceAsync<int>(_name, options: Demand).Soon())];
        await starter.CompleteAsync().Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, Count));
        await Waiting.UntilAsync(() => lost.Count > 100 && others.All(one => one.Count > 100), () => Tell([lost, .. others]));

        await LoseThirdSiloAsync(isKilled);

        await AllReadAsync(others);
        await writing.Soon();
        await sink.Completion.Soon();
        if (delivery == StreamDelivery.Broadcast)
        {
            Assert.All(others, one => Assert.Equal(Enumerable.Range(0, Count), one.Elements));
            return;
        }

        int[] given = [.. others.SelectMany(one => one.Elements)];
        Assert.Equal(given.Length, given.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, Count), given.Union(lost.Elements).Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NamedConsumerLostWithTheProducer_TheNextOneGoesOn_AndSoDoTheOthers(bool isKilled)
    {
        await using var starter = await StartAsync(StreamDelivery.Broadcast);
        await using var sink = await OpenAsync(_bed[Place.Client], StreamDelivery.Broadcast);
        var lost = new Reading(await _bed.Factory(2).GetSourceAsync<int>(_name, "reader", Demand).Soon());
        Reading[] others = [new(await _bed[Place.Client].GetSourceAsync<int>(_name, options: Demand).Soon()), new(await _bed[Place.SiloB].GetSourceAsync<int>(_name, "other", Demand).Soon())];
        await starter.CompleteAsync().Soon();
        var writing = sink.PutAllAsync(Enumerable.Range(0, Count / 2));
        await Waiting.UntilAsync(() => lost.Count > 100 && others.All(one => one.Count > 100), () => Tell([lost, .. others]));

        await LoseThirdSiloAsync(isKilled);
        var next = new Reading(await _bed[Place.SiloA].GetSourceAsync<int>(_name, "reader", Demand).Soon());

        await writing.Soon();
        await sink.WriteAsync(Enumerable.Range(Count / 2, Count / 2)).Soon();   // until here the stream could not end, however soon all was read
        await AllReadAsync([.. others, next]);
        await sink.Completion.Soon();
        Assert.All(others, one => Assert.Equal(Enumerable.Range(0, Count), one.Elements));
        int first = next.Elements.First();
        Assert.InRange(first, lost.Count - (isKilled ? Buffer + Window + 1 : 0), lost.Count);
        Assert.Equal(Enumerable.Range(first, Count - first), next.Elements);
    }

    /// <summary>A worker's silo has nothing else of the stream. Case 60.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WorkersSiloLost_WhatItHadNotFinishedGoesToAnother_WithWhatItHadInHand(bool isKilled)
    {
        await using var sink = await OpenAsync(_bed[Place.SiloA], StreamDelivery.Balanced);
        await using var worker = await _bed.Factory(2).GetSourceAsync<int>(_name, options: new() { InitialDemand = 8 }).Soon();
        var jobs = worker.GetAsyncEnumerator();
        for (int i = 0; i < 8; i++) await sink.PutAsync(i).Soon();
        Assert.Equal([0, 1, 2], await jobs.NextAsync(3));
        await Waiting.UntilAsync(() => worker.End!.Count == 5);

        await LoseThirdSiloAsync(isKilled);
        await using var other = await _bed[Place.SiloB].GetSourceAsync<int>(_name, options: Demand).Soon();
        await sink.CompleteAsync().Soon();
        var done = await other.DrainAsync();
        Assert.InRange(done[0], isKilled ? 0 : 2, 2);   // it could say what it had finished, or not
        Assert.Equal(Enumerable.Range(done[0], 8 - done[0]), done);
        await sink.Completion.Soon();
    }

    /// <summary>Nothing was put yet, so nothing may be missed.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ProducerLostBeforeTheFirstElement_EveryConsumerGetsEverything(bool hasSink)
    {
        await using var lost = await JoinAsync(_bed.Factory(2));
        var early = hasSink ? await OpenAsync(_bed[Place.Client], StreamDelivery.Broadcast) : null;
        var readings = await ReadEverywhereAsync();

        await LoseThirdSiloAsync(isKilled: true);
        await Waiting.UntilAsync(() => Enumerable.Range(0, 2).Any(silo => StreamHost.For<int>(_bed.Factory(silo)).FindProducer<int>(_name) is not null));
        readings.Add(new Reading(await JoinAsync(_bed[Place.SiloA])));
        await using var sink = early ?? await OpenAsync(_bed[Place.Client], StreamDelivery.Broadcast);
        await sink.WriteAsync(Enumerable.Range(0, Count)).Soon();

        await AllReadAsync(readings);
        Assert.All(readings, one => Assert.Equal(Enumerable.Range(0, Count), one.Elements));
    }

    /// <summary>It comes before anybody has noticed the loss, and so to a run of its own, which gives way; what is put from then on is for it as well.</summary>
    [Fact]
    public async Task ConsumerComesToARunThatGivesWay_MissesNothing()
    {
        var notice = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var lost = await JoinAsync(_bed.Factory(2));
        await using var sink = await OpenAsync(_bed[Place.Client], StreamDelivery.Broadcast);
        var readings = await ReadEverywhereAsync();
        _bed.Wire.Gate = call => Enumerable.Range(0, call.Request.GetArgumentCount()).Any(i => call.Request.GetArgument(i) is StreamWriterReport or StreamReaderReport) ? notice.Task : null;

        await LoseThirdSiloAsync(isKilled: true);
        readings.Add(new Reading(await JoinAsync(_bed[Place.SiloA])));
        notice.SetResult();
        await sink.WriteAsync(Enumerable.Range(0, Count)).Soon();

        await AllReadAsync(readings);
        Assert.All(readings, one => Assert.Equal(Enumerable.Range(0, Count), one.Elements));
    }

    /// <summary>The run that it came to is lost as well, before a writer has found it. That one brings what was read already, and nothing of it is missed.</summary>
    [Fact]
    public async Task ConsumerComesToARunThatIsLostAsWell_GoesOnWhereTheOneBeforeStopped()
    {
        await using var starter = await StartAsync(StreamDelivery.Broadcast);
        await using var sink = await OpenAsync(_bed[Place.Client], StreamDelivery.Broadcast);
        var before = await _bed.Factory(2).GetSourceAsync<int>(_name, "reader", Demand).Soon();
        await starter.CompleteAsync().Soon();
        await using var loop = before.GetAsyncEnumerator();
        var putting = sink.PutAllAsync(Enumerable.Range(0, 120));   // more than there is room for: the writer knows that some of it is finished
        Assert.Equal(Enumerable.Range(0, 100), await loop.NextAsync(100));
        await putting.Soon();

        var notice = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _bed.Wire.Gate = call => Enumerable.Range(0, call.Request.GetArgumentCount()).Any(i => call.Request.GetArgument(i) is StreamWriterReport) ? notice.Task : null;
        await LoseThirdSiloAsync(isKilled: true);
        var another = await JoinAsync(_bed.Factory(1));   // whoever asks first decides where the producer is
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(_name, "reader", new() { MaxDemand = Window, Delivery = StreamDelivery.Broadcast }).Soon();
        Assert.True(StreamHost.For<int>(_bed.Factory(1)).FindProducer<int>(_name) is { IsProvisional: true });

        // It is not told who leaves, as one that is killed within this process may: the next producer waits for the other one.
        _bed.Wire.Gate = call => Enumerable.Range(0, call.Request.GetArgumentCount()).Any(i => call.Request.GetArgument(i) is StreamWriterReport or StreamFrame) ? notice.Task : null;
        await _bed.LoseAsync(_bed.Orleans.Silos[1], isKilled: true);
        await Waiting.UntilAsync(() => StreamHost.For<int>(_bed.Factory(0)).FindProducer<int>(_name) is not null);
        notice.SetResult();
        await sink.CompleteAsync().Soon();

        var read = await source.DrainAsync();
        Assert.InRange(read[0], 1, 100);
        Assert.Equal(Enumerable.Range(read[0], 120 - read[0]), read);
        await sink.Completion.Soon();
    }

    private Task<SourceRef<int>> JoinAsync(IGrainFactory grains) =>
        grains.GetSourceAsync<int>(_name, options: new() { MaxDemand = Window, Delivery = StreamDelivery.Broadcast }).Soon();

    private async Task<List<Reading>> ReadEverywhereAsync()
    {
        var readings = new List<Reading>();
        foreach (var place in Enum.GetValues<Place>()) readings.Add(new Reading(await JoinAsync(_bed[place])));
        return readings;
    }

    private static StreamConsumerOptions Demand => new() { MaxDemand = Window };

    /// <summary>Whoever asks first decides where the producer is: in the third silo.</summary>
    private Task<SinkRef<int>> StartAsync(StreamDelivery delivery) => OpenAsync(_bed.Factory(2), delivery);

    private Task<SinkRef<int>> OpenAsync(IGrainFactory grains, StreamDelivery delivery) =>
        grains.GetSinkAsync<int>(_name, new() { BufferSize = Buffer, Delivery = delivery }).Soon();

    private Task LoseThirdSiloAsync(bool isKilled) => _bed.LoseAsync(_bed.Orleans.Silos[2], isKilled);

    private async Task AllReadAsync(IReadOnlyList<Reading> readings)
    {
        var all = Task.WhenAll(readings.Select(one => one.Done));
        try
        {
            await all.Soon();
        }
        catch (TimeoutException) when (!all.IsCompleted)
        {
            throw new TimeoutException($"It stands still: {Tell(readings)} {_bed.Describe<int>(_name)}");
        }
    }

    private static string Tell(IEnumerable<Reading> readings) => $"{string.Join(", ", readings.Select(one => $"{one.Count} ({one.Done.Exception?.InnerException?.Message ?? $"{one.Done.Status}"})"))} were read.";

    /// <summary>A consumer that reads as fast as it can, and what it was given.</summary>
    private sealed class Reading
    {
        private readonly ConcurrentQueue<int> _elements = new();

        public Reading(SourceRef<int> source) => Done = Task.Run(async () =>
        {
            await foreach (int element in source) _elements.Enqueue(element);
        });

        public Task Done { get; }

        public IEnumerable<int> Elements => _elements;

        public int Count => _elements.Count;
    }
}
