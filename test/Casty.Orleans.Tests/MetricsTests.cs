using Orleans;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Each instrument moves by as much as happens, in the process where it happens. Each test has a type of elements of its own.</summary>
public sealed class MetricsTests : IClassFixture<MetricsTests.Fixture>, IDisposable
{
    private static readonly (string, string) AtProducer = (StreamTags.Role, "producer");
    private static readonly (string, string) AtSink = (StreamTags.Role, "sink");
    private static readonly (string, string) AtSource = (StreamTags.Role, "source");

    private readonly ClusterBed _bed;
    private readonly MeterWatch _client, _siloA, _siloB;

    public MetricsTests(Fixture fixture)
    {
        _bed = fixture.Bed;
        _ = _bed.Hosts.ToArray();   // what is measured is there once streams are
        _client = new MeterWatch(_bed.Services(Place.Client));
        _siloA = new MeterWatch(_bed.Services(Place.SiloA));
        _siloB = new MeterWatch(_bed.Services(Place.SiloB));
    }

    public void Dispose()
    {
        _bed.Wire.Gate = null;
        _bed.Wire.Tap = null;
        foreach (var watch in new[] { _client, _siloA, _siloB }) watch.Dispose();
    }

    [Fact]
    public async Task ElementsAndBatches_AreCountedOnceWhereTheyLeaveAndArrive()
    {
        const int Count = 7;
        await using var stream = await OpenAsync<long>(Place.Client, Place.SiloB);
        await using var loop = stream.Source.GetAsyncEnumerator();
        for (int i = 0; i < Count; i++)
        {
            await stream.Sink.PutAsync(i).Soon();
            await loop.NextAsync(1);   // so each is a batch of its own
        }

        foreach (string of in new[] { "elements", "batches" })
        {
            Assert.Equal(Count, _client.Sum<long>($"casty.stream.{of}.sent", AtSink));
            Assert.Equal(Count, _siloA.Sum<long>($"casty.stream.{of}.received", AtProducer));
            Assert.Equal(Count, _siloA.Sum<long>($"casty.stream.{of}.sent", AtProducer));
            Assert.Equal(Count, _siloB.Sum<long>($"casty.stream.{of}.received", AtSource));

            // And nowhere else: each process has a meter of its own.
            Assert.Equal(2 * Count, _client.Sum<long>($"casty.stream.{of}.sent") + _siloA.Sum<long>($"casty.stream.{of}.sent") + _siloB.Sum<long>($"casty.stream.{of}.sent"));
            Assert.Equal(0, _siloB.Sum<long>($"casty.stream.{of}.sent"));
        }
    }

