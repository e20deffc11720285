using System.Diagnostics;
using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A handler throws, or takes too long: it is called again, and then its policy decides. The clock is the test's.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class HandlerFailureTests(ClockedCluster cluster)
{
    private readonly string _key = $"{Guid.NewGuid():N}";

    private Handled Handled => Handled.By(_key);

    [Theory, NearAndFar]
    public async Task Retry_TheSameElement_InItsPlace(Place writer, Place grain)
    {
        FailAt(2, times: 2);
        Handled.Options = new() { Retries = 2 };
        await using var sink = await ConsumeAsync(writer, grain);
        await sink.PutAllAsync([1, 2, 3]).Soon();
        await sink.CompleteAsync().Soon();

        await PassAsync(() => Handled.Completed.IsCompleted);
        Assert.Equal([1, 2, 3], Handled.Seen);
        Assert.Equal([1, 2, 2, 2, 3], Handled.Tried);
    }

    [Fact]
    public async Task Retry_WaitsTwiceAsLongEachTime_AndAnswersOthersMeanwhile()
    {
        FailAt(1, times: 3);
        Handled.Options = new() { Retries = 3, RetryDelay = TimeSpan.FromSeconds(10) };
        await using var sink = await ConsumeAsync(Place.Client, Place.SiloA);
        await sink.PutAsync(1).Soon();

        foreach (int delay in (int[])[10, 20, 40])
        {
            await Waiting.UntilAsync(() => cluster.Log.IsLogged(_key, $"again in 00:00:{delay}"));   // it is told once the wait has begun
            Assert.Equal(_key, await Grain(Place.Client).PingAsync().Soon());
            int before = Handled.Tried.Length;
            cluster.Clock.Advance(TimeSpan.FromSeconds(delay - 1));
            for (int i = 0; i < 5; i++) await Grain(Place.Client).PingAsync().Soon();
            Assert.Equal(before, Handled.Tried.Length);
            cluster.Clock.Advance(TimeSpan.FromSeconds(1));
            await Waiting.UntilAsync(() => Handled.Tried.Length == before + 1);
        }

        await Handled.UntilSeenAsync(1);
    }

    [Theory, NearAndFar]
    public async Task Fail_TheWritersAreTold_WithTheHandlersException(Place writer, Place grain)
    {
        FailAt(2);
        Handled.Options = new() { Retries = 0 };
        await using var sink = await ConsumeAsync(writer, grain);
        await sink.PutAllAsync([1, 2, 3]).Soon();

        Assert.Equal(2, (await Assert.ThrowsAsync<SensorException>(() => sink.Completion).Soon()).Degrees);
        var error = await Assert.ThrowsAsync<StreamClosedException>(() => sink.PutAsync(4).AsTask()).Soon();
        Assert.Equal(StreamEndReason.Failed, error.Reason);
        Assert.Equal([1], Handled.Seen);
        Assert.False(Handled.Failed.IsCompleted);
    }

    [Theory]
    [InlineData(StreamDelivery.Broadcast)]
    [InlineData(StreamDelivery.Balanced)]
    public async Task Fail_OfOneOfSeveralConsumers_TheWritersAndTheOthersAreTold(StreamDelivery delivery)
    {
        FailAt(1);
        Handled.Options = new() { Retries = 0 };
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key, new() { Delivery = delivery }).Soon();
        await Grain(Place.SiloA).ConsumeAsync(_key).Soon();
        await using var other = await cluster[Place.SiloB].GetSourceAsync<int>(_key).Soon();
        await sink.PutAllAsync([1, 1]).Soon();   // of two, each is given one

        Assert.Equal(1, (await Assert.ThrowsAsync<SensorException>(() => sink.Completion).Soon()).Degrees);
        await Assert.ThrowsAsync<SensorException>(() => other.DrainAsync());
        Assert.Empty(Handled.Seen);
    }

    [Theory, NearAndFar]
    public async Task Skip_GoesOnBehindIt_AndSaysSo(Place writer, Place grain)
    {
        FailAt(2);
        Handled.Options = new() { Retries = 1, OnFailure = StreamHandlerFailure.Skip };
        await using var sink = await ConsumeAsync(writer, grain);
        await sink.PutAllAsync([1, 2, 3]).Soon();
        await sink.CompleteAsync().Soon();

        await PassAsync(() => Handled.Completed.IsCompleted);
        Assert.Equal([1, 3], Handled.Seen);
        Assert.Equal([1, 2, 2, 3], Handled.Tried);
        Assert.True(cluster.Log.IsLogged(_key, "skipped"));
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task Stop_KeepsTheStream_AndConsumeGoesOnWithTheSameElement()
    {
        FailAt(2, times: 1);
        Handled.Options = new() { Retries = 0, OnFailure = StreamHandlerFailure.Stop };
        await using var sink = await ConsumeAsync(Place.Client, Place.SiloA);
        await sink.PutAllAsync([1, 2, 3]).Soon();
        await Waiting.UntilAsync(() => cluster.Log.IsLogged(_key, "no more"));

        // The producer asks, and is told that it was stopped.
        for (int i = 0; i < 5; i++)
        {
            cluster.Clock.Advance(TimeSpan.FromSeconds(10));
            await Grain(Place.Client).PingAsync().Soon();
        }

        Assert.Equal([1, 2], Handled.Tried);
        Assert.False(sink.Completion.IsCompleted);

        await Grain(Place.SiloA).ConsumeAsync(_key).Soon();
        await sink.CompleteAsync().Soon();
        await Handled.Completed.Soon();
        Assert.Equal([1, 2, 3], Handled.Seen);
    }

    [Fact]
    public async Task Batch_ComesAgainAsAWhole()
    {
        FailAt(3, times: 1);
        Handled.Options = new() { BatchSize = 10, Retries = 1 };
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(_key).Soon();
        await sink.PutAllAsync(Enumerable.Range(0, 10)).Soon();
        await cluster[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(BatchGrain).FullName).ConsumeAsync(_key).Soon();
        await sink.CompleteAsync().Soon();

        await PassAsync(() => Handled.Completed.IsCompleted);
        Assert.Equal(Enumerable.Range(0, 10), Handled.Seen);
        Assert.Equal(Handled.Batches[0] + 4, Handled.Tried.Count(element => element < Handled.Batches[0]));
    }

    [Fact]
    public async Task Completed_IsRepeatedAsWell_AndTheStreamIsOverInAnyCase()
    {
        int calls = 0;
        Handled.Complete = () => throw new SensorException($"{++calls}", calls);
        Handled.Options = new() { Retries = 2 };
        await using var sink = await ConsumeAsync(Place.Client, Place.SiloA);
        await sink.PutAsync(1).Soon();
        await sink.CompleteAsync().Soon();

        await PassAsync(() => cluster.Log.IsLogged(_key, "the end of stream"));
        Assert.Equal(3, calls);
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task Timeout_CancelsTheToken_AndCountsAsFailure()
    {
        int calls = 0;
        Handled.Handle = (element, token) => element == 1 && ++calls == 1 ? Task.Delay(Timeout.Infinite, token) : Task.CompletedTask;
        Handled.Options = new() { Retries = 1, RetryDelay = TimeSpan.Zero, HandlerTimeout = TimeSpan.FromMinutes(1) };
        await using var sink = await ConsumeAsync(Place.Client, Place.SiloA);
        await sink.PutAllAsync([1, 2]).Soon();
        await Waiting.UntilAsync(() => Handled.Tried.Length == 1);

        await PassAsync(() => Handled.SeenCount == 2);
        Assert.Equal([1, 1, 2], Handled.Tried);
    }

    [Fact]
    public async Task Timeout_ThatNoTimerWaitsFor_NeverEnds()
    {
        Handled.Options = new() { Retries = 0, HandlerTimeout = TimeSpan.MaxValue };
        await using var sink = await ConsumeAsync(Place.Client, Place.SiloA);
        await sink.WriteAsync([1, 2]);
        await sink.Completion.Soon();
        Assert.Equal([1, 2], Handled.Seen);
    }

    [Fact]
    public async Task Timeout_OfAHandlerThatNeverReturns_FailsTheStream_AndNothingIsHandledBesideIt()
    {
        var never = new TaskCompletionSource();
        Handled.Handle = (_, _) => never.Task;
        Handled.Options = new() { Retries = 1, HandlerTimeout = TimeSpan.FromMinutes(1) };
        await using var sink = await ConsumeAsync(Place.Client, Place.SiloA);
        await sink.PutAllAsync([1, 2]).Soon();

        await PassAsync(() => sink.Completion.IsCompleted);
        await Assert.ThrowsAsync<TimeoutException>(() => sink.Completion);
        Assert.Equal([1], Handled.Tried);
        Assert.Equal(_key, await Grain(Place.SiloA).PingAsync().Soon());   // the grain itself lives on
        never.SetResult();
    }

    [Fact]
    public async Task BadOptions_OfAHandler_FailTheStream()
    {
        Handled.Options = new() { BatchSize = 0 };
        await using var sink = await ConsumeAsync(Place.Client, Place.SiloA);
        await sink.PutAsync(1).Soon();
        await PassAsync(() => sink.Completion.IsCompleted);
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => sink.Completion);
        Assert.Contains("BatchSize", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Activation_ThatFails_IsTriedAgain()
    {
        int activations = 0;
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>($"single/{_key}").Soon();
        Handled.Activate = () => ++activations <= 5 ? throw new SensorException("Not yet.", activations) : Task.CompletedTask;   // more often than a handler may fail
        await sink.PutAsync(1).Soon();
        await PassAsync(() => Handled.SeenCount == 1);
        Assert.Equal(6, activations);
    }

    private void FailAt(int element, int times = int.MaxValue) =>
        Handled.Handle = (one, _) => one == element && times-- > 0 ? Task.FromException(new SensorException("Too hot.", element)) : Task.CompletedTask;

    private async Task<SinkRef<int>> ConsumeAsync(Place writer, Place grain)
    {
        var sink = await cluster[writer].GetSinkAsync<int>(_key).Soon();
        await Grain(grain).ConsumeAsync(_key).Soon();
        return sink;
    }

    private IHandlerGrain Grain(Place caller) => cluster[caller].GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName);

    /// <summary>Moves the clock until it has come true, and lets the others take their turns in between.</summary>
    private async Task PassAsync(Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Waiting.Limit, "It did not come true.");
            cluster.Clock.Advance(TimeSpan.FromSeconds(1));
            foreach (var place in Enum.GetValues<Place>()) await cluster[place].GetGrain<IPingGrain>(_key).PingAsync().Soon();
        }
    }
}
