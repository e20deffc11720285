using System.Runtime.CompilerServices;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// The rules of the Reactive Streams specification (1.0.4) by number, over a pipe and over a cluster. A publisher is the stream from its
/// sink on, a subscriber the loop over its source; to request is to have room, to cancel is to leave. What is tested elsewhere, and what
/// does not apply, is in the README's table.
/// </summary>
public abstract class ReactiveStreamsTests
{
    protected abstract Task<OpenStream<T>> OpenStreamAsync<T>(StreamProducerOptions producer, StreamConsumerOptions consumer, string? reader);

    private Task<OpenStream<int>> OpenAsync(int bufferSize = 16, int demand = 4, string? reader = null) => OpenAsync<int>(bufferSize, demand, reader);

    private async Task<OpenStream<T>> OpenAsync<T>(int bufferSize, int demand, string? reader = null) =>
        await OpenStreamAsync<T>(new() { BufferSize = bufferSize }, new() { InitialDemand = demand }, reader).Soon();

    [Fact]
    public async Task Rule101_NoMoreIsSignalledThanWasRequested()
    {
        await using var stream = await OpenAsync(bufferSize: 100, demand: 3);
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 50)).Soon();
        var reader = stream.Source.Reader;
        for (int i = 0; i < 47; i++)
        {
            await Waiting.UntilAsync(() => reader.Count == 3);
            Assert.True(reader.TryRead(out int element));
            Assert.Equal(i, element);
            Assert.InRange(reader.Count, 0, 3);
        }
    }

    [Fact]
    public async Task Rule102_FewerMayBeSignalled_AndThenTheEnd()
    {
        await using var stream = await OpenAsync(demand: 8);
        await stream.Sink.PutAllAsync([1, 2]).Soon();
        await stream.Sink.CompleteAsync().Soon();
        Assert.Equal([1, 2], await stream.Source.DrainAsync());
    }

    [Fact]
    public async Task Rule103_SignalsAreSerial()
    {
        await using var stream = await OpenAsync();
        var told = new Told<int>();
        using var subscription = stream.Source.ToObservable().Subscribe(told);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => stream.Sink.PutAllAsync(Enumerable.Range(0, 100))))).Soon();
        await stream.Sink.CompleteAsync().Soon();
        await told.Ended.Soon();
        Assert.False(told.Overlapped);
        Assert.Equal(400, told.Elements.Count);
    }

    [Fact]
    public async Task Rule104_AFailureIsSignalledAsAnError()
    {
        await using var stream = await OpenAsync();
        var told = new Told<int>();
        using var subscription = stream.Source.ToObservable().Subscribe(told);
        await stream.Sink.FailAsync(new SensorException("overheated", 451)).Soon();
        await told.Ended.Soon();
        Assert.IsType<SensorException>(Assert.Single(told.Ends));
    }

    [Fact]
    public async Task Rule105_AFiniteStreamIsSignalledAsComplete()
    {
        await using var stream = await OpenAsync();
        var told = new Told<int>();
        using var subscription = stream.Source.ToObservable().Subscribe(told);
        await stream.Sink.CompleteAsync().Soon();
        await told.Ended.Soon();
        Assert.Null(Assert.Single(told.Ends));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rule106_Rule107_Rule204_AfterTheEnd_NothingIsSignalledOrRequested(bool fails)
    {
        await using var stream = await OpenAsync();
        var told = new Told<int>();
        using var subscription = stream.Source.ToObservable().Subscribe(told);
        await stream.Sink.PutAsync(1).Soon();
        if (fails) await stream.Sink.FailAsync(new SensorException("overheated", 451)).Soon();
        else await stream.Sink.CompleteAsync().Soon();
        await told.Ended.Soon();

        Assert.False(stream.Sink.TryPut(2));
        Assert.False(await stream.Sink.WaitToPutAsync().Soon());
        await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.PutAsync(2).Soon());
        await stream.Sink.FailAsync(new FormatException("A second end.")).Soon();
        await Task.WhenAny(stream.Sink.Completion).Soon();
        Assert.Equal([1], told.Elements);
        Assert.Single(told.Ends);
    }

    [Fact]
    public async Task Rule108_Rule312_OnceCancelled_SignalsStop()
    {
        await using var stream = await OpenAsync(bufferSize: 2, demand: 2);
        var told = new Told<int>();
        var subscription = stream.Source.ToObservable().Subscribe(told);
        var putting = stream.Sink.PutAllAsync(Enumerable.Range(0, int.MaxValue));
        await Waiting.UntilAsync(() => told.Elements.Count >= 10);
        subscription.Dispose();

        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => putting.Soon())).Reason);
        int before = told.Elements.Count;
        Assert.False(stream.Sink.TryPut(-1));
        Assert.Equal((before, 0), (told.Elements.Count, told.Ends.Count));
    }

    [Fact]
    public async Task Rule109_SubscribingReturnsNormally_WhateverBecameOfTheStream()
    {
        await using var stream = await OpenAsync();
        var observable = stream.Source.ToObservable();
        Assert.Throws<ArgumentNullException>("observer", () => observable.Subscribe(null!));
        await stream.Sink.FailAsync(new SensorException("overheated", 451)).Soon();
        var told = new Told<int>();
        using var subscription = observable.Subscribe(told);
        await told.Ended.Soon();
        Assert.IsType<SensorException>(Assert.Single(told.Ends));
    }

    [Fact]
    public async Task Rule110_Rule205_Rule212_ASecondSubscription_IsRefused_AndTheFirstGoesOn()
    {
        await using var stream = await OpenAsync();
        await stream.Sink.PutAllAsync([1, 2]).Soon();
        await using var loop = stream.Source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));
        Assert.Throws<InvalidOperationException>(() => stream.Source.GetAsyncEnumerator());
        Assert.Throws<InvalidOperationException>(() => stream.Source.Reader);
        Assert.Throws<InvalidOperationException>(() => stream.Source.ToObservable().Subscribe(new Told<int>()));
        Assert.Equal([2], await loop.NextAsync(1));
    }

    [Fact]
    public async Task Rule201_WhatThereIsRoomForIsRequested_BeforeAnybodyReads()
    {
        await using var stream = await OpenAsync(bufferSize: 1, demand: 5);
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 6)).Soon();
        await Waiting.UntilAsync(() => stream.Source.Reader.Count == 5);
        Assert.False(stream.Sink.TryPut(6));
    }

    [Fact]
    public async Task Rule203_AtTheEnd_LeavingChangesNothing()
    {
        await using var stream = await OpenAsync(reader: "reader");
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.CompleteAsync().Soon();
        await foreach (int element in stream.Source) Assert.Equal(1, element);
        await stream.Source.DisposeAsync().Soon();
        await stream.Source.DetachAsync().Soon();
        await stream.Source.Completion.Soon();
        await stream.Sink.Completion.Soon();
    }

    [Fact]
    public async Task Rule209_TheEndNeedsNoRequest()
    {
        await using var stream = await OpenAsync(bufferSize: 1, demand: 1);
        await stream.Sink.CompleteAsync().Soon();
        await stream.Source.Completion.Soon();   // nobody has asked for an element
    }

    [Fact]
    public async Task Rule210_AnErrorNeedsNoRequest()
    {
        await using var stream = await OpenAsync(bufferSize: 1, demand: 1);
        await stream.Sink.FailAsync(new SensorException("overheated", 451)).Soon();
        await Assert.ThrowsAsync<SensorException>(() => stream.Source.Completion.Soon());
    }

    [Fact]
    public async Task Rule211_WhatWasWrittenBeforeThePut_IsSeenByTheReader()
    {
        await using var stream = await OpenAsync<Tally>(bufferSize: 4, demand: 4);
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                var tally = new Tally();
                tally.Counts.Add(i);
                await stream.Sink.PutAsync(tally);
            }

            await stream.Sink.CompleteAsync();
        });
        int next = 0;
        await foreach (var tally in stream.Source) Assert.Equal([next++], tally.Counts);
        Assert.Equal(1_000, next);
        await writing.Soon();
    }

    /// <summary>The loop's body puts what the loop takes next: each goes through the other and none on top of the other.</summary>
    [Fact]
    public async Task Rule302_Rule303_ALoopThatFeedsItself_DoesNotRecurse()
    {
        const int Count = 5_000;
        await using var stream = await OpenAsync(bufferSize: 1, demand: 1);
        await stream.Sink.PutAsync(0).Soon();
        int taken = 0, deepest = 0;
        await foreach (int element in stream.Source)
        {
            Assert.Equal(taken++, element);
            if (taken % 100 == 0) deepest = Math.Max(deepest, new System.Diagnostics.StackTrace().FrameCount);
            if (taken == Count) await stream.Sink.CompleteAsync();
            else await stream.Sink.PutAsync(taken);
        }

        Assert.Equal(Count, taken);
        Assert.InRange(deepest, 1, 200);
    }

    [Fact]
    public async Task Rule304_ToRequest_DoesNotWaitForTheWriter()
    {
        await using var stream = await OpenAsync();
        using var goOn = new ManualResetEventSlim();
        var putting = Task.Run(() => stream.Sink.PutAllAsync(Slow()));
        await using var loop = stream.Source.GetAsyncEnumerator();
        var next = loop.MoveNextAsync();
        Assert.False(next.IsCompleted);
        goOn.Set();
        Assert.True(await next.Soon());
        await putting.Soon();

        IEnumerable<int> Slow()
        {
            Assert.True(goOn.Wait(Waiting.Limit));
            yield return 1;
        }
    }

    [Fact]
    public async Task Rule305_Rule307_Rule315_CancellingIsIdempotentAndThreadSafe_AndReturnsNormally()
    {
        await using var stream = await OpenAsync();
        await stream.Sink.PutAllAsync([1, 2, 3]).Soon();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await stream.Source.DisposeAsync()))).Soon();
        await stream.Source.DisposeAsync().Soon();
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon())).Reason);
        await stream.Source.DisposeAsync().Soon();
    }

    [Fact]
    public async Task Rule306_OnceCancelled_RequestsHaveNoEffect()
    {
        await using var stream = await OpenAsync(bufferSize: 1, demand: 1);
        await stream.Sink.PutAsync(1).Soon();
        var reader = stream.Source.Reader;
        await stream.Source.DisposeAsync().Soon();
        Assert.False(reader.TryRead(out _));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader.WaitToReadAsync().Soon());
        await Task.WhenAny(stream.Sink.Completion).Soon();
        Assert.False(stream.Sink.TryPut(2));
        Assert.Equal(0, reader.Count);
    }

    [Fact]
    public async Task Rule308_EachRequestAddsToThoseBefore()
    {
        await using var stream = await OpenAsync(bufferSize: 2, demand: 3);
        int put = 0, taken = 0;
        foreach (int more in (int[])[0, 1, 2, 3, 1, 5])
        {
            for (int i = 0; i < more; i++) Assert.Equal(taken++, await stream.Source.Reader.ReadAsync().Soon());
            while (put < taken + 2 + 3) await stream.Sink.PutAsync(put++).Soon();
            Assert.False(stream.Sink.TryPut(-1));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public async Task Rule309_ARequestForNothing_IsRefused(int demand) =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => OpenAsync(demand: demand));

    [Fact]
    public async Task Rule310_Rule311_WhatIsThere_IsSignalledWithinTheRequest()
    {
        await using var stream = await OpenAsync(demand: 2);
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.CompleteAsync().Soon();
        var reader = stream.Source.Reader;
        Assert.True(await reader.WaitToReadAsync().Soon());
        Assert.True(reader.ReadAsync().IsCompletedSuccessfully);
        await reader.Completion.Soon();
        Assert.True(reader.WaitToReadAsync().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Rule313_OnceCancelled_TheReaderIsForgotten()
    {
        var (sink, told) = await LeaveAsync();
        await using var _ = sink;
        await Waiting.UntilAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !told.IsAlive;
        });
    }

    [Fact]
    public async Task Rule316_AtTheEnd_RequestsReturnNormally()
    {
        await using var stream = await OpenAsync();
        await stream.Sink.CompleteAsync().Soon();
        await using var loop = stream.Source.GetAsyncEnumerator();
        for (int i = 0; i < 3; i++) Assert.False(await loop.MoveNextAsync().Soon());
    }

    [Fact]
    public async Task Rule317_DemandMayBeAllThereIs()
    {
        await using var stream = await OpenAsync(bufferSize: 1, demand: int.MaxValue);
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 10_000)).Soon();   // nobody reads
        await stream.Sink.CompleteAsync().Soon();
        Assert.Equal(Enumerable.Range(0, 10_000), await stream.Source.DrainAsync());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private async Task<(SinkRef<int> Sink, WeakReference Told)> LeaveAsync()
    {
        var stream = await OpenAsync();
        var told = new Told<int>();
        var subscription = stream.Source.ToObservable().Subscribe(told);
        await stream.Sink.PutAsync(1).Soon();
        await Waiting.UntilAsync(() => told.Elements.Count == 1);
        subscription.Dispose();
        await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
        return (stream.Sink, new WeakReference(told));
    }

    /// <summary>What a subscriber was told, and whether two calls were ever under way at once.</summary>
    private sealed class Told<T> : IObserver<T>
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<T> _elements = [];
        private readonly List<Exception?> _ends = [];
        private int _inside;

        public bool Overlapped { get; private set; }

        public IReadOnlyList<T> Elements => Copy(_elements);

        public IReadOnlyList<Exception?> Ends => Copy(_ends);

        public Task Ended => _ended.Task;

        public void OnNext(T value) => Take(_elements, value);

        public void OnCompleted() => End(null);

        public void OnError(Exception error) => End(error);

        private void End(Exception? error)
        {
            Take(_ends, error);
            _ended.TrySetResult();
        }

        private void Take<TSignal>(List<TSignal> signals, TSignal signal)
        {
            Overlapped |= Interlocked.Increment(ref _inside) > 1;
            lock (signals) signals.Add(signal);
            Thread.Yield();   // somebody else has the chance to call
            Interlocked.Decrement(ref _inside);
        }

        private static List<TSignal> Copy<TSignal>(List<TSignal> signals)
        {
            lock (signals) return [.. signals];
        }
    }
}

/// <summary>The rules over a pipe.</summary>
public sealed class PipeReactiveStreamsTests : ReactiveStreamsTests
{
    protected override Task<OpenStream<T>> OpenStreamAsync<T>(StreamProducerOptions producer, StreamConsumerOptions consumer, string? reader)
    {
        var (sink, source) = StreamPipe.Create<T>(producer, consumer);
        return Task.FromResult(new OpenStream<T>(sink, source));
    }
}

/// <summary>The rules where both legs of a stream cross processes.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class ClusterReactiveStreamsTests(ClockedCluster cluster) : ReactiveStreamsTests
{
    protected override Task<OpenStream<T>> OpenStreamAsync<T>(StreamProducerOptions producer, StreamConsumerOptions consumer, string? reader) =>
        (cluster[Place.Client], cluster[Place.SiloB]).OpenAsync<T>(producer, consumer, reader);
}