    [Fact]
    public async Task ManyElements_AreAddedPerBatch()
    {
        const int Count = 50_000;
        await using var stream = await OpenAsync<double>(Place.Client, Place.SiloB);
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, Count).Select(i => (double)i));
        await stream.Source.DrainAsync();
        await writing.Soon();
        Assert.Equal(Count, _client.Sum<double>("casty.stream.elements.sent"));
        Assert.Equal(Count, _siloA.Sum<double>("casty.stream.elements.received"));
        Assert.Equal(Count, _siloB.Sum<double>("casty.stream.elements.received"));
        foreach (var watch in new[] { _client, _siloA, _siloB })
        {
            foreach (string what in new[] { "sent", "received" })
            {
                // What was added, how often. One that came early counts as elements with the one that it waited for.
                Assert.InRange(watch.All<double>($"casty.stream.batches.{what}").Length, 0, Count / 10);
                Assert.InRange(watch.All<double>($"casty.stream.elements.{what}").Length, 0, watch.All<double>($"casty.stream.batches.{what}").Length);
            }
        }
    }

    [Fact]
    public async Task Gauges_AreWhatThereIs()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<short>(name, new() { BufferSize = 10 }).Soon();
        var source = await _bed[Place.SiloB].GetSourceAsync<short>(name, options: new() { InitialDemand = 4 }).Soon();
        await Is(_siloA, "casty.stream.demand", 4);
        Assert.Equal(1, _siloA.Gauge<short>("casty.stream.producers"));
        Assert.Equal(1, _siloA.Gauge<short>("casty.stream.sinks"));
        Assert.Equal(0, _siloA.Gauge<short>("casty.stream.sources"));
        Assert.Equal(1, _siloB.Gauge<short>("casty.stream.sources"));
        Assert.Equal(0, _siloB.Gauge<short>("casty.stream.producers"));
        Assert.Equal(0, _siloA.Gauge<short>("casty.stream.stalled"));

        for (short i = 0; i < 9; i++) await sink.PutAsync(i).Soon();
        await Is(_siloA, "casty.stream.buffered", 5);
        Assert.Equal(4, _siloA.Gauge<short>("casty.stream.unfinished"));
        Assert.Equal(0, _siloA.Gauge<short>("casty.stream.demand"));
        Assert.Equal(1, _siloA.Gauge<short>("casty.stream.stalled"));

        await source.DisposeAsync().Soon();
        foreach (string gauge in new[] { "producers", "sinks", "buffered", "unfinished", "demand", "stalled" }) await Is(_siloA, $"casty.stream.{gauge}", 0);
        await Is(_siloB, "casty.stream.sources", 0);

        static Task Is(MeterWatch watch, string gauge, double value) =>
            Waiting.UntilAsync(() => watch.Gauge<short>(gauge) == value, () => $"{gauge} is {watch.Gauge<short>(gauge)}");
    }

    [Fact]
    public async Task ABatchThatIsLost_IsCountedAsResent()
    {
        await using var stream = await OpenAsync<byte>(Place.SiloA, Place.SiloB);
        int lost = 0;
        _bed.Wire.Gate = call => HasElements(call) && Interlocked.Exchange(ref lost, 1) == 0 ? Task.FromException(new TimeoutException("It was lost.")) : null;
        await stream.Sink.PutAsync(1).Soon();
        await using var loop = stream.Source.GetAsyncEnumerator();
        var reading = loop.NextAsync(1);
        await _bed.DriveAsync(reading).Soon();
        Assert.Equal(1, _siloA.Sum<byte>("casty.stream.elements.resent", AtProducer));
        Assert.Equal(1, _siloA.Sum<byte>("casty.stream.elements.sent", AtProducer));
        Assert.Equal(2, _siloA.Sum<byte>("casty.stream.batches.sent", AtProducer));
        Assert.Equal(1, _siloB.Sum<byte>("casty.stream.elements.received", AtSource));
        Assert.Equal(0, _siloB.Sum<byte>("casty.stream.elements.dropped"));
    }

    [Fact]
    public async Task ABatchThatComesTwice_IsCountedAsDropped()
    {
        await using var stream = await OpenAsync<int>(Place.SiloA, Place.SiloB);
        int doubled = 0;
        var again = Task.FromResult(default(StreamFrameReply));
        _bed.Wire.Tap = call =>
        {
            if (!HasElements(call) || Interlocked.Exchange(ref doubled, 1) != 0) return;
            again = ((IStreamElementObserver<int>)call.Grain).OnNextAsync((StreamFrame)call.Request.GetArgument(0)!).AsTask()!;
        };
        await stream.Sink.PutAsync(1).Soon();
        await using var loop = stream.Source.GetAsyncEnumerator();
        await loop.NextAsync(1);
        await Waiting.UntilAsync(() => _siloB.Sum<int>("casty.stream.elements.dropped", AtSource) == 1);
        await again.Soon();
        Assert.Equal(1, _siloB.Sum<int>("casty.stream.elements.received", AtSource));
        Assert.Equal(2, _siloB.Sum<int>("casty.stream.batches.received", AtSource));
        Assert.Equal(0, _siloA.Sum<int>("casty.stream.elements.resent"));
    }

    [Fact]
    public async Task ABatchThatIsOvertaken_IsCountedAsPutBackIntoItsTurn()
    {
        await using var stream = await OpenAsync<ushort>(Place.SiloA, Place.SiloB);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int held = 0;
        _bed.Wire.Gate = call => HasElements(call) && Interlocked.Exchange(ref held, 1) == 0 ? gate.Task : null;
        await stream.Sink.PutAsync(1).Soon();
        await Waiting.UntilAsync(() => Volatile.Read(ref held) == 1);
        await stream.Sink.PutAsync(2).Soon();
        await Waiting.UntilAsync(() => _siloB.Sum<ushort>("casty.stream.batches.reordered", AtSource) == 1);
        Assert.Equal(0, _siloB.Sum<ushort>("casty.stream.elements.received"));

        gate.SetResult();
        await using var loop = stream.Source.GetAsyncEnumerator();
        Assert.Equal([1, 2], await loop.NextAsync(2));
        Assert.Equal(2, _siloB.Sum<ushort>("casty.stream.elements.received"));
        Assert.Equal(1, _siloB.Sum<ushort>("casty.stream.batches.reordered"));
    }

    [Fact]
    public async Task Waits_TakeTheTimeThatTheyTake()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<uint>(name, new() { BufferSize = 1 }).Soon();
        await sink.PutAsync(0).Soon();
        var put = sink.PutAsync(1).AsTask();
        var room = sink.WaitToPutAsync().AsTask();
        using var enough = new CancellationTokenSource();
        var cancelled = sink.PutAsync(2, enough.Token).AsTask();
        Assert.Empty(_siloA.All<uint>("casty.stream.wait.duration"));

        _bed.Time!.Advance(TimeSpan.FromSeconds(2));
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Soon());
        Assert.Equal([2], _siloA.All<uint>("casty.stream.wait.duration"));

        _bed.Time.Advance(TimeSpan.FromSeconds(1));
        await using var source = await _bed[Place.SiloA].GetSourceAsync<uint>(name).Soon();
        await put.Soon();
        Assert.True(await room.Soon());
        Assert.Equal([2, 3, 3], _siloA.All<uint>("casty.stream.wait.duration"));
    }

    [Fact]
    public async Task Deliveries_TakeTheTimeThatTheyTake()
    {
        await using var stream = await OpenAsync<ulong>(Place.Client, Place.SiloB);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int toProducer = 0;
        _bed.Wire.Gate = call => !HasElements(call) ? null : Interlocked.Increment(ref toProducer) == 1 ? gate.Task : null;
        await stream.Sink.PutAsync(1).Soon();
        await Waiting.UntilAsync(() => Volatile.Read(ref toProducer) == 1);
        _bed.Time!.Advance(TimeSpan.FromMilliseconds(500));   // less than after which it is sent again
        gate.SetResult();
        await using var loop = stream.Source.GetAsyncEnumerator();
        await loop.NextAsync(1);
        await Waiting.UntilAsync(() => _client.All<ulong>("casty.stream.delivery.duration").Length + _siloA.All<ulong>("casty.stream.delivery.duration").Length == 2);
        Assert.Equal([0.5], _client.All<ulong>("casty.stream.delivery.duration", AtSink));
        Assert.Equal([0], _siloA.All<ulong>("casty.stream.delivery.duration", AtProducer));
    }

    [Fact]
    public async Task Deliveries_CountFromTheProducerThroughItsBuffer()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<float>(name).Soon();
        await sink.PutAsync(1).Soon();
        await Waiting.UntilAsync(() => _siloA.Gauge<float>("casty.stream.buffered") == 1);
        _bed.Time!.Advance(TimeSpan.FromSeconds(4));
        await using var source = await _bed[Place.SiloB].GetSourceAsync<float>(name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        await loop.NextAsync(1);
        await Waiting.UntilAsync(() => _siloA.All<float>("casty.stream.delivery.duration", AtProducer).Length == 1);
        Assert.Equal([4], _siloA.All<float>("casty.stream.delivery.duration", AtProducer));
    }

    [Theory]
    [InlineData("completed", "completed", "completed")]
    [InlineData("failed", "failed", "failed")]
    [InlineData("cancelled", "cancelled", "cancelled")]
    [InlineData("abandoned", "abandoned", "abandoned")]
    [InlineData("terminated", "terminated", "terminated")]
    [InlineData(null, null, "detached")]
    [InlineData(null, null, "superseded")]
    public async Task Ends_AreCountedByTheirReason(string? producer, string? sink, string source)
    {
        string name = Cluster.Name();
        var writer = await _bed[Place.Client].GetSinkAsync<decimal>(name).Soon();
        var reader = await _bed[Place.SiloB].GetSourceAsync<decimal>(name, "reader").Soon();
        double[] before = [Ended(AtProducer, producer), Ended(AtSink, sink), Ended(AtSource, source)];
        switch (source)
        {
            case "completed":
                await writer.CompleteAsync().Soon();
                Assert.Empty(await reader.DrainAsync());
                break;

            case "failed":
                await writer.FailAsync(new InvalidDataException("Out of order.")).Soon();
                await Assert.ThrowsAsync<InvalidDataException>(() => reader.DrainAsync());
                break;

            case "cancelled":
                await reader.DisposeAsync().Soon();
                break;

            case "abandoned":
                await writer.DisposeAsync().Soon();
                await Assert.ThrowsAsync<StreamAbandonedException>(() => reader.DrainAsync());
                break;

            case "terminated":
                var management = _bed[Place.Client].GetStreamManagement();
                var page = await management.ListAsync(new() { NamePrefix = name }).Soon();
                Assert.True(await management.EndAsync(Assert.Single(page.Streams).Id, "Enough.").Soon());
                break;

            case "detached":
                await reader.DetachAsync().Soon();
                break;

            case "superseded":
                await using (await _bed[Place.SiloA].GetSourceAsync<decimal>(name, "reader").Soon())
                {
                    await Assert.ThrowsAsync<StreamSupersededException>(() => reader.DrainAsync());
                }

                break;
        }

        await Waiting.UntilAsync(() => (double[])[Ended(AtProducer, producer), Ended(AtSink, sink), Ended(AtSource, source)]
            is [var atProducer, var atSink, var atSource] && atSource == before[2] + 1 && (producer is null || (atProducer == before[0] + 1 && atSink == before[1] + 1)));
        await reader.DisposeAsync().Soon();
        await writer.DisposeAsync().Soon();

        double Ended((string, string) role, string? reason) => reason is null ? 0
            : new[] { _client, _siloA, _siloB }.Sum(watch => watch.Sum<decimal>("casty.stream.ended", role, (StreamTags.Reason, reason)));
    }

    [Fact]
    public async Task AStreamThatAPeerBreaks_IsCountedSoForTheProducerAndEachEnd()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var hostile = await HostileWriter.JoinAsync(_bed.Orleans.Client, name);
        await hostile.SayAsync(hostile.Frame(hostile.Batch(-1, 1)));
        await Assert.ThrowsAsync<StreamException>(() => source.DrainAsync());
        await Waiting.UntilAsync(() => Ended(_siloA, AtProducer) == 1 && Ended(_siloA, AtSink) == 1 && Ended(_siloB, AtSource) == 1);
        hostile.Forget();

        static double Ended(MeterWatch watch, (string, string) role) => watch.Sum<int>("casty.stream.ended", role, (StreamTags.Reason, "protocol_violation"));
    }

    [Fact]
    public async Task Resumes_AreCountedForTheProducerAndEachEnd()
    {
        string name = Cluster.Name();
        await using var stream = await OpenAsync<string>(Place.Client, Place.SiloB, name);
        await using var loop = stream.Source.GetAsyncEnumerator();
        await stream.Sink.PutAsync("one").Soon();
        await loop.NextAsync(1);
        await _bed[Place.Client].GetGrain<IStreamProducerGrain<string>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        await stream.Sink.PutAsync("two").Soon();
        Assert.Equal(["two"], await loop.NextAsync(1));
        await Waiting.UntilAsync(() => Resumed(StreamTags.Rejoin, AtSink) == 1 && Resumed(StreamTags.Rejoin, AtSource) == 1 && Resumed(StreamTags.Rebuild, AtProducer) == 1);
        Assert.Equal(3, Resumed(null));

        double Resumed(string? how, params (string, string)[] tags) => new[] { _client, _siloA, _siloB }
            .Sum(watch => watch.Sum<string>("casty.stream.resumes", [.. tags, .. how is null ? [] : new[] { (StreamTags.Resume, how) }]));
    }

    [Fact]
    public async Task AReaderThatComesBack_IsCountedAtTheProducer()
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<Guid>(name).Soon();
        var first = await _bed[Place.SiloB].GetSourceAsync<Guid>(name, "reader").Soon();
        Assert.Equal(0, _siloA.Sum<Guid>("casty.stream.resumes"));
        await first.DetachAsync().Soon();
        await using var second = await _bed[Place.Client].GetSourceAsync<Guid>(name, "reader").Soon();
        Assert.Equal(1, _siloA.Sum<Guid>("casty.stream.resumes", AtProducer, (StreamTags.Resume, StreamTags.Return)));
    }

    [Fact]
    public void WhileNobodyListens_NoInstrumentIsEnabled()
    {
        var instruments = _siloB.Instruments;
        Assert.All(instruments, instrument => Assert.True(instrument.Enabled));
        Dispose();
        Assert.All(instruments, instrument => Assert.False(instrument.Enabled));
    }

    [Fact]
    public void EveryInstrument_IsInTheDocumentWithItsUnit()
    {
        string document = ObservabilityDocument.Text;
        Assert.Equal(18, _siloA.Instruments.Count);
        Assert.All(_siloA.Instruments, instrument => Assert.Matches($@"(?m)^\| `{instrument.Name}` \|[^|]*\| `{System.Text.RegularExpressions.Regex.Escape(instrument.Unit!)}` \|", document));
    }

    /// <summary>A stream with its producer on silo A.</summary>
    private async Task<OpenStream<T>> OpenAsync<T>(Place writer, Place reader, string? name = null)
    {
        name ??= Cluster.Name();
        await using var starter = await _bed[Place.SiloA].GetSinkAsync<T>(name).Soon();
        var stream = await (_bed[writer], _bed[reader]).OpenAsync<T>(name: name);
        await starter.CompleteAsync().Soon();
        return stream;
    }

    private static bool HasElements(IOutgoingGrainCallContext call) =>
        call.Request.GetArgumentCount() == 1 && call.Request.GetArgument(0) is StreamFrame { Batches: not null };

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime(), Lease = TimeSpan.FromDays(1) };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
