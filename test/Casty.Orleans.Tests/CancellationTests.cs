using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 13 to 18, 23, 24 and 26 to 28 of the catalogue: readers that leave, and writers that are done.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class CancellationTests(ClockedCluster cluster)
{
    /// <summary>The ways out of a loop.</summary>
    public enum Way
    {
        Break,
        Return,
        Throw,
        CancelToken,
        DisposeFromOutside,
    }

    public static TheoryData<Way, Place, Place> Ways()
    {
        var data = new TheoryData<Way, Place, Place>();
        foreach (var way in Enum.GetValues<Way>())
        {
            foreach (var writer in Enum.GetValues<Place>())
            {
                foreach (var reader in Enum.GetValues<Place>()) data.Add(way, writer, reader);
            }
        }

        return data;
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task Case13_BreakCancels_AndWritersAreTold(Way way, Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = 2 }, new() { InitialDemand = 2 }, name: name);
        var putting = stream.Sink.PutAllAsync(Numbers());
        var waiting = stream.Sink.WaitToPutAsync().AsTask();

        Assert.Equal([0, 1, 2], await LeaveAfterThreeAsync(stream.Source, way));
        Assert.True(stream.Source.Completion.IsCanceled);

        AssertCancelled(await Assert.ThrowsAsync<StreamClosedException>(() => putting.Soon()));
        AssertCancelled(await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.PutAsync(0).Soon()));
        AssertCancelled(await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon()));
        Assert.False(stream.Sink.TryPut(0));
        await waiting.Soon();
        Assert.False(await stream.Sink.WaitToPutAsync().Soon());
        await stream.Sink.CompleteAsync().Soon();
        await stream.Sink.DisposeAsync().Soon();

        // Case 27: nothing of the stream holds on to its name.
        await using var next = await cluster[writer].GetSinkAsync<int>(name).Soon();

        void AssertCancelled(StreamClosedException error)
        {
            Assert.Equal(StreamEndReason.Cancelled, error.Reason);
            Assert.Contains($"'{name}'", error.Message);
        }
    }

    [Theory, Everywhere]
    public async Task Case14_CancelIsNotFailure(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAllAsync(Enumerable.Range(7, 10)).Soon();

        Assert.Equal(7, await stream.Source.FirstAsync().Soon());
        var error = await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
        Assert.Null(error.InnerException);
        await stream.Sink.CompleteAsync().Soon();
    }

    [Theory, Everywhere]
    public async Task Case15_CancelBeforeFirstElement(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Source.DisposeAsync().Soon();

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
        await stream.Sink.CompleteAsync().Soon();
    }

    [Theory, Everywhere]
    public async Task Case17_ConcurrentCancelAndComplete(Place writer, Place reader)
    {
        for (int i = 0; i < 10; i++)
        {
            await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
            await stream.Sink.PutAsync(1).Soon();
            var completing = Task.Run(() => stream.Sink.CompleteAsync());
            var cancelling = Task.Run(async () => await stream.Source.DisposeAsync());

            await completing.Soon();
            await cancelling.Soon();
            var error = await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
            Assert.Equal(StreamEndReason.Cancelled, error.Reason);   // nobody read the element, so it did not complete
            Assert.True(stream.Source.Completion.IsCanceled);
        }
    }

    [Theory, Everywhere]
    public async Task Case18_BlockedPutUnblocks_WhenTheReaderLeaves(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>(new() { BufferSize = 1 }, new() { InitialDemand = 1 });
        await stream.Sink.PutAllAsync([1, 2]).Soon();
        var blocked = new[] { stream.Sink.PutAsync(3).AsTask(), stream.Sink.PutAsync(4).AsTask() };
        Assert.All(blocked, put => Assert.False(put.IsCompleted));
        await stream.Source.DisposeAsync().Soon();

        foreach (var put in blocked) await Assert.ThrowsAsync<StreamClosedException>(() => put.Soon());
    }

    [Theory, Everywhere]
    public async Task Case18_BlockedPutUnblocks_WhenAnotherWriterFails(Place writer, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 2 }).Soon();
        await using var second = await cluster[other].GetSinkAsync<int>(name).Soon();
        var blocked = sink.PutAllAsync(Numbers());
        await second.FailAsync(new SensorException("burnt out", 999)).Soon();

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => blocked.Soon());
        Assert.Equal(StreamEndReason.Failed, error.Reason);
        Assert.Equal(999, Assert.IsType<SensorException>(error.InnerException).Degrees);
    }

    [Theory, NearAndFar]
    public async Task Case18_BlockedPutUnblocks_WhenItsOwnSinkCompletes(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();
        await sink.PutAsync(1).Soon();
        var blocked = sink.PutAsync(2).AsTask();
        await sink.CompleteAsync().Soon();

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => blocked.Soon());
        Assert.Equal(StreamEndReason.Completed, error.Reason);
        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        Assert.Equal([1], await source.DrainAsync());
    }

    [Theory, Everywhere]
    public async Task Case23_CancelToken_BeforeTheLoop(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAsync(1).Soon();
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();

        await using (var loop = stream.Source.GetAsyncEnumerator(cancellation.Token))
        {
            var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loop.MoveNextAsync().Soon());
            Assert.Equal(cancellation.Token, error.CancellationToken);
        }

        await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
    }

    [Theory, Everywhere]
    public async Task Case23_CancelToken_MidStream(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 10)).Soon();
        using var cancellation = new CancellationTokenSource();
        var taken = new List<int>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (int element in stream.Source.WithCancellation(cancellation.Token))
            {
                taken.Add(element);
                if (taken.Count == 4) await cancellation.CancelAsync();
            }
        });

        Assert.Equal([0, 1, 2, 3], taken);   // what was fetched ahead is not given out after the token
        await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
    }

    [Theory, Everywhere]
    public async Task Case24_CancelWhileIdle(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        using var cancellation = new CancellationTokenSource();
        await using var loop = stream.Source.GetAsyncEnumerator(cancellation.Token);
        var waiting = loop.MoveNextAsync().AsTask();
        Assert.False(waiting.IsCompleted);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.Soon());
        await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
    }

    [Theory, NearAndFar]
    public async Task Case26_NoLateDelivery(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 100)).Soon();
        var elements = stream.Source.Reader;
        Assert.True(await elements.WaitToReadAsync().Soon());
        await stream.Source.DisposeAsync().Soon();

        Assert.False(elements.TryRead(out _));
        Assert.Equal(0, elements.Count);
        await Task.WhenAny(stream.Sink.Completion).Soon();
        Assert.False(stream.Sink.TryPut(100));
        var late = await new ElementEndpoint<int>(cluster.Host(reader)).OnNextAsync(new StreamFrame { To = Guid.NewGuid() }).Soon();
        Assert.True(late.IsUnknown);
        var lateDemand = await new DemandEndpoint(cluster.Host(writer)).OnDemandAsync(new StreamDemand { To = Guid.NewGuid() }).Soon();
        Assert.True(lateDemand.IsUnknown);
    }

    [Theory, NearAndFar]
    public async Task Case28_PutAfterComplete(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.CompleteAsync().Soon();

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.PutAsync(2).Soon());
        Assert.Equal(StreamEndReason.Completed, error.Reason);
        Assert.False(stream.Sink.TryPut(2));
        Assert.False(await stream.Sink.WaitToPutAsync().Soon());
        Assert.Equal([1], await stream.Source.DrainAsync());
    }

    [Theory, NearAndFar]
    public async Task ACancelledComplete_StillTakesEffect(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAsync(1).Soon();
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        var completing = stream.Sink.CompleteAsync(cancellation.Token);

        Assert.Equal([1], await stream.Source.DrainAsync());
        await Task.WhenAny(completing).Soon();   // whether it waited for the answer or gave up waiting
        await stream.Sink.Completion.Soon();
    }

    [Theory, NearAndFar]
    public async Task ACancelledFail_StillTakesEffect(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        var failing = stream.Sink.FailAsync(new SensorException("late", 1), cancellation.Token);

        await Assert.ThrowsAsync<SensorException>(stream.Source.DrainAsync);
        await Task.WhenAny(failing).Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AnEndWhoseWaitIsCancelled_StillTakesEffect(bool fails)
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.SiloB]).OpenAsync<int>();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(stream.Sink.Producer).Soon();
        await stream.Sink.CompleteAsync().Soon();
        var gate = Hold();
        using var cancellation = new CancellationTokenSource();
        var ending = fails ? sink.FailAsync(new SensorException("late", 1), cancellation.Token) : sink.CompleteAsync(cancellation.Token);
        await gate.Reached.Soon();
        Assert.False(ending.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ending.Soon());

        gate.Open();
        if (fails) await Assert.ThrowsAsync<SensorException>(stream.Source.DrainAsync);
        else Assert.Empty(await stream.Source.DrainAsync());
    }

    [Fact]
    public async Task DisposingASink_DoesNotWaitForAProducerThatDoesNotAnswer()
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.SiloB]).OpenAsync<int>();
        var sink = await cluster[Place.Client].GetSinkAsync<int>(stream.Sink.Producer).Soon();
        await stream.Sink.CompleteAsync().Soon();
        var gate = Hold();
        var disposing = sink.DisposeAsync().AsTask();
        await gate.Reached.Soon();
        Assert.False(disposing.IsCompleted);
        cluster.Clock.Advance(TimeSpan.FromSeconds(6));
        await disposing.Soon();

        gate.Open();   // it is told nevertheless
        await Assert.ThrowsAsync<StreamAbandonedException>(stream.Source.DrainAsync);
    }

    [Theory, NearAndFar]
    public async Task CompletingWhatWasLetGoOf_Throws(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.DisposeAsync().Soon();
        for (int i = 0; i < 2; i++) await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Sink.CompleteAsync().Soon());
        await Assert.ThrowsAsync<StreamAbandonedException>(stream.Source.DrainAsync);
    }

    [Theory, NearAndFar]
    public async Task CompletingTwice_DisposingTwice_CancellingTwice_IsHarmless(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.CompleteAsync().Soon();
        await stream.Sink.CompleteAsync().Soon();
        await stream.Sink.FailAsync(new SensorException("too late", 0)).Soon();
        Assert.Empty(await stream.Source.DrainAsync());
        for (int i = 0; i < 2; i++)
        {
            await stream.Source.DisposeAsync().Soon();
            await stream.Sink.DisposeAsync().Soon();
        }

        await stream.Sink.Completion.Soon();
        await stream.Source.Completion.Soon();
    }

    /// <summary>Holds back what writers in other processes tell the producer.</summary>
    private Held Hold()
    {
        var held = new Held(() => cluster.Wire.Gate = null);
        cluster.Wire.Gate = call => call.InterfaceMethod.Name == nameof(IStreamElementObserver<int>.OnNextAsync) ? held.ReachAsync() : null;
        return held;
    }

    private sealed class Held(Action open)
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task;

        public void Open()
        {
            open();
            _opened.TrySetResult();
        }

        public Task ReachAsync()
        {
            _reached.TrySetResult();
            return _opened.Task;
        }
    }

    private static IEnumerable<int> Numbers()
    {
        for (int i = 0; ; i++) yield return i;
    }

    private static async Task<List<int>> LeaveAfterThreeAsync(SourceRef<int> source, Way way)
    {
        var taken = new List<int>();
        using var cancellation = new CancellationTokenSource();
        switch (way)
        {
            case Way.Break or Way.Return:
                await ReadAsync().Soon();
                break;
            case Way.Throw:
                await Assert.ThrowsAsync<SensorException>(() => ReadAsync().Soon());
                break;
            default:
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadAsync().Soon());
                break;
        }

        return taken;

        async Task ReadAsync()
        {
            await foreach (int element in source.WithCancellation(cancellation.Token))
            {
                taken.Add(element);
                if (taken.Count < 3) continue;
                if (way == Way.Break) break;
                if (way == Way.Return) return;
                if (way == Way.Throw) throw new SensorException("the loop's own", 0);
                if (way == Way.CancelToken) await cancellation.CancelAsync();
                if (way == Way.DisposeFromOutside) await source.DisposeAsync();
            }
        }
    }
}
