using System.Collections.Concurrent;
using Orleans;
using Orleans.Placement;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A source piped into a sink: completion, failure and cancellation pass both ways, and no element is lost in between.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class PipingTests(ClockedCluster cluster)
{
    private const string Pipe = "pipe";

    [Theory, Everywhere]
    public async Task Completion_PassesOn(Place outside, Place pipe)
    {
        await using var streams = await OpenAsync(outside, pipe);
        var piping = streams.In.Source.PipeToAsync(streams.Out.Sink);
        await streams.In.Sink.WriteAsync(Enumerable.Range(0, 100));
        await streams.In.Sink.Completion.Soon();
        Assert.False(piping.IsCompleted);

        Assert.Equal(Enumerable.Range(0, 100), await streams.Out.Source.DrainAsync());
        await piping.Soon();
    }

    [Theory, NearAndFar]
    public async Task AFailure_PassesOnWithItsType(Place outside, Place pipe)
    {
        await using var streams = await OpenAsync(outside, pipe);
        var piping = streams.In.Source.PipeToAsync(streams.Out.Sink);
        await streams.In.Sink.PutAllAsync([1, 2]).Soon();
        await streams.In.Sink.FailAsync(new SensorException("overheated", 451)).Soon();

        Assert.Equal(451, (await EndsAfterAsync<SensorException>(streams.Out.Source, 1, 2)).Degrees);
        await Assert.ThrowsAsync<SensorException>(() => piping.Soon());
    }

    [Theory, NearAndFar]
    public async Task AbandonedElements_AreAbandonedThroughout(Place outside, Place pipe)
    {
        await using var streams = await OpenAsync(outside, pipe);
        var piping = streams.In.Source.PipeToAsync(streams.Out.Sink);
        await streams.In.Sink.PutAllAsync([1, 2]).Soon();
        await streams.In.Sink.DisposeAsync().Soon();

        await EndsAfterAsync<StreamAbandonedException>(streams.Out.Source, 1, 2);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => piping.Soon());
    }

    [Theory, NearAndFar]
    public async Task AReaderThatLeaves_IsHeardOfAtTheOtherEnd_WhileNothingFlows(Place outside, Place pipe)
    {
        await using var streams = await OpenAsync(outside, pipe);
        var piping = streams.In.Source.PipeToAsync(streams.Out.Sink);
        await streams.In.Sink.PutAllAsync([1, 2]).Soon();
        Assert.Equal([1, 2], await streams.Out.Source.Take(2).ToListAsync().Soon());

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => streams.In.Sink.Completion.Soon());
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
        error = await Assert.ThrowsAsync<StreamClosedException>(() => piping.Soon());
        Assert.Equal((StreamEndReason.Cancelled, true), (error.Reason, error.Message.Contains($"'{streams.Out.Sink.Producer}'", StringComparison.Ordinal)));
    }

    [Theory, NearAndFar]
    public async Task Cancelled_ItLeavesBoth(Place outside, Place pipe)
    {
        await using var streams = await OpenAsync(outside, pipe);
        using var cancellation = new CancellationTokenSource();
        var piping = streams.In.Source.PipeToAsync(streams.Out.Sink, cancellation.Token);
        await streams.In.Sink.PutAsync(1).Soon();
        await using var loop = streams.Out.Source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));

        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => streams.In.Sink.Completion.Soon())).Reason);
        Assert.Equal(cancellation.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => piping.Soon())).CancellationToken);
    }

    [Theory, NearAndFar]
    public async Task ASourceThatIsLeftFromOutside_LetsGoOfTheSink(Place outside, Place pipe)
    {
        await using var streams = await OpenAsync(outside, pipe);
        var piping = streams.In.Source.PipeToAsync(streams.Out.Sink);
        await streams.In.Sink.PutAsync(1).Soon();
        await using var loop = streams.Out.Source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));

        await streams.In.Source.DisposeAsync().Soon();
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => piping.Soon());
    }

    [Theory, NearAndFar]
    public async Task BetweenTheEnds_LieTwoBuffersTwoWindowsAndOneElement(Place outside, Place pipe)
    {
        const int Most = 2 * (2 + 3) + 1;
        await using var streams = await OpenAsync(outside, pipe, new() { BufferSize = 2 }, new() { InitialDemand = 3 });
        var piping = streams.In.Source.PipeToAsync(streams.Out.Sink);
        int put = 0;
        var writing = Task.Run(async () =>
        {
            while (put < 200)
            {
                await streams.In.Sink.PutAsync(put);
                Interlocked.Increment(ref put);
            }

            await streams.In.Sink.CompleteAsync();
        });

        // Nobody reads: it fills up exactly so far.
        await Waiting.UntilAsync(() => Volatile.Read(ref put) == Most);
        await cluster.RoundTripAsync();
        int taken = 0;
        await foreach (int element in streams.Out.Source)
        {
            Assert.Equal(taken++, element);
            int between = Volatile.Read(ref put) - taken;
            Assert.True(between <= Most, $"{between} elements lay between the ends after {taken}.");
        }

        Assert.Equal(200, taken);
        await writing.Soon();
        await piping.Soon();
    }

    [Theory, NearAndFar]
    public async Task AQuery_IsPipedAlike(Place outside, Place pipe)
    {
        await using var streams = await OpenAsync(outside, pipe);
        var piping = streams.In.Source.Where(i => i % 2 == 0).Select(i => 10 * i).PipeToAsync(streams.Out.Sink);
        await streams.In.Sink.WriteAsync(Enumerable.Range(0, 10));
        Assert.Equal([0, 20, 40, 60, 80], await streams.Out.Source.DrainAsync());
        await piping.Soon();
    }

    /// <summary>The pipe is stopped while an element waits for room, which may be the very last one.</summary>
    [Theory]
    [InlineData(Place.SiloA, Place.SiloA, 10), InlineData(Place.SiloA, Place.SiloA, 3)]
    [InlineData(Place.SiloB, Place.SiloA, 10), InlineData(Place.SiloB, Place.SiloA, 3)]
    [InlineData(Place.Client, Place.SiloB, 10), InlineData(Place.Client, Place.SiloB, 3)]
    [InlineData(Place.SiloA, Place.Client, 10), InlineData(Place.SiloA, Place.Client, 3)]
    public async Task ANamedPipe_ThatIsCancelled_IsFollowedExactly(Place outside, Place pipe, int count)
    {
        await using var stuck = await StuckAsync(outside, count);
        await using (var sink = await cluster[pipe].GetSinkAsync<int>(stuck.To).Soon())
        await using (var source = await cluster[pipe].GetSourceAsync<int>(stuck.From, Pipe, Detaching).Soon())
        {
            using var cancellation = new CancellationTokenSource();
            var piping = source.PipeToAsync(sink, cancellation.Token);
            await Waiting.UntilAsync(() => IsStuck(sink, source));
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => piping.Soon());
        }

        await FollowAsync(stuck, outside, pipe);
    }

    [Theory]
    [InlineData(Place.SiloA, 10), InlineData(Place.SiloA, 3), InlineData(Place.Client, 10), InlineData(Place.Client, 3)]
    public async Task ANamedPipe_WhoseGrainIsDeactivated_IsFollowedExactly(Place outside, int count)
    {
        await using var stuck = await StuckAsync(outside, count);
        var grain = cluster[Place.SiloA].GetGrain<IPipeGrain>(stuck.To);
        await grain.StartAsync(stuck.From, stuck.To).Soon();
        await grain.StuckAsync().Soon();
        await grain.LeaveAsync().Soon();

        // Its two ends are let go of in any order: it notices at its put or, where that had just found room, at the next element.
        var how = await Record.ExceptionAsync(() => PipeGrain.Ended(stuck.To).Soon());
        Assert.True(how is StreamAbandonedException or OperationCanceledException, $"{how}");

        await FollowAsync(stuck, outside, Place.SiloB);
    }

    [Theory, NearAndFar]
    public async Task ANamedPipe_WhoseSourceAloneIsLetGoOf_TakesBackWhatItWasPutting(Place outside, Place pipe)
    {
        await using var stuck = await StuckAsync(outside, 10);
        await using var sink = await cluster[pipe].GetSinkAsync<int>(stuck.To).Soon();
        await using var source = await cluster[pipe].GetSourceAsync<int>(stuck.From, Pipe).Soon();
        var piping = source.PipeToAsync(sink);
        await Waiting.UntilAsync(() => IsStuck(sink, source));

        await source.End!.LetGoAsync(isHostStopping: false).Soon();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => piping.Soon());
        await FollowAsync(stuck, outside, Place.SiloB);
    }

    [Theory, NearAndFar]
    public async Task ANamedPipe_ThatIsTakenOver_FinishesWhatItHolds(Place outside, Place pipe)
    {
        await using var stuck = await StuckAsync(outside, 10);
        await using var sink = await cluster[pipe].GetSinkAsync<int>(stuck.To).Soon();
        await using var source = await cluster[pipe].GetSourceAsync<int>(stuck.From, Pipe, Detaching).Soon();
        var piping = source.PipeToAsync(sink);
        await Waiting.UntilAsync(() => IsStuck(sink, source));

        await FollowAsync(stuck, outside, Place.SiloB);
        await Assert.ThrowsAsync<StreamSupersededException>(() => piping.Soon());
    }

    [Fact]
    public async Task BadArguments_AreRefused()
    {
        var (sink, source) = StreamPipe.Create<int>();
        await using var _ = sink;
        await Assert.ThrowsAsync<ArgumentNullException>("elements", () => ((IAsyncEnumerable<int>)null!).PipeToAsync(sink).Soon());
        await Assert.ThrowsAsync<ArgumentNullException>("sink", () => source.PipeToAsync(null!).Soon());
    }

    private static StreamConsumerOptions Detaching => new() { OnLeave = StreamLeave.Detach };

    /// <summary>The buffer behind the pipe is full, and it holds an element.</summary>
    internal static bool IsStuck(SinkRef<int> sink, SourceRef<int> source) => source.Hand is { IsFull: true } && !sink.WaitToPutAsync().IsCompleted;

    /// <summary>A stream that is all written, and one that takes two elements until somebody reads.</summary>
    private async Task<Stuck> StuckAsync(Place outside, int count)
    {
        string name = Cluster.Name();
        var first = await cluster[outside].GetSinkAsync<int>($"{name}/from").Soon();
        await first.PutAllAsync(Enumerable.Range(0, count)).Soon();
        await first.CompleteAsync().Soon();
        return new Stuck(count, first, await cluster[outside].GetSinkAsync<int>($"{name}/to", new() { BufferSize = 2 }).Soon());
    }

    /// <summary>Another pipe of the same name goes on, and somebody reads what both put.</summary>
    private async Task FollowAsync(Stuck stuck, Place outside, Place pipe)
    {
        await using var sink = await cluster[pipe].GetSinkAsync<int>(stuck.To).Soon();
        await using var source = await cluster[pipe].GetSourceAsync<int>(stuck.From, Pipe).Soon();
        var piping = source.PipeToAsync(sink);
        await using var last = await cluster[outside].GetSourceAsync<int>(stuck.To).Soon();
        await using var loop = last.GetAsyncEnumerator();
        var seen = await loop.NextAsync(stuck.Count);
        Assert.Equal(Enumerable.Range(0, stuck.Count), seen.Order());

        // Nothing comes twice either; and as one writer let go, the stream does not look completed.
        await stuck.Out.CompleteAsync().Soon();
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
        await piping.Soon();
        await stuck.In.Completion.Soon();
    }

    private async Task<Streams> OpenAsync(Place outside, Place pipe, StreamProducerOptions? producer = null, StreamConsumerOptions? consumer = null)
    {
        string name = Cluster.Name();
        return new Streams(
            await (cluster[outside], cluster[pipe]).OpenAsync<int>(producer, consumer, name: $"{name}/in"),
            await (cluster[pipe], cluster[outside]).OpenAsync<int>(producer, consumer, name: $"{name}/out"));
    }

    private static async Task<TException> EndsAfterAsync<TException>(SourceRef<int> source, params int[] elements)
        where TException : Exception
    {
        var read = new List<int>();
        var error = await Assert.ThrowsAsync<TException>(async () =>
        {
            await foreach (int element in source) read.Add(element);
        }).Soon();
        Assert.Equal(elements, read);
        return error;
    }

    private sealed record Streams(OpenStream<int> In, OpenStream<int> Out) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await In.DisposeAsync();
            await Out.DisposeAsync();
        }
    }

    private sealed record Stuck(int Count, SinkRef<int> In, SinkRef<int> Out) : IAsyncDisposable
    {
        public string From => In.Producer;

        public string To => Out.Producer;

        public async ValueTask DisposeAsync()
        {
            await In.DisposeAsync();
            await Out.DisposeAsync();
        }
    }
}

public interface IPipeGrain : IGrainWithStringKey
{
    /// <summary>Opens both ends and begins.</summary>
    Task StartAsync(string from, string to);

    /// <summary>Answers once the pipe holds an element that finds no room.</summary>
    Task StuckAsync();

    Task LeaveAsync();
}

[PreferLocalPlacement]
public sealed class PipeGrain : Grain, IPipeGrain
{
    private static readonly ConcurrentDictionary<string, Task> Pipes = new();

    private SinkRef<int> _sink = null!;
    private SourceRef<int> _source = null!;

    public static Task Ended(string grain) => Pipes[grain];

    public async Task StartAsync(string from, string to)
    {
        _sink = await GrainFactory.GetSinkAsync<int>(to);
        _source = await GrainFactory.GetSourceAsync<int>(from, "pipe", new() { OnLeave = StreamLeave.Detach });
        Pipes[this.GetPrimaryKeyString()] = _source.PipeToAsync(_sink);
    }

    public async Task StuckAsync()
    {
        while (!PipingTests.IsStuck(_sink, _source)) await Task.Yield();
    }

    public Task LeaveAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}
