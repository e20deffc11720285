using System.Diagnostics;
using System.Globalization;
using System.Net;
using Orleans;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Xunit;
using Xunit.Abstractions;

namespace Casty.Orleans.Tests;

/// <summary>
/// A cluster tells which streams it has, and ends one. The ordinary run looks through 2,000 of them; CASTY_STREAMS says how many otherwise.
/// </summary>
[Collection(nameof(Alone))]
public sealed class ManagementTests(ManagementTests.Fixture fixture, ITestOutputHelper output) : IClassFixture<ManagementTests.Fixture>
{
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("CASTY_STREAMS") ?? "2000", CultureInfo.InvariantCulture);
    private readonly ClusterBed _bed = fixture.Bed;

    private IStreamManagementGrain Management => _bed[Place.Client].GetStreamManagement();

    [Theory]
    [InlineData(Place.SiloA)]
    [InlineData(Place.SiloB)]
    public async Task AStream_IsAsItIs(Place home)
    {
        string name = Cluster.Name();
        var before = DateTimeOffset.UtcNow - TimeSpan.FromSeconds(1);
        await using var sink = await _bed[home].GetSinkAsync<int>(name, new() { BufferSize = 10 }).Soon();
        await using var second = await _bed[Place.Client].GetSinkAsync<int>(name).Soon();
        var empty = await OnlyAsync(name);
        Assert.Equal(
            (name, "System.Int32", Silo(home), 0, false, 2, 10, 0L, 0L, 0L, null, false),
            (empty.Producer, empty.ElementType, empty.Silo, empty.ConsumerCount, empty.IsRead, empty.Writers, empty.BufferSize, empty.Buffered, empty.Unfinished, empty.Demand, empty.StalledSince, empty.IsRebuilding));
        Assert.Empty(empty.Consumers);
        Assert.InRange(new DateTimeOffset(empty.Incarnation, TimeSpan.Zero), before, DateTimeOffset.UtcNow);

        await using var source = await _bed[Place.Client].GetSourceAsync<int>(name, "reader", new() { InitialDemand = 4 }).Soon();
        await Waiting.UntilAsync(() => _bed.Host(home).FindRun(empty.Id)!.Observe()!.Value.Demand == 4);
        var asked = await OnlyAsync(name);
        Assert.Equal((empty.Id, "reader", 1, true, 4L), (asked.Id, Assert.Single(asked.Consumers), asked.ConsumerCount, asked.IsRead, asked.Demand));

        for (int i = 0; i < 7; i++) await sink.PutAsync(i).Soon();
        await Waiting.UntilAsync(() => _bed.Host(home).FindRun(empty.Id)!.Observe()!.Value.Buffered == 3);
        var full = await OnlyAsync(name);
        Assert.Equal((3L, 4L, 0L), (full.Buffered, full.Unfinished, full.Demand));
        Assert.Equal(_bed.Time!.GetUtcNow(), full.StalledSince);

        // More that waits does not make it move.
        var since = full.StalledSince;
        _bed.Time.Advance(TimeSpan.FromSeconds(3));
        await sink.PutAsync(7).Soon();
        await Waiting.UntilAsync(() => _bed.Host(home).FindRun(empty.Id)!.Observe()!.Value.Buffered == 4);
        await _bed.RoundTripAsync();
        Assert.Equal(since, (await OnlyAsync(name)).StalledSince);

        await source.DetachAsync().Soon();
        var detached = await OnlyAsync(name);
        Assert.Equal(("reader", 1, false, 8L, 0L), (Assert.Single(detached.Consumers), detached.ConsumerCount, detached.IsRead, detached.Buffered, detached.Unfinished));
    }

    [Fact]
    public async Task SeveralConsumers_AreNamedUpToSixteen_AndCounted()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { Delivery = StreamDelivery.Broadcast, BufferSize = 10 }).Soon();
        var sources = new List<SourceRef<int>>();
        for (int i = 0; i < StreamInfo.MaxConsumers + 1; i++)
        {
            sources.Add(await _bed[(Place)(i % 3)].GetSourceAsync<int>(name, $"reader, {i}", new() { InitialDemand = i == 1 ? 2 : 4 }).Soon());
        }

        await Waiting.UntilAsync(() => Facts().Demand == 2);   // the slowest sets the pace
        for (int i = 0; i < 5; i++) await sink.PutAsync(i).Soon();
        await Waiting.UntilAsync(() => Facts() is { Demand: 0, Unfinished: 2, Buffered: 3 });
        var all = await OnlyAsync(name);
        Assert.Equal(Enumerable.Range(0, StreamInfo.MaxConsumers).Select(i => $"reader, {i}"), all.Consumers);
        Assert.Equal((StreamInfo.MaxConsumers + 1, true), (all.ConsumerCount, all.IsRead));

        // They keep their places, but nobody is there.
        foreach (var source in sources) await source.DetachAsync().Soon();
        var detached = await OnlyAsync(name);
        Assert.Equal((StreamInfo.MaxConsumers + 1, false), (detached.ConsumerCount, detached.IsRead));

        StreamFacts Facts() => _bed.Host(Place.SiloA).FindProducer<int>(name)!.Observe()!.Value;
    }

    [Fact]
    public async Task Queries_NarrowByNameTypeAndHowLongItStands()
    {
        string name = Cluster.Name();
        await using var moving = await _bed[Place.SiloA].GetSinkAsync<int>($"{name}/moving").Soon();
        await using var stalled = await _bed[Place.SiloB].GetSinkAsync<int>($"{name}/stalled").Soon();
        await using var words = await _bed[Place.SiloB].GetSinkAsync<string>($"{name}/stalled").Soon();
        await stalled.PutAsync(1).Soon();
        await Waiting.UntilAsync(() => _bed.Host(Place.SiloB).FindProducer<int>($"{name}/stalled")!.Observe()!.Value.Buffered == 1);
        _bed.Time!.Advance(TimeSpan.FromSeconds(10));
        await words.PutAsync("late").Soon();
        await Waiting.UntilAsync(() => _bed.Host(Place.SiloB).FindProducer<string>($"{name}/stalled")!.Observe()!.Value.Buffered == 1);
        await stalled.PutAsync(2).Soon();   // more that waits does not make it move
        await Waiting.UntilAsync(() => _bed.Host(Place.SiloB).FindProducer<int>($"{name}/stalled")!.Observe()!.Value.Buffered == 2);

        Assert.Equal(3, (await ListAsync(new() { NamePrefix = name })).Count);
        Assert.Equal(2, (await ListAsync(new() { NamePrefix = $"{name}/stalled" })).Count);
        Assert.Equal("System.String", Assert.Single(await ListAsync(new() { NamePrefix = $"{name}/", ElementType = "System.String" })).ElementType);
        Assert.Empty(await ListAsync(new() { NamePrefix = name.ToUpperInvariant() }));
        Assert.Single(await ListAsync(new() { NamePrefix = name, StalledLongerThan = TimeSpan.Zero }));
        var longer = Assert.Single(await ListAsync(new() { NamePrefix = name, StalledLongerThan = TimeSpan.FromSeconds(5) }));
        Assert.Equal(("System.Int32", _bed.Time.GetUtcNow() - TimeSpan.FromSeconds(10)), (longer.ElementType, longer.StalledSince));
        Assert.Empty(await ListAsync(new() { NamePrefix = name, StalledLongerThan = TimeSpan.FromSeconds(10) }));

        // One that moves again does not stand any more.
        await using var source = await _bed[Place.Client].GetSourceAsync<int>($"{name}/stalled").Soon();
        await using var loop = source.GetAsyncEnumerator();
        await loop.NextAsync(2);
        await Waiting.UntilAsync(() => _bed.Host(Place.SiloB).FindProducer<int>($"{name}/stalled")!.Observe()!.Value.Buffered == 0);
        Assert.Empty(await ListAsync(new() { NamePrefix = name, StalledLongerThan = TimeSpan.FromSeconds(5) }));
    }

    [Fact]
    public async Task ManyStreams_AreListedOnceEach_AndMoveMeanwhile()
    {
        string name = Cluster.Name();
        var sinks = new SinkRef<int>[Count];
        await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (i, _) => sinks[i] = await _bed[(Place)(i % 2)].GetSinkAsync<int>($"{name}/{i}").Soon());

        await using var flow = new Flow(
            await _bed[Place.SiloA].GetSinkAsync<int>($"other/{name}").Soon(), await _bed[Place.SiloA].GetSourceAsync<int>($"other/{name}").Soon());
        int pages = 0;
        var asked = new List<TimeSpan>();
        var seen = new List<StreamInfo>();
        for (StreamQuery? query = new() { NamePrefix = name, PageSize = 300 }; query is not null;)
        {
            var asking = AskAsync(query);
            await flow.ReadAsync(500);
            var page = await asking.Soon();
            Assert.InRange(page.Streams.Count, 0, query.PageSize);
            Assert.Empty(page.Unanswered);
            seen.AddRange(page.Streams);
            pages++;
            query = page.Next is null ? null : query with { After = page.Next };
        }

        output.WriteLine($"{seen.Count} streams in {pages} pages; a page took {asked.Order().ElementAt(asked.Count / 2).TotalMilliseconds:F1} ms (median), {asked.Max().TotalMilliseconds:F1} ms at most.");
        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"{name}/{i}").Order(StringComparer.Ordinal), seen.Select(one => one.Producer).Order(StringComparer.Ordinal));
        Assert.Equal(2, seen.Select(one => one.Silo).Distinct().Count());
        Assert.InRange(pages, (Count + 299) / 300, (Count / 300) + 2);

        await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) => await sinks[i].DisposeAsync().Soon());

        async Task<StreamPage> AskAsync(StreamQuery query)
        {
            long start = Stopwatch.GetTimestamp();
            var page = await Management.ListAsync(query);
            asked.Add(Stopwatch.GetElapsedTime(start));
            return page;
        }
    }

    [Fact]
    public async Task WhatEndsBetweenTwoPages_HidesNothingElse()
    {
        string name = Cluster.Name();
        var sinks = new List<SinkRef<int>>();
        for (int i = 0; i < 6; i++) sinks.Add(await _bed[Place.SiloA].GetSinkAsync<int>($"{name}/{i}").Soon());
        var first = await Management.ListAsync(new() { NamePrefix = name, PageSize = 3 }).Soon();
        Assert.Equal(3, first.Streams.Count);
        foreach (var one in first.Streams) Assert.True(await Management.EndAsync(one.Id, "Seen.").Soon());
        var rest = await Management.ListAsync(new() { NamePrefix = name, PageSize = 10, After = first.Next }).Soon();
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"{name}/{i}"), first.Streams.Concat(rest.Streams).Select(one => one.Producer).Order(StringComparer.Ordinal));
        Assert.Null(rest.Next);
        foreach (var sink in sinks) await sink.DisposeAsync().Soon();
    }

    [Theory, Everywhere]
    public async Task AStreamThatIsEnded_TellsBothSidesSo_AndFreesItsName(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var starter = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 2 }).Soon();
        var sink = await _bed[writer].GetSinkAsync<int>(name).Soon();
        var source = await _bed[reader].GetSourceAsync<int>(name, options: new() { InitialDemand = 2 }).Soon();
        await starter.CompleteAsync().Soon();
        await using var loop = source.GetAsyncEnumerator();
        var putting = sink.PutAllAsync(Enumerable.Range(0, 100));
        await loop.NextAsync(1);

        var info = await OnlyAsync(name);
        Assert.True(await Management.EndAsync(info.Id, "The feed was sold.").Soon());

        // The clock stands still: nobody finds out by asking in time.
        Told(await Assert.ThrowsAsync<StreamTerminatedException>(() => putting.Soon()));
        Told(await Assert.ThrowsAsync<StreamTerminatedException>(() => sink.PutAsync(1).Soon()));
        Told(await Assert.ThrowsAsync<StreamTerminatedException>(() => sink.Completion.Soon()));
        Told(await Assert.ThrowsAsync<StreamTerminatedException>(() => sink.CompleteAsync().Soon()));
        Told(await Assert.ThrowsAsync<StreamTerminatedException>(async () =>
        {
            while (await loop.MoveNextAsync().Soon())
            {
            }
        }));
        Told(await Assert.ThrowsAsync<StreamTerminatedException>(() => source.Completion.Soon()));
        Assert.False(await Management.EndAsync(info.Id, "Again.").Soon());
        Assert.Empty(await ListAsync(new() { NamePrefix = name }));

        await using (var next = await (_bed[writer], _bed[reader]).OpenAsync<int>(name: name))
        {
            Assert.NotEqual(info.Id, (await OnlyAsync(name)).Id);
            var writing = next.Sink.WriteAsync([1, 2]);
            Assert.Equal([1, 2], await next.Source.DrainAsync());
            await writing.Soon();
        }

        await sink.DisposeAsync().Soon();
        await Waiting.UntilAsync(() => _bed.Hosts.All(host => host.FindRun(info.Id) is null), () => "The stream is still there.");

        static void Told(StreamTerminatedException exception)
        {
            Assert.Equal(StreamEndReason.Terminated, exception.Reason);
            Assert.Contains("The feed was sold.", exception.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>What tells the reader is lost: it is told when it asks next.</summary>
    [Fact]
    public async Task AReaderThatDoesNotHearThatItsStreamWasEnded_IsToldWhenItAsks()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var source = await _bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var reading = source.DrainAsync();
        var info = await OnlyAsync(name);
        _bed.Wire.Gate = call => call.Request.GetArgumentCount() == 1 && call.Request.GetArgument(0) is StreamFrame { IsOver: true }
            ? Task.FromException(new TimeoutException("It was lost.")) : null;
        try
        {
            Assert.True(await Management.EndAsync(info.Id, "Enough.").Soon());
            await Assert.ThrowsAsync<StreamTerminatedException>(() => sink.Completion.Soon());
            Assert.False(reading.IsCompleted);
            for (int i = 0; i < 40 && !reading.IsCompleted; i++)
            {
                _bed.Time!.Advance(TimeSpan.FromSeconds(1));
                await _bed.RoundTripAsync();
            }

            await Assert.ThrowsAsync<StreamTerminatedException>(() => reading);
        }
        finally
        {
            _bed.Wire.Gate = null;
        }
    }

    [Fact]
    public async Task BadInput_IsRefusedAndSaysWhy()
    {
        Assert.Equal("PageSize", Assert.Throws<ArgumentOutOfRangeException>(() => new StreamQuery { PageSize = 0 }).ParamName);
        Assert.Equal("PageSize", Assert.Throws<ArgumentOutOfRangeException>(() => new StreamQuery { PageSize = 1001 }).ParamName);
        Assert.Equal("StalledLongerThan", Assert.Throws<ArgumentOutOfRangeException>(() => new StreamQuery { StalledLongerThan = TimeSpan.FromTicks(-1) }).ParamName);
        foreach (string token in new[] { "", "nonsense", "S1/2", $"127.0.0.1:1@1/{Guid.Empty:N}/x", $"nowhere/{Guid.Empty:N}" })
        {
            var refused = await Assert.ThrowsAsync<ArgumentException>(() => Management.ListAsync(new() { After = token }).Soon());
            Assert.Contains($"'{token}'", refused.Message, StringComparison.Ordinal);
        }

        await Assert.ThrowsAsync<ArgumentNullException>(() => Management.EndAsync(Guid.NewGuid(), null!).Soon());
        await Assert.ThrowsAsync<ArgumentException>(() => Management.EndAsync(Guid.NewGuid(), " ").Soon());
        await Assert.ThrowsAsync<ArgumentException>(() => Management.EndAsync(Guid.NewGuid(), new string('x', 1001)).Soon());
        Assert.False(await Management.EndAsync(Guid.NewGuid(), "Nothing has this id.").Soon());
        Assert.Throws<ArgumentNullException>(() => ((IGrainFactory)null!).GetStreamManagement());
    }

    [Fact]
    public async Task ASiloThatDoesNotAnswer_IsNamed_AndTheOthersAreListed()
    {
        string name = Cluster.Name();
        await using var here = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var there = await _bed[Place.SiloB].GetSinkAsync<string>(name).Soon();
        var silent = Silo(Place.SiloB);
        _bed.Wire.Gate = call => call.Grain is IStreamSiloGrain grain && grain.GetPrimaryKeyString() == silent.ToParsableString()
            ? Task.FromException(new SiloUnavailableException("It is gone.")) : null;
        try
        {
            var page = await Management.ListAsync(new() { NamePrefix = name }).Soon();
            Assert.Equal("System.Int32", Assert.Single(page.Streams).ElementType);
            Assert.Equal([silent], page.Unanswered);
            Assert.Null(page.Next);

            // Who did not answer may have the stream; who did is believed.
            Assert.True(await Management.EndAsync(page.Streams[0].Id, "Enough.").Soon());
            await Assert.ThrowsAsync<SiloUnavailableException>(() => Management.EndAsync(page.Streams[0].Id, "Again.").Soon());
        }
        finally
        {
            _bed.Wire.Gate = null;
        }
    }

    /// <summary>Several of these, one after the other, and the caller would have waited for too long to be told of any.</summary>
    [Fact]
    public async Task APage_EndsBehindASiloThatDoesNotAnswerInTime()
    {
        string name = Cluster.Name();
        await using var here = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var there = await _bed[Place.SiloB].GetSinkAsync<int>($"{name}/2").Soon();
        var silent = new[] { Silo(Place.SiloA), Silo(Place.SiloB) }.Min()!;   // asked first
        _bed.Wire.Gate = call => call.Grain is IStreamSiloGrain grain && grain.GetPrimaryKeyString() == silent.ToParsableString()
            ? Task.FromException(new TimeoutException("It did not answer.")) : null;
        try
        {
            var query = new StreamQuery { NamePrefix = name };
            var first = await Management.ListAsync(query).Soon();
            Assert.Empty(first.Streams);
            Assert.Equal([silent], first.Unanswered);

            var second = await Management.ListAsync(query with { After = first.Next }).Soon();
            Assert.NotEqual(silent, Assert.Single(second.Streams).Silo);
            Assert.Empty(second.Unanswered);
            Assert.Null(second.Next);
            Assert.Equal(second.Streams.Select(one => one.Id), (await ListAsync(query)).Select(one => one.Id));

            // The stream may be there.
            await Assert.ThrowsAsync<TimeoutException>(() => Management.EndAsync(Guid.NewGuid(), "Enough.").Soon());
        }
        finally
        {
            _bed.Wire.Gate = null;
        }
    }

    [Fact]
    public async Task ASilosGrainThatIsElsewhere_GoesHome()
    {
        await using var bed = await ClusterBed.StartAsync();
        string name = Cluster.Name();
        await using var sink = await bed[Place.SiloB].GetSinkAsync<int>(name).Soon();

        // As if it had been asked for while its silo was not there.
        RequestContext.Set(IPlacementDirector.PlacementHintKey, bed.Orleans.Silos[0].SiloAddress);
        var astray = bed[Place.Client].GetGrain<IStreamSiloGrain>(bed.Orleans.Silos[1].SiloAddress.ToParsableString());
        await Assert.ThrowsAsync<SiloUnavailableException>(() => astray.ListAsync(new StreamQuery(), Guid.Empty, 10).Soon());
        RequestContext.Remove(IPlacementDirector.PlacementHintKey);

        var page = await bed[Place.Client].GetStreamManagement().ListAsync(new() { NamePrefix = name }).Soon();
        Assert.Equal(name, Assert.Single(page.Streams).Producer);
        Assert.Empty(page.Unanswered);
    }

    [Fact]
    public async Task AQuery_ArrivesAsItWasSent()
    {
        // A page that begins behind a silo that nobody has heard of goes on with the next one.
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var before = SiloAddress.New(new IPEndPoint(IPAddress.Loopback, 1), 1);
        var query = new StreamQuery { NamePrefix = name, ElementType = "System.Int32", PageSize = 1, After = $"{before.ToParsableString()}/{Guid.NewGuid():N}" };
        Assert.Equal(name, Assert.Single((await Management.ListAsync(query).Soon()).Streams).Producer);
    }

    private async Task<StreamInfo> OnlyAsync(string name) => Assert.Single(await ListAsync(new() { NamePrefix = name }));

    private async Task<List<StreamInfo>> ListAsync(StreamQuery query) => await Management.ListAllAsync(query).ToListAsync().Soon();

    private SiloAddress Silo(Place place) => _bed.Orleans.Silos[(int)place].SiloAddress;

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime(), Lease = TimeSpan.FromMinutes(1) };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
