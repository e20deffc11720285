using System.Collections.Concurrent;
using System.Diagnostics;
using Orleans;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>That an end was opened, how it went on and how it ended is traced, and one leads to the other across processes.</summary>
public sealed class TraceTests(TraceTests.Fixture fixture) : IClassFixture<TraceTests.Fixture>, IDisposable
{
    private static readonly ActivitySource Caller = new("Casty.Orleans.Tests");

    private readonly ClusterBed _bed = fixture.Bed;
    private readonly TraceWatch _watch = new(fixture.Bed);

    public void Dispose() => _watch.Dispose();

    [Fact]
    public async Task AStream_IsOneActivityForEachEndThatOpensJoinsAndEnds_AndNonePerElement()
    {
        string name = Cluster.Name();
        using var caller = Caller.StartActivity("the caller's")!;
        var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var source = await _bed[Place.Client].GetSourceAsync<int>(name, "reader").Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 5_000));
        Assert.Equal(5_000, (await source.DrainAsync()).Count);
        await writing.Soon();
        await Waiting.UntilAsync(() => _watch.Of(name).Length == 7, () => string.Join(", ", _watch.Of(name).Select(one => one.OperationName)));

        // Both were opened by the caller, and the producer's part belongs to whoever asked.
        var openSink = _watch.One(name, StreamTraces.Open, "sink");
        var openSource = _watch.One(name, StreamTraces.Open, "source");
        Assert.All([openSink, openSource], open => Assert.Equal(caller.SpanId, open.ParentSpanId));
        Assert.Equal(Place.SiloA, _watch.PlaceOf(openSink));
        Assert.Equal(Place.Client, _watch.PlaceOf(openSource));
        Assert.Equal("reader", openSource.GetTagItem(StreamTags.Consumer));
        Assert.Equal(openSink.SpanId, _watch.One(name, StreamTraces.Join, "sink").ParentSpanId);
        Assert.Equal(openSource.SpanId, _watch.One(name, StreamTraces.Join, "source").ParentSpanId);
        Assert.All(new[] { "sink", "source" }, role => Assert.Equal(Place.SiloA, _watch.PlaceOf(_watch.One(name, StreamTraces.Join, role))));

        // What came second leads to what came first, and each end's end to how it began.
        Assert.Equal(openSink.SpanId, Assert.Single(openSource.Links).Context.SpanId);
        Assert.Empty(openSink.Links);
        Assert.Equal(openSink.SpanId, _watch.One(name, StreamTraces.Over, "sink").ParentSpanId);
        Assert.Equal(openSource.SpanId, _watch.One(name, StreamTraces.Over, "source").ParentSpanId);
        Assert.Equal(openSink.SpanId, Assert.Single(_watch.One(name, StreamTraces.Over, "source").Links).Context.SpanId);
        Assert.Equal(openSink.SpanId, _watch.One(name, StreamTraces.Over, "producer").ParentSpanId);
        Assert.All(_watch.Of(name).Where(one => one.OperationName == StreamTraces.Over), end =>
        {
            Assert.Equal("completed", end.GetTagItem(StreamTags.Reason));
            Assert.Equal(ActivityStatusCode.Unset, end.Status);
            Assert.Equal("System.Int32", end.GetTagItem(StreamTags.ElementType));
        });
        Assert.Single(_watch.Of(name).Where(one => one.GetTagItem(StreamTags.Id) is not null).Select(one => one.GetTagItem(StreamTags.Id)).Distinct());
    }

    [Fact]
    public async Task AFailure_IsAnErrorAtEachEnd()
    {
        string name = Cluster.Name();
        await using var stream = await (_bed[Place.Client], _bed[Place.SiloB]).OpenAsync<int>(name: name);
        await stream.Sink.FailAsync(new InvalidDataException("Out of order.")).Soon();
        await Assert.ThrowsAsync<InvalidDataException>(() => stream.Source.DrainAsync());
        await Waiting.UntilAsync(() => _watch.Of(name).Count(one => one.OperationName == StreamTraces.Over) == 3);
        Assert.All(_watch.Of(name).Where(one => one.OperationName == StreamTraces.Over), end =>
        {
            Assert.Equal(ActivityStatusCode.Error, end.Status);
            Assert.Equal("failed", end.GetTagItem(StreamTags.Reason));
            Assert.Equal(typeof(InvalidDataException).FullName, end.GetTagItem(StreamTags.ErrorType));
        });
    }

    [Fact]
    public async Task AnEndThatIsRefused_IsAnError()
    {
        string name = Cluster.Name();
        await using var stream = await (_bed[Place.SiloA], _bed[Place.SiloA]).OpenAsync<int>(name: name, reader: "first");
        await Assert.ThrowsAsync<StreamOccupiedException>(() => _bed[Place.Client].GetSourceAsync<int>(name, "second").Soon());
        var refused = Assert.Single(_watch.Of(name), one => one.Status == ActivityStatusCode.Error);
        Assert.Equal(StreamTraces.Open, refused.OperationName);
        Assert.Equal(typeof(StreamOccupiedException).FullName, refused.GetTagItem(StreamTags.ErrorType));
    }

    [Fact]
    public async Task AStreamThatIsRebuilt_LeadsFromEachEndToWhatItBeganWith()
    {
        string name = Cluster.Name();
        await using var stream = await (_bed[Place.Client], _bed[Place.SiloB]).OpenAsync<int>(name: name);
        await using var loop = stream.Source.GetAsyncEnumerator();
        await stream.Sink.PutAsync(1).Soon();
        await loop.NextAsync(1);
        await _bed[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        await stream.Sink.PutAsync(2).Soon();
        await loop.NextAsync(1);
        await Waiting.UntilAsync(() => _watch.Of(name) is var all && all.Any(one => one.OperationName == StreamTraces.Rebuild)
            && all.Count(one => one.OperationName == StreamTraces.Resume) >= 2);

        var resumes = _watch.Of(name).Where(one => one.OperationName == StreamTraces.Resume).ToArray();
        foreach (string role in new[] { "sink", "source" })
        {
            var open = _watch.One(name, StreamTraces.Open, role);
            Assert.All(resumes.Where(one => (string?)one.GetTagItem(StreamTags.Role) == role), resume => Assert.Equal(open.SpanId, resume.ParentSpanId));
            Assert.Contains(resumes, one => (string?)one.GetTagItem(StreamTags.Role) == role);
        }

        var rebuild = Assert.Single(_watch.Of(name), one => one.OperationName == StreamTraces.Rebuild);
        Assert.Contains(rebuild.ParentSpanId, resumes.Select(one => one.SpanId));
        Assert.Contains(_watch.PlaceOf(rebuild), new[] { Place.SiloA, Place.SiloB });
    }

    [Fact]
    public async Task WhatASiloThatTracesNothingIsTold_GoesOnFromIt()
    {
        _watch.Deaf = Place.SiloA;
        string name = Cluster.Name();
        await using var stream = await (_bed[Place.SiloA], _bed[Place.SiloA]).OpenAsync<int>(name: name, reader: "first");
        await stream.Sink.CompleteAsync().Soon();
        await stream.Source.DrainAsync();
        Assert.Empty(_watch.Of(name));

        // The client's part is passed on by a silo that has none of its own.
        string other = Cluster.Name();
        await using var starter = await _bed[Place.SiloA].GetSinkAsync<int>(other).Soon();
        await using var sink = await _bed[Place.Client].GetSinkAsync<int>(other).Soon();
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(other).Soon();
        Assert.Equal(_watch.One(other, StreamTraces.Open, "sink").SpanId, Assert.Single(_watch.One(other, StreamTraces.Open, "source").Links).Context.SpanId);
    }

    [Fact]
    public void EveryActivity_IsInTheDocument() => Assert.All(
        new[] { StreamTraces.Open, StreamTraces.Join, StreamTraces.Resume, StreamTraces.Rebuild, StreamTraces.Over },
        activity => Assert.Contains($"| `{activity}` |", ObservabilityDocument.Text, StringComparison.Ordinal));

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime(), Lease = TimeSpan.FromDays(1) };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }

    /// <summary>Listens to what the processes of one cluster trace.</summary>
    private sealed class TraceWatch : IDisposable
    {
        private readonly ActivityListener _listener;
        private readonly Dictionary<ActivitySource, Place> _places;
        private readonly ConcurrentQueue<Activity> _stopped = new();

        public TraceWatch(ClusterBed bed)
        {
            _places = Enum.GetValues<Place>().ToDictionary(place => bed.Host(place).Traces.Source!);
            _listener = new ActivityListener
            {
                ShouldListenTo = source => _places.ContainsKey(source) || source == Caller,
                Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                    _places.TryGetValue(options.Source, out var place) && place == Deaf ? ActivitySamplingResult.None : ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = _stopped.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        /// <summary>A process whose activities are not wanted.</summary>
        public Place? Deaf { get; set; }

        public Activity[] Of(string name) => [.. _stopped.Where(one => (string?)one.GetTagItem(StreamTags.Name) == name)];

        public Activity One(string name, string activity, string role) =>
            Assert.Single(Of(name), one => one.OperationName == activity && (string?)one.GetTagItem(StreamTags.Role) == role);

        public Place PlaceOf(Activity activity) => _places[activity.Source];

        public void Dispose() => _listener.Dispose();
    }
}
