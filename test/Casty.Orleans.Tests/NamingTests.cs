using Orleans;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>What a name stands for, when it is taken, and when it is free.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class NamingTests(ClockedCluster cluster)
{
    [Theory]
    [InlineData("one", "two")]
    [InlineData("one", null)]
    [InlineData(null, "two")]
    [InlineData(null, null)]
    public async Task AnotherConsumer_IsRefused_AndToldWhoReads(string? first, string? second)
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.SiloA].GetSourceAsync<int>(name, first).Soon();
        var error = await Assert.ThrowsAsync<StreamOccupiedException>(() => cluster[Place.Client].GetSourceAsync<int>(name, second).Soon());
        Assert.Equal(source.Consumer, error.Consumer);
        Assert.Contains($"'{name}' has Delivery Single", error.Message);
        Assert.Contains("name Broadcast or Balanced", error.Message);
        if (first is not null) Assert.Equal(first, source.Consumer);

        // A detached name still has the stream; one that cancelled has not.
        if (first is not null)
        {
            await using var sink = await cluster[Place.SiloB].GetSinkAsync<int>(name).Soon();
            await source.DetachAsync().Soon();
            await Assert.ThrowsAsync<StreamOccupiedException>(() => cluster[Place.Client].GetSourceAsync<int>(name, second).Soon());
        }
        else
        {
            await source.DisposeAsync().Soon();
            await using var next = await cluster[Place.Client].GetSourceAsync<int>(name, second).Soon();
        }
    }

    [Theory, Everywhere]
    public async Task ASourceMayComeBeforeAnySink(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        var reading = source.DrainAsync();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await sink.WriteAsync([1, 2, 3]);

        Assert.Equal([1, 2, 3], await reading);
    }

    [Fact]
    public async Task ASourceThatSeesNoWriter_IsWarnedOfOnce()
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.Client].GetSourceAsync<Price>(name).Soon();
        await cluster.RoundTripAsync();
        cluster.Clock.Advance(TimeSpan.FromSeconds(29));
        Assert.DoesNotContain(cluster.Log.Warnings, line => line.Contains(name));

        cluster.Clock.Advance(TimeSpan.FromSeconds(2));
        string warning = Assert.Single(cluster.Log.Warnings, line => line.Contains(name));
        Assert.Contains(typeof(Price).ToString(), warning);
        cluster.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Single(cluster.Log.Warnings, line => line.Contains(name));
    }

    [Theory]
    [InlineData(StreamDelivery.Single)]
    [InlineData(StreamDelivery.Broadcast)]
    public async Task ASourceThatSeesNoWriter_IsWarnedOf_ThoughItsProducerWasRebuilt(StreamDelivery delivery)
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(name, options: new() { Delivery = delivery }).Soon();
        await cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        await Waiting.UntilAsync(() => cluster.Log.IsLogged(name, "A reader"));
        Assert.Empty(NoWriter());
        cluster.Clock.Advance(TimeSpan.FromSeconds(31));
        await Waiting.UntilAsync(() => NoWriter().Any());

        IEnumerable<string> NoWriter() => cluster.Log.Warnings.Where(line => line.Contains(name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(StreamDelivery.Single)]
    [InlineData(StreamDelivery.Broadcast)]
    public async Task ASourceThatSeesNoWriter_IsWarnedOf_ThoughOneAskedToJoinAndGaveUp(StreamDelivery delivery)
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.SiloA].GetSourceAsync<int>(name, options: new() { Delivery = delivery }).Soon();
        var producer = cluster.Host(Place.SiloA).FindProducer<int>(name)!;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Wire.AnswerGate = call => call.InterfaceMethod.Name == nameof(IStreamProducerGrain<int>.AttachAsync) ? gate.Task : null;
        using var cancellation = new CancellationTokenSource();
        var opening = cluster[Place.Client].GetSinkAsync<int>(name, cancellationToken: cancellation.Token);
        await Waiting.UntilAsync(() => producer.WriterCount == 1);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening.Soon());
        cluster.Wire.AnswerGate = null;
        gate.SetResult();
        await Waiting.UntilAsync(() => producer.WriterCount == 0);

        cluster.Clock.Advance(TimeSpan.FromSeconds(31));
        await Waiting.UntilAsync(() => cluster.Log.Warnings.Any(line => line.Contains(name, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task ASourceThatSeesAWriterInTime_IsNotWarnedOf()
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.Client].GetSourceAsync<Price>(name).Soon();
        await using var sink = await cluster[Place.SiloB].GetSinkAsync<Price>(name).Soon();
        cluster.Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.DoesNotContain(cluster.Log.Warnings, line => line.Contains(name));
    }

    [Fact]
    public async Task StreamsOfDifferentTypes_ShareANameAndNothingElse()
    {
        string name = Cluster.Name();
        await using var numbers = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>(name: name);
        await using var words = await (cluster[Place.Client], cluster[Place.SiloA]).OpenAsync<string>(name: name);
        await numbers.Sink.WriteAsync([1]);
        await words.Sink.WriteAsync(["one"]);

        Assert.Equal([1], await numbers.Source.DrainAsync());
        Assert.Equal(["one"], await words.Source.DrainAsync());
    }

    [Theory]
    [InlineData(Place.SiloA, Place.SiloB, Place.Client)]
    [InlineData(Place.Client, Place.Client, Place.Client)]
    [InlineData(Place.SiloA, Place.SiloA, Place.SiloA)]
    [InlineData(Place.SiloB, Place.SiloA, Place.SiloB)]
    public async Task ANameIsFree_RightAfterItsStreamEnded(Place one, Place two, Place three)
    {
        string name = Cluster.Name();
        Place[] places = [one, two, three];
        for (int cycle = 0; cycle < 100; cycle++)
        {
            var writer = places[cycle % 3];
            var reader = places[(cycle / 3) % 3];
            await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
            await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
            await sink.PutAsync(cycle).Soon();
            if (cycle % 2 == 0)
            {
                await sink.CompleteAsync().Soon();
                Assert.Equal([cycle], await source.DrainAsync());
            }
            else
            {
                Assert.Equal(cycle, await source.FirstAsync().Soon());
            }
        }
    }

    [Theory, NearAndFar]
    public async Task ANameIsFree_RightAfterItsSinkCompleted(Place writer, Place reader)
    {
        string name = Cluster.Name();
        for (int cycle = 0; cycle < 20; cycle++)
        {
            await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
            await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
            var reading = source.DrainAsync();
            await sink.CompleteAsync().Soon();
            await sink.Completion.Soon();   // this time the writer is the one to know

            await using var next = await cluster[writer].GetSinkAsync<int>(name).Soon();
            await using var unread = await cluster[reader].GetSourceAsync<int>(name).Soon();
            Assert.Empty(await reading);
            await unread.DisposeAsync().Soon();
        }
    }

    [Theory, NearAndFar]
    public async Task ASink_OnAnEndedUnreadStream_IsRefused_AndToldWhenTheNameIsFree(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { SubscriptionTimeout = TimeSpan.FromMinutes(7) }).Soon();
        await sink.PutAsync(1).Soon();
        await sink.CompleteAsync().Soon();
        cluster.Clock.Advance(TimeSpan.FromMinutes(2));

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => cluster[reader].GetSinkAsync<int>(name).Soon());
        Assert.Equal(StreamEndReason.Completed, error.Reason);
        Assert.Contains($"'{name}'", error.Message);
        Assert.Contains("00:05:00", error.Message);

        // A reader that comes late is given everything, and then the name is free.
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        error = await Assert.ThrowsAsync<StreamClosedException>(() => cluster[reader].GetSinkAsync<int>(name).Soon());
        Assert.Contains("once its reader has received what it holds", error.Message);
        Assert.Equal([1], await source.DrainAsync());
        await sink.Completion.Soon();
        await using var next = await cluster[reader].GetSinkAsync<int>(name).Soon();
    }

    [Theory, NearAndFar]
    public async Task AFailedUnreadStream_IsKeptForALateReader(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await sink.PutAsync(1).Soon();
        await sink.FailAsync(new SensorException("cold", -40)).Soon();
        await sink.DisposeAsync().Soon();
        cluster.Clock.Advance(TimeSpan.FromMinutes(4));
        var refused = await Assert.ThrowsAsync<StreamClosedException>(() => cluster[reader].GetSinkAsync<int>(name).Soon());
        Assert.Equal(-40, Assert.IsType<SensorException>(refused.InnerException).Degrees);

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        await using (var loop = source.GetAsyncEnumerator())
        {
            Assert.Equal([1], await loop.NextAsync(1));
            Assert.Equal(-40, (await Assert.ThrowsAsync<SensorException>(() => loop.MoveNextAsync().Soon())).Degrees);
        }

        await using var next = await cluster[reader].GetSinkAsync<int>(name).Soon();
    }

    [Theory, NearAndFar]
    public async Task Case35_RefAccessIdempotent(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(reader: "me");
        int before = cluster.Host(reader).EndCount;
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal($"SinkRef<Int32> of '{stream.Sink.Producer}'", stream.Sink.ToString());
            Assert.Equal($"SourceRef<Int32> of '{stream.Sink.Producer}' for 'me'", stream.Source.ToString());
            Assert.Equal("me", stream.Source.Consumer);
            Assert.Same(stream.Source.Reader, stream.Source.Reader);
            Assert.Same(stream.Sink.Writer, stream.Sink.Writer);
            Assert.Same(stream.Source.Completion, stream.Source.Completion);
        }

        Assert.Equal(before, cluster.Host(reader).EndCount);
        await stream.Sink.WriteAsync([1, 2]);
        Assert.Equal([1, 2], await stream.Source.Reader.ReadAllAsync().ToListAsync().Soon());
    }

    [Theory, Everywhere]
    public async Task ACancelledGetSink_LeavesNothingBehind(Place writer, Place other)
    {
        await using var stream = await (cluster[writer], cluster[Place.SiloA]).OpenAsync<int>();
        for (int i = 0; i < 10; i++)
        {
            using var cancellation = new CancellationTokenSource();
            var getting = cluster[other].GetSinkAsync<int>(stream.Sink.Producer, cancellationToken: cancellation.Token);
            await cancellation.CancelAsync();
            try
            {
                await using var tooFast = await getting.Soon();
                await tooFast.CompleteAsync().Soon();
            }
            catch (OperationCanceledException)
            {
            }
        }

        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.CompleteAsync().Soon();
        Assert.Equal([1], await stream.Source.DrainAsync());   // not abandoned by a writer that never was
    }

    [Theory, Everywhere]
    public async Task ACancelledGetSource_LeavesNothingBehind(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await sink.PutAsync(1).Soon();
        using (var cancellation = new CancellationTokenSource())
        {
            var getting = cluster[reader].GetSourceAsync<int>(name, "next", new() { OnLeave = StreamLeave.Detach }, cancellation.Token);
            await cancellation.CancelAsync();
            try
            {
                await (await getting.Soon()).DisposeAsync().Soon();
            }
            catch (OperationCanceledException)
            {
            }
        }

        await using var source = await cluster[reader].GetSourceAsync<int>(name, "next").Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([1], await source.DrainAsync());
    }

    [Fact]
    public async Task AWriterThatWithdrew_LeavesNoOptionsBehind()
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.SiloA].GetSourceAsync<int>(name).Soon();
        var grain = cluster[Place.SiloA].GetGrain<IStreamProducerGrain<int>>(name);
        var observers = await Joining.AcquireAsync<int>(cluster.Host(Place.SiloA)).Soon();
        var end = Guid.NewGuid();
        await grain.AttachAsync(new StreamAttachRequest
        {
            Process = cluster.Host(Place.SiloA).Process,
            End = end,
            Observer = observers.Demand,
            BufferSize = 5,
        }).Soon();
        await grain.WithdrawAsync(end).Soon();
        Joining.Release<int>(cluster.Host(Place.SiloA));

        await using var sink = await cluster[Place.SiloB].GetSinkAsync<int>(name, new() { BufferSize = 7 }).Soon();
        await sink.WriteAsync([1]);
        Assert.Equal([1], await source.DrainAsync());
    }

    [Fact]
    public async Task WhoWithdrawsFromAStreamThatIsNotThere_DoesNotMakeOne()
    {
        string name = Cluster.Name();
        int before = cluster.Host(Place.SiloA).EndCount;
        await cluster[Place.SiloA].GetGrain<IStreamProducerGrain<int>>(name).WithdrawAsync(Guid.NewGuid()).Soon();
        await cluster[Place.SiloA].GetGrain<IStreamProducerGrain<int>>(name).UnsubscribeAsync(Guid.NewGuid()).Soon();

        Assert.Equal(before, cluster.Host(Place.SiloA).EndCount);
    }
}
