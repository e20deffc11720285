using System.Threading.Channels;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// A client that vanishes, or is paused for longer than its lease: the others notice within two leases, and it finds out itself
/// before it gives out or accepts anything, even where a thread of it goes on before its timers do.
/// </summary>
public sealed class PausedTests(PausedTests.Fixture fixture) : IClassFixture<PausedTests.Fixture>
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);
    private readonly ClusterBed _bed = fixture.Bed;

    public enum First
    {
        /// <summary>The client's own thread goes on before anything else does.</summary>
        User,

        /// <summary>What was on its way when the client was paused is handled before.</summary>
        Messages,

        /// <summary>The timers fire before.</summary>
        Timers,
    }

    [Theory]
    [InlineData(First.User, true), InlineData(First.Messages, true), InlineData(First.Timers, true)]
    [InlineData(First.User, false), InlineData(First.Messages, false), InlineData(First.Timers, false)]
    public async Task APausedLoop_FindsOutBeforeItGivesOutAnything(First first, bool isNamed)
    {
        IAsyncEnumerator<int>? loop = null;
        await RunAsync(first, isNamed, async source => Assert.Equal([0], await (loop = source.GetAsyncEnumerator()).NextAsync(1)), async source =>
        {
            await Assert.ThrowsAsync<StreamAbandonedException>(() => loop!.MoveNextAsync().Soon());
            await Assert.ThrowsAsync<StreamAbandonedException>(() => source.Completion.Soon());
        });
    }

    [Theory]
    [InlineData(First.User), InlineData(First.Messages), InlineData(First.Timers)]
    public async Task APausedChannel_FindsOutBeforeItGivesOutAnything(First first)
    {
        foreach (var check in (Func<SourceRef<int>, Task>[])
                 [
                     source =>
                     {
                         Assert.False(source.Reader.TryRead(out _));
                         return Task.CompletedTask;
                     },
                     source => Assert.ThrowsAsync<StreamAbandonedException>(() => source.Reader.WaitToReadAsync().Soon()),
                     async source =>
                     {
                         var error = await Assert.ThrowsAsync<ChannelClosedException>(() => source.Reader.ReadAsync().Soon());
                         Assert.IsType<StreamAbandonedException>(error.InnerException);
                     },
                 ])
        {
            await RunAsync(first, isNamed: true, async source =>
            {
                Assert.Equal(0, await source.Reader.ReadAsync().Soon());
                await Waiting.UntilAsync(() => source.Reader.Count == 3);
            }, check);
        }
    }

    private async Task RunAsync(First first, bool isNamed, Func<SourceRef<int>, Task> begin, Func<SourceRef<int>, Task> check)
    {
        string? reader = isNamed ? "reader" : null;
        await using var stream = await (_bed[Place.SiloA], _bed[Place.Client]).OpenAsync<int>(consumer: new() { InitialDemand = 4, MaxDemand = 4 }, reader: reader);
        await stream.Sink.PutAllAsync(Enumerable.Range(0, 4)).Soon();
        await begin(stream.Source);
        using var pause = await PauseAsync();
        await stream.Sink.PutAllAsync(Enumerable.Range(4, 4)).Soon();   // some of it is on its way to the client, and comes late
        await PassAsync(2 * Lease);

        List<int>? seen = null;
        if (isNamed)
        {
            // Its name is taken over meanwhile. Nothing is known to be finished: its successor has everything again.
            await using var next = await _bed[Place.SiloA].GetSourceAsync<int>(stream.Sink.Producer, reader).Soon();
            await stream.Sink.CompleteAsync().Soon();
            seen = await next.DrainAsync();
        }
        else
        {
            await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Sink.Completion.Soon());
            await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Sink.PutAsync(9).Soon());
        }

        await ResumeAsync(pause, first);
        await check(stream.Source);
        pause.Dispose();
        await DriveAsync(stream.Source.DisposeAsync().AsTask());
        if (isNamed) Assert.Equal(Enumerable.Range(0, 8), seen);
    }

    [Theory]
    [InlineData(First.User), InlineData(First.Messages), InlineData(First.Timers)]
    public async Task APausedWriter_FindsOutBeforeItAcceptsAnything(First first)
    {
        foreach (var call in (Func<SinkRef<int>, Task>[])
                 [
                     sink => Assert.ThrowsAsync<StreamAbandonedException>(() => sink.PutAsync(2).Soon()),
                     sink =>
                     {
                         Assert.False(sink.TryPut(2));
                         return Task.CompletedTask;
                     },
                     async sink => Assert.False(await sink.WaitToPutAsync().Soon()),
                     sink => Assert.ThrowsAsync<StreamAbandonedException>(() => DriveAsync(sink.CompleteAsync())),
                 ])
        {
            // The reader comes first: where it is, the producer is.
            string name = Cluster.Name();
            var source = await _bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
            await using var stream = new OpenStream<int>(await _bed[Place.Client].GetSinkAsync<int>(name).Soon(), source);
            await using var loop = stream.Source.GetAsyncEnumerator();
            await stream.Sink.PutAsync(1).Soon();
            Assert.Equal([1], await loop.NextAsync(1));

            using var pause = await PauseAsync();
            await PassAsync(2 * Lease);
            await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());

            await ResumeAsync(pause, first);
            await call(stream.Sink);
            pause.Dispose();
            await Assert.ThrowsAsync<StreamAbandonedException>(() => DriveAsync(stream.Sink.Completion));
        }
    }

    [Fact]
    public async Task AVanishedReader_FreesItsProducer_WithinTwoLeases()
    {
        await using var anonymous = await (_bed[Place.SiloA], _bed[Place.Client]).OpenAsync<int>();
        await using var named = await (_bed[Place.SiloA], _bed[Place.Client]).OpenAsync<int>(new() { BufferSize = 2 }, new() { InitialDemand = 1 }, "reader");
        await using var loop = named.Source.GetAsyncEnumerator();
        await named.Sink.PutAsync(0).Soon();
        Assert.Equal([0], await loop.NextAsync(1));
        using var pause = await PauseAsync();
        await PassAsync(2 * Lease);

        await Assert.ThrowsAsync<StreamAbandonedException>(() => anonymous.Sink.Completion.Soon());
        await Assert.ThrowsAsync<StreamAbandonedException>(() => anonymous.Sink.PutAsync(1).Soon());
        Assert.False(named.Sink.Completion.IsCompleted);

        // The name waits for another reader, which has at most a window again of what nobody said to be finished.
        var writing = named.Sink.WriteAsync(Enumerable.Range(1, 9));
        await using var next = await _bed[Place.SiloA].GetSourceAsync<int>(named.Sink.Producer, "reader").Soon();
        Assert.Equal(Enumerable.Range(0, 10), await next.DrainAsync());
        await writing;
        await ResumeAsync(pause, First.Timers);
        pause.Dispose();
    }

    [Fact]
    public async Task AVanishedWriter_EndsItsReader_WithinTwoLeases_AndOthersGoOnFirst()
    {
        string name = Cluster.Name();
        await using var source = await _bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        await using var vanishing = await _bed[Place.Client].GetSinkAsync<int>(name).Soon();
        await using var staying = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        await vanishing.PutAsync(1).Soon();
        Assert.Equal([1], await loop.NextAsync(1));

        using var pause = await PauseAsync();
        await PassAsync(2 * Lease);
        await staying.PutAllAsync([2, 3]).Soon();
        await staying.CompleteAsync().Soon();
        Assert.Equal([2, 3], await loop.NextAsync(2));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
        await ResumeAsync(pause, First.Timers);
        pause.Dispose();
    }

    /// <summary>The next reader goes on after the last finished element then, and not exactly where this one stopped.</summary>
    [Fact]
    public async Task ADetachThatNobodyHears_IsNotTakenForOne_AndSaysWhy()
    {
        await using var stream = await (_bed[Place.SiloA], _bed[Place.Client]).OpenAsync<int>(reader: "reader");
        var cut = CutOff();
        var error = await Assert.ThrowsAsync<StreamAbandonedException>(() => DriveAsync(stream.Source.DetachAsync().AsTask()));
        _bed.Wire.Gate = null;

        Assert.Same(cut, error.InnerException);
    }

    [Fact]
    public async Task AFailureThatNobodyHears_IsNotTakenForOne_AndSaysWhy()
    {
        await using var stream = await (_bed[Place.Client], _bed[Place.SiloA]).OpenAsync<int>();
        var cut = CutOff();
        var error = await Assert.ThrowsAsync<StreamAbandonedException>(() => DriveAsync(stream.Sink.FailAsync(new SensorException("unheard", 0))));
        await stream.Sink.FailAsync(new SensorException("too late", 0)).Soon();
        _bed.Wire.Gate = null;

        Assert.Same(cut, error.InnerException);
        Assert.Same(cut, (await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Sink.Completion.Soon())).InnerException);
    }

    /// <summary>From now on whatever the client and the silos say to each other is lost, with this.</summary>
    private IOException CutOff()
    {
        var cut = new IOException("The cable is cut.");
        _bed.Wire.Gate = call => call.Grain is IStreamDemandObserver or IStreamElementObserver<int> or IStreamProducerGrain<int> ? Task.FromException(cut) : null;
        return cut;
    }

    /// <summary>
    /// From now on nothing reaches the client or leaves it, until what is returned is disposed, and its time stands still. What it said
    /// until now has been heard: a lease lasts from there.
    /// </summary>
    private async Task<Paused> PauseAsync()
    {
        await _bed.SettleAsync();

        // Everybody else is on the silo where the producer is, so what passes the wire is the client's.
        var pause = new Paused(_bed.Wire);
        _bed.Wire.Gate = call => call.Grain is IStreamDemandObserver or IStreamElementObserver<int> ? pause.IsOver : null;
        return pause;
    }

    /// <summary>Time passes for the silos.</summary>
    private async Task PassAsync(TimeSpan time)
    {
        for (int i = 0; i < 12; i++)
        {
            _bed.Time!.Advance(time / 12);
            await _bed.RoundTripAsync();
        }
    }

    private async Task ResumeAsync(Paused pause, First first)
    {
        _bed.Wire.Gate = null;
        if (first == First.Timers)
        {
            _bed.ClientTime!.Advance(2 * Lease);
            return;
        }

        _bed.ClientTime!.Skip(2 * Lease);
        if (first != First.Messages) return;

        pause.Dispose();
        await _bed.SettleAsync();
    }

    private async Task DriveAsync(Task task)
    {
        int rounds = 0;
        while (!task.IsCompleted)
        {
            Assert.True(++rounds < 1_000, "Time alone does not end it.");
            await _bed.RoundTripAsync();
            _bed.ClientTime!.Advance(TimeSpan.FromSeconds(1));
            _bed.Time!.Advance(TimeSpan.FromSeconds(1));
        }

        await task;
    }

    /// <summary>Disposed before the streams are, also where a test fails: they need the client to end.</summary>
    private sealed class Paused(Wire wire) : IDisposable
    {
        private readonly TaskCompletionSource _isOver = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task IsOver => _isOver.Task;

        public void Dispose()
        {
            wire.Gate = null;
            _isOver.TrySetResult();
        }
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime(), ClientTime = new ManualTime() };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
