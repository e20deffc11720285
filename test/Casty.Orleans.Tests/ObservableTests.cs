using System.Collections.Concurrent;
using Orleans.Serialization;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Streams as observables and observers.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class ObservableTests(ClockedCluster cluster)
{
    [Theory, Everywhere]
    public async Task ASource_IsObservedToItsEnd(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var seen = new Seen<int>();
        using var subscription = stream.Source.ToObservable().Subscribe(seen);
        await stream.Sink.WriteAsync(Enumerable.Range(0, 200));
        await seen.Ended.Soon();

        Assert.Equal([.. Enumerable.Range(0, 200).Select(i => $"{i}"), "completed"], seen.Signals);
        await stream.Sink.Completion.Soon();
    }

    [Theory, NearAndFar]
    public async Task AFailure_IsTheObserversError(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var seen = new Seen<int>();
        using var subscription = stream.Source.ToObservable().Subscribe(seen);
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.FailAsync(new SensorException("overheated", 451)).Soon();
        await seen.Ended.Soon();
        Assert.Equal(["1", "SensorException: overheated"], seen.Signals);
    }

    [Theory, NearAndFar]
    public async Task ADisposedSubscription_LeavesTheStream_WhileNothingFlows(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var seen = new Seen<int>();
        var subscription = stream.Source.ToObservable().Subscribe(seen);
        await stream.Sink.PutAsync(1).Soon();
        await Waiting.UntilAsync(() => seen.Signals.Count == 1);

        subscription.Dispose();
        subscription.Dispose();
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon())).Reason);
        Assert.Equal(["1"], seen.Signals);   // the end that it brought about itself is none of the observer's
    }

    [Fact]
    public async Task ASubscription_ThatTheObserverDisposesItself_BringsNothingMore()
    {
        var (sink, source) = StreamPipe.Create<int>();
        await using var _ = sink;
        await sink.PutAllAsync(Enumerable.Range(0, 10)).Soon();
        IDisposable? subscription = null;
        var ready = new TaskCompletionSource();
        var seen = new Seen<int>(i =>
        {
            ready.Task.Wait(Waiting.Limit);
            if (i == 2) subscription!.Dispose();
        });
        subscription = source.ToObservable().Subscribe(seen);
        ready.SetResult();
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.Completion.Soon());
        Assert.Equal(["0", "1", "2"], seen.Signals);
    }

    [Fact]
    public async Task AnObserver_IsCalledByOneCallAtATime_AndHoldsTheWriterBack()
    {
        var (sink, source) = StreamPipe.Create<int>(new() { BufferSize = 2 }, new() { InitialDemand = 3 });
        await using var _ = sink;
        using var goOn = new SemaphoreSlim(0);
        int inside = 0, taken = 0;
        var seen = new Seen<int>(_ =>
        {
            Assert.Equal(1, Interlocked.Increment(ref inside));
            Assert.True(goOn.Wait(Waiting.Limit));
            Interlocked.Decrement(ref inside);
            Interlocked.Increment(ref taken);
        });
        using var subscription = source.ToObservable().Subscribe(seen);
        int put = 0;
        for (int i = 0; i < 20; i++)
        {
            // One is with the observer, three are asked for and two are buffered.
            await Waiting.UntilAsync(() =>
            {
                while (put < 100 && sink.TryPut(put)) put++;
                return put == taken + 1 + 3 + 2;
            });
            Assert.False(sink.TryPut(-1));
            goOn.Release();
            await Waiting.UntilAsync(() => Volatile.Read(ref taken) == i + 1);
        }

        goOn.Release(100);
        await sink.CompleteAsync().Soon();
        await seen.Ended.Soon();
        Assert.Equal([.. Enumerable.Range(0, put).Select(i => $"{i}"), "completed"], seen.Signals);
    }

    [Fact]
    public async Task AnObserverThatThrows_HasLeft_AndIsLogged()
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>();
        var seen = new Seen<int>(i =>
        {
            if (i == 1) throw new SensorException("the observer's own", 0);
        });
        using var subscription = stream.Source.ToObservable().Subscribe(seen);
        await stream.Sink.PutAllAsync([0, 1, 2]).Soon();

        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon())).Reason);
        await Waiting.UntilAsync(() => cluster.Log.Warnings.Any(line => line.StartsWith("An observer", StringComparison.Ordinal) && line.Contains($"'{stream.Sink.Producer}'", StringComparison.Ordinal)));
        Assert.Equal(["0", "1"], seen.Signals);
    }

    [Fact]
    public async Task ASource_HasOneObserver()
    {
        var (sink, source) = StreamPipe.Create<int>();
        await using var _ = sink;
        var observable = source.ToObservable();
        Assert.Throws<ArgumentNullException>("observer", () => observable.Subscribe(null!));
        using var subscription = observable.Subscribe(new Seen<int>());
        var second = new Seen<int>();
        Assert.Throws<InvalidOperationException>(() => observable.Subscribe(second));
        Assert.Throws<InvalidOperationException>(() => source.ToObservable().Subscribe(second));
        Assert.Empty(second.Signals);
    }

    [Theory, NearAndFar]
    public async Task AnObserver_PutsWhatIsPushed(Place writer, Place reader)
    {
        foreach (var overflow in Enum.GetValues<StreamOverflow>())
        {
            await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
            var pushed = new Subject<int>();
            pushed.Subscribe(stream.Sink.AsObserver(overflow));
            for (int i = 0; i < 50; i++) pushed.Push(i);
            pushed.Complete();
            pushed.Push(50);   // too late
            Assert.Equal(Enumerable.Range(0, 50), await stream.Source.DrainAsync());
        }
    }

    [Theory, NearAndFar]
    public async Task AnObservablesError_FailsTheStream(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var observer = stream.Sink.AsObserver(StreamOverflow.Fail);
        observer.OnNext(1);
        Assert.Throws<ArgumentNullException>("error", () => observer.OnError(null!));
        observer.OnError(new SensorException("overheated", 451));
        observer.OnError(new SensorException("too late", 0));
        observer.OnCompleted();

        var seen = new Seen<int>();
        using var subscription = stream.Source.ToObservable().Subscribe(seen);
        await seen.Ended.Soon();
        Assert.Equal(["1", "SensorException: overheated"], seen.Signals);
    }

    [Theory, NearAndFar]
    public async Task WithoutRoom_Fail_FailsTheStreamBehindWhatWasPut(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 3 }).Soon();
        var observer = sink.AsObserver(StreamOverflow.Fail);
        for (int i = 0; i < 5; i++) observer.OnNext(i);

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        var read = new List<int>();
        var error = await Assert.ThrowsAsync<StreamException>(async () =>
        {
            await foreach (int element in source) read.Add(element);
        }).Soon();
        Assert.Equal([0, 1, 2], read);
        Assert.Equal((StreamEndReason.Failed, true), (error.Reason, error.Message.Contains($"'{name}' was full", StringComparison.Ordinal)));
        Assert.Contains("Raise BufferSize", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<StreamException>(() => sink.Completion.Soon());
    }

    [Theory, NearAndFar]
    public async Task WithoutRoom_Block_HoldsTheThread_AndLosesNothing(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 3 }).Soon();
        var observer = sink.AsObserver(StreamOverflow.Block);
        int pushed = 0;
        var pushing = OnThread(() =>
        {
            while (pushed < 50) observer.OnNext(Interlocked.Increment(ref pushed) - 1);
            observer.OnCompleted();
        });
        await Waiting.UntilAsync(() => Volatile.Read(ref pushed) == 4);
        await cluster.RoundTripAsync();
        Assert.Equal(4, pushed);

        await using var source = await cluster[reader].GetSourceAsync<int>(name).Soon();
        Assert.Equal(Enumerable.Range(0, 50), await source.DrainAsync());
        await pushing.Soon();
    }

    [Fact]
    public async Task ABlockedThread_IsLetGo_WhenTheReaderLeaves()
    {
        var (sink, source) = StreamPipe.Create<int>(new() { BufferSize = 1 }, new() { InitialDemand = 1 });
        await using var _ = sink;
        var observer = sink.AsObserver(StreamOverflow.Block);
        var pushing = OnThread(() =>
        {
            for (int i = 0; i < 10; i++) observer.OnNext(i);
        });
        await Waiting.UntilAsync(() => !sink.WaitToPutAsync().IsCompleted);
        await source.DisposeAsync().Soon();
        await pushing.Soon();
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
    }

    [Fact]
    public async Task AnObserver_OfASinkThatWasHandedOver_NeverThrows()
    {
        string name = Cluster.Name();
        var sink = await cluster[Place.Client].GetSinkAsync<int>(name).Soon();
        await cluster[Place.SiloA].GetGrain<IRefGrain>(name).KeepAsync(sink).Soon();
        foreach (var overflow in Enum.GetValues<StreamOverflow>())
        {
            var observer = sink.AsObserver(overflow);
            observer.OnNext(1);
            observer.OnError(new SensorException("overheated", 451));
            observer.OnCompleted();
        }

        // Nothing of it reached the stream.
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
        await cluster[Place.SiloA].GetGrain<IRefGrain>(name).PutKeptAsync(2).Soon();
        Assert.Equal([2], await source.DrainAsync());
    }

    [Fact]
    public async Task WhatIsPushed_WhileASinkIsBeingOpened_IsPutInOrder()
    {
        foreach (var overflow in Enum.GetValues<StreamOverflow>())
        {
            string name = Cluster.Name();
            await using var source = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
            var observer = (await cluster[Place.SiloA].GetGrain<IRefGrain>(name).OpenSinkAsync(name).Soon()).AsObserver(overflow);
            for (int i = 0; i < 50; i++) observer.OnNext(i);
            observer.OnCompleted();
            Assert.Equal(Enumerable.Range(0, 50), await source.DrainAsync());
        }
    }

    [Fact]
    public async Task APipedObservable_IsSubscribedTo_OnceTheSinkIsOpen()
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var sink = await cluster[Place.SiloA].GetGrain<IRefGrain>(name).OpenSinkAsync(name).Soon();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Wire.Gate = call => call.InterfaceMethod.Name == nameof(IStreamProducerGrain<int>.AttachAsync) ? gate.Task : null;
        var pushed = new Subject<int>();
        var piping = pushed.PipeToAsync(sink, StreamOverflow.Fail);
        Assert.Equal(0, pushed.Observers);
        cluster.Wire.Gate = null;
        gate.SetResult();
        await Waiting.UntilAsync(() => pushed.Observers == 1);
        pushed.Push(1);
        pushed.Complete();
        Assert.Equal([1], await source.DrainAsync());
        await piping.Soon();
    }

    [Fact]
    public async Task AnElementThatCannotBePut_FailsTheStream()
    {
        await using var stream = await (cluster[Place.Client], cluster[Place.SiloB]).OpenAsync<object>();
        var observer = stream.Sink.AsObserver(StreamOverflow.Fail);
        observer.OnNext(1);
        observer.OnNext(new Opaque());
        Assert.Equal(1, await stream.Source.Reader.ReadAsync().Soon());
        await Assert.ThrowsAsync<CodecNotFoundException>(() => stream.Source.Completion.Soon());
    }

    [Theory, NearAndFar]
    public async Task APipedObservable_EndsWithItsReader(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var pushed = new Subject<int>();
        var piping = pushed.PipeToAsync(stream.Sink, StreamOverflow.Fail);
        for (int i = 0; i < 5; i++) pushed.Push(i);
        pushed.Complete();
        await cluster.RoundTripAsync();
        Assert.False(piping.IsCompleted);
        Assert.Equal(Enumerable.Range(0, 5), await stream.Source.DrainAsync());
        await piping.Soon();
        Assert.Equal(0, pushed.Observers);
    }

    [Theory, NearAndFar]
    public async Task APipedObservable_IsUnsubscribedFrom_WhenTheReaderLeaves(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var pushed = new Subject<int>();
        var piping = pushed.PipeToAsync(stream.Sink, StreamOverflow.Block);
        await stream.Source.DisposeAsync().Soon();
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => piping.Soon())).Reason);
        Assert.Equal(0, pushed.Observers);
    }

    [Theory, NearAndFar]
    public async Task APipedObservable_ThatIsCancelled_LetsGo(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var pushed = new Subject<int>();
        using var cancellation = new CancellationTokenSource();
        var piping = pushed.PipeToAsync(stream.Sink, StreamOverflow.Block, cancellation.Token);
        pushed.Push(1);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => piping.Soon());
        Assert.Equal(0, pushed.Observers);
        Assert.Equal(1, await stream.Source.Reader.ReadAsync().Soon());
        await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Source.Completion.Soon());
    }

    [Fact]
    public async Task AnObservable_ThatCannotBeSubscribedTo_FailsTheStream()
    {
        var (sink, source) = StreamPipe.Create<int>();
        await Assert.ThrowsAsync<SensorException>(() => new Unwilling().PipeToAsync(sink, StreamOverflow.Fail).Soon());
        await Assert.ThrowsAsync<SensorException>(() => source.DrainAsync());
    }

    [Fact]
    public async Task BadArguments_AreRefused()
    {
        var (sink, _) = StreamPipe.Create<int>();
        await using var __ = sink;
        Assert.Throws<ArgumentOutOfRangeException>("overflow", () => sink.AsObserver(0));
        Assert.Throws<ArgumentNullException>("sink", () => ((SinkRef<int>)null!).AsObserver(StreamOverflow.Fail));
        Assert.Throws<ArgumentNullException>("source", () => ((SourceRef<int>)null!).ToObservable());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>("overflow", () => new Subject<int>().PipeToAsync(sink, (StreamOverflow)3));
        await Assert.ThrowsAsync<ArgumentNullException>("elements", () => ((IObservable<int>)null!).PipeToAsync(sink, StreamOverflow.Fail));
        await Assert.ThrowsAsync<ArgumentNullException>("sink", () => new Subject<int>().PipeToAsync(null!, StreamOverflow.Fail));
    }

    private static Task OnThread(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>What an observer was told, in turn.</summary>
    internal sealed class Seen<T>(Action<T>? then = null) : IObserver<T>
    {
        private readonly ConcurrentQueue<string> _signals = new();
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IReadOnlyCollection<string> Signals => _signals;

        public Task Ended => _ended.Task;

        public void OnNext(T value)
        {
            _signals.Enqueue($"{value}");
            then?.Invoke(value);
        }

        public void OnCompleted() => End("completed");

        public void OnError(Exception error) => End($"{error.GetType().Name}: {error.Message}");

        private void End(string how)
        {
            _signals.Enqueue(how);
            _ended.TrySetResult();
        }
    }

    /// <summary>Pushes what a test says.</summary>
    private sealed class Subject<T> : IObservable<T>
    {
        private readonly List<IObserver<T>> _observers = [];

        public int Observers
        {
            get
            {
                lock (_observers) return _observers.Count;
            }
        }

        public IDisposable Subscribe(IObserver<T> observer)
        {
            lock (_observers) _observers.Add(observer);
            return new Subscription(this, observer);
        }

        public void Push(T value) => All().ForEach(one => one.OnNext(value));

        public void Complete() => All().ForEach(one => one.OnCompleted());

        private List<IObserver<T>> All()
        {
            lock (_observers) return [.. _observers];
        }

        private sealed class Subscription(Subject<T> subject, IObserver<T> observer) : IDisposable
        {
            public void Dispose()
            {
                lock (subject._observers) subject._observers.Remove(observer);
            }
        }
    }

    private sealed class Unwilling : IObservable<int>
    {
        public IDisposable Subscribe(IObserver<int> observer) => throw new SensorException("not today", 0);
    }
}
