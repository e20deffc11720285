using Orleans;
using Orleans.Core.Internal;
using Orleans.Placement;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A grain consumes a stream: it is given the elements, and the end, in turns of its own.</summary>
[Collection(nameof(Cluster))]
public sealed class HandlerTests(Cluster cluster)
{
    private const int Count = 500;

    private readonly string _key = $"{Guid.NewGuid():N}";

    private Handled Handled => Handled.By(_key);

    [Theory, NearAndFar]
    public async Task Elements_AreHandledOneByOne_ThenTheEnd(Place writer, Place grain)
    {
        var handler = Single(grain);
        await using var sink = await cluster[writer].GetSinkAsync<int>(_key).Soon();
        await handler.ConsumeAsync(_key).Soon();
        await sink.WriteAsync(Enumerable.Range(0, Count));

        await Handled.Completed.Soon();
        Assert.Equal(Enumerable.Range(0, Count), Handled.Seen);
        Assert.Equal(1, Handled.MostRunning);
        await sink.Completion.Soon();
    }

    [Theory, NearAndFar]
    public async Task Batches_AreWhatIsReady_AndNoLargerThanAsked(Place writer, Place grain)
    {
        Handled.Options = new() { BatchSize = 16, Consumer = new() { InitialDemand = 64 } };
        await using var sink = await cluster[writer].GetSinkAsync<int>(_key).Soon();
        await sink.PutAllAsync(Enumerable.Range(0, Count)).Soon();
        await cluster[grain].GetGrain<IHandlerGrain>(_key, typeof(BatchGrain).FullName).ConsumeAsync(_key).Soon();
        await sink.CompleteAsync().Soon();

        await Handled.Completed.Soon();
        Assert.Equal(Enumerable.Range(0, Count), Handled.Seen);
        Assert.Equal(16, Handled.Batches.Max());
    }

    [Theory, NearAndFar]
    public async Task ImplicitSubscription_TheFirstWriterActivatesTheGrain(Place writer, Place otherWriter)
    {
        await using var sink = await cluster[writer].GetSinkAsync<int>($"single/{_key}").Soon();
        await using var other = await cluster[otherWriter].GetSinkAsync<int>($"single/{_key}").Soon();
        await other.CompleteAsync().Soon();
        await sink.WriteAsync(Enumerable.Range(0, Count));

        await Handled.Completed.Soon();
        Assert.Equal(Enumerable.Range(0, Count), Handled.Seen);
    }

    [Fact]
    public async Task ImplicitSubscription_TheKeyMayBeAnythingInTheMiddle()
    {
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>($"batch/{_key}/in").Soon();
        await sink.WriteAsync([1, 2, 3]);
        await Handled.Completed.Soon();
        Assert.Equal([1, 2, 3], Handled.Seen);
    }

    [Fact]
    public async Task ImplicitSubscription_KeysThatAreNumbersOrGuids_AndSeveralTypes()
    {
        long number = Random.Shared.NextInt64();
        var id = Guid.NewGuid();
        await using var numbers = await cluster[Place.Client].GetSinkAsync<int>($"numbered/{number}").Soon();
        await using var guids = await cluster[Place.Client].GetSinkAsync<int>($"guid/{id}").Soon();
        await using var texts = await cluster[Place.Client].GetSinkAsync<string>($"guid/{id}").Soon();
        await numbers.PutAsync(1).Soon();
        await guids.PutAsync(2).Soon();
        await Handled.By($"{id}").UntilSeenAsync(1);
        await texts.PutAsync("abc").Soon();

        await Handled.By($"number {number}").UntilSeenAsync(1);
        await Handled.By($"{id}").UntilSeenAsync(2);
        Assert.Equal([2, 3], Handled.By($"{id}").Seen);
    }

    [Fact]
    public async Task ImplicitSubscription_EachStreamOfTheName_IsConsumed()
    {
        for (int run = 1; run <= 3; run++)
        {
            await using var sink = await cluster[Place.Client].GetSinkAsync<int>($"single/{_key}").Soon();
            await sink.WriteAsync([run]);
            await sink.Completion.Soon();
            Assert.Equal(run, Handled.SeenCount);
        }

        Assert.Equal([1, 2, 3], Handled.Seen);
    }

    [Fact]
    public async Task Failure_ReachesTheHandler_WithItsType_AfterTheElements()
    {
        await Single(Place.SiloA).ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.PutAsync(1).Soon();
        await sink.FailAsync(new SensorException("Too hot.", 90)).Soon();

        Assert.Equal(90, Assert.IsType<SensorException>(await Handled.Failed.Soon()).Degrees);
        Assert.Equal([1], Handled.Seen);
    }

    [Fact]
    public async Task WriterThatLetsGo_IsAFailure()
    {
        await Single(Place.SiloA).ConsumeAsync(_key).Soon();
        await using (var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon()) await sink.PutAsync(1).Soon();
        Assert.IsType<StreamAbandonedException>(await Handled.Failed.Soon());
        Assert.Equal([1], Handled.Seen);
    }

    [Fact]
    public async Task ElementThatCannotBeRead_FailsTheStream_OnBothSides()
    {
        var grain = cluster[Place.SiloA].GetGrain<IScratchedHandlerGrain>(_key);
        await grain.ConsumeAsync().Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<Scratched>(_key).Soon();
        await sink.PutAllAsync([Scratched.Numbered(1), Scratched.Numbered(13), Scratched.Numbered(2)]).Soon();

        Assert.IsType<FormatException>(await Handled.Failed.Soon());
        Assert.Equal([1], Handled.Seen);
        var error = await Assert.ThrowsAsync<FormatException>(() => sink.Completion).Soon();
        Assert.Contains("13", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherCalls_AreAnsweredBetweenElements()
    {
        var handler = Single(Place.SiloA);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        var writing = Task.Run(() => sink.PutAllAsync(Enumerable.Range(0, Count)));
        while (Handled.SeenCount < Count) Assert.Equal(_key, await handler.PingAsync().Soon());
        await writing.Soon();
        Assert.Equal(_key, await handler.PingAsync().Soon());
    }

    [Fact]
    public async Task OtherCalls_AreAnsweredWithinAHandler_WhereTheGrainIsReentrant()
    {
        var gate = new TaskCompletionSource();
        Handled.Handle = (_, _) => gate.Task;
        var handler = cluster[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(ReentrantHandlerGrain).FullName);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.PutAllAsync([1, 2]).Soon();
        await Waiting.UntilAsync(() => Handled.Tried.Length == 1);
        Assert.Equal(_key, await handler.PingAsync().Soon());
        Assert.Equal([1], Handled.Tried);   // the next element is not begun beside it

        gate.SetResult();
        await Handled.UntilSeenAsync(2);
        Assert.Equal(1, Handled.MostRunning);
    }

    [Fact]
    public async Task Finished_IsWhatTheHandlerHasHandled_NotWhatItWasGiven()
    {
        var gate = new TaskCompletionSource();
        Handled.Handle = (_, _) => gate.Task;
        await Single(Place.SiloA).ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.PutAsync(1).Soon();
        await sink.CompleteAsync().Soon();
        await Waiting.UntilAsync(() => Handled.Tried.Length == 1);
        for (int i = 0; i < 20; i++) await cluster[Place.Client].GetGrain<IPingGrain>(_key).PingAsync().Soon();
        Assert.False(sink.Completion.IsCompleted);

        gate.SetResult();
        await sink.Completion.Soon();
        await Handled.Completed.Soon();
    }

    [Fact]
    public async Task SlowHandler_IsBackpressure()
    {
        var gate = new TaskCompletionSource();
        Handled.Handle = (_, _) => gate.Task;
        Handled.Options = new() { Consumer = new() { MaxDemand = 2 } };
        await Single(Place.SiloA).ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key, new() { BufferSize = 4 }).Soon();
        int put = 0;
        var putting = Task.Run(async () =>
        {
            for (; put < 100; put++) await sink.PutAsync(put);
        });
        await Waiting.UntilAsync(() => Handled.Tried.Length == 1 && put >= 6);
        for (int i = 0; i < 20; i++) await cluster[Place.Client].GetGrain<IPingGrain>(_key).PingAsync().Soon();
        Assert.InRange(put, 6, 20);   // 2 asked for and 4 buffered; before the handler was asked how it does, 16 may have been

        gate.SetResult();
        await Handled.UntilSeenAsync(100);
        await putting.Soon();
    }

    [Theory]
    [InlineData(Place.SiloA)]
    [InlineData(Place.Client)]
    public async Task GrainThatWasDeactivated_IsActivatedByTheNextElement(Place writer)
    {
        var handler = Single(Place.SiloB);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[writer].GetSinkAsync<int>(_key).Soon();
        for (int i = 0; i < 3; i++)
        {
            await sink.PutAsync(i).Soon();
            await Handled.UntilSeenAsync(i + 1);
            await cluster.Orleans.DeactivateAsync(handler).Soon();
        }

        Assert.Equal([0, 1, 2], Handled.Seen);
        Assert.Equal(3, Handled.Activations);
    }

    [Fact]
    public async Task GrainDeactivated_UnderLoad_NothingLostDoubledOrReordered()
    {
        var handler = Single(Place.SiloA);
        await UnderLoadAsync(handler, () => handler.LeaveAsync());
        Assert.True(Handled.Activations > 2);
    }

    [Fact]
    public async Task GrainMigrated_UnderLoad_NothingLostDoubledOrReordered()
    {
        var handler = Single(Place.SiloA);
        var silos = (await cluster[Place.Client].GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true).Soon()).Keys.ToArray();
        await UnderLoadAsync(handler, () => handler.MigrateAsync(silos.First(silo => !silo.Equals(Handled.LastSilo))));
        Assert.Equal(2, Handled.Silos);
    }

    [Theory]
    [InlineData("reader")]
    [InlineData("producer")]
    [InlineData("consumer")]
    public async Task WhatIsBetweenDeactivated_UnderLoad_NothingLostDoubledOrReordered(string what)
    {
        var client = cluster[Place.Client];
        IGrain grain = what switch
        {
            "reader" => client.GetGrain<IStreamHandlingGrain<int>>(Subscription),
            "producer" => client.GetGrain<IStreamProducerGrain<int>>(_key),
            _ => client.GetGrain<IStreamConsumerGrain<int>>(Subscription),
        };
        await UnderLoadAsync(Single(Place.SiloA), () => grain.Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask());
    }

    /// <summary>Of several consumers, one is a grain. What reads for it is brought back although a balanced stream keeps no place.</summary>
    [Theory]
    [InlineData(StreamDelivery.Broadcast, "reader")]
    [InlineData(StreamDelivery.Broadcast, "producer")]
    [InlineData(StreamDelivery.Balanced, "reader")]
    [InlineData(StreamDelivery.Balanced, "producer")]
    public async Task SeveralConsumers_WhatIsBetweenDeactivated_UnderLoad_NothingLostOrDoubled(StreamDelivery delivery, string what)
    {
        await using var other = await cluster[Place.SiloB].GetSourceAsync<int>(_key, options: new() { InitialDemand = 4, Delivery = delivery }).Soon();
        var taken = new List<int>();
        var taking = delivery == StreamDelivery.Broadcast ? Task.Run(async () => taken = await other.DrainAsync()) : Task.CompletedTask;   // a share waits for it
        IGrain grain = what == "reader" ? cluster[Place.Client].GetGrain<IStreamHandlingGrain<int>>(Subscription) : cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(_key);
        await UnderLoadAsync(Single(Place.SiloA), () => grain.Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask(), delivery, async () =>
        {
            if (delivery == StreamDelivery.Balanced) await other.DisposeAsync().Soon();
        });
        await taking.Soon();
        if (delivery == StreamDelivery.Broadcast) Assert.Equal(Enumerable.Range(0, 3_000), taken);
    }

    private async Task UnderLoadAsync(IHandlerGrain handler, Func<Task> disturb, StreamDelivery? delivery = null, Func<Task>? beforeTheEnd = null)
    {
        const int Many = 3_000;
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key, new() { BufferSize = 64 }).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, Many));
        for (int i = 1; i <= 4; i++)
        {
            await Handled.UntilSeenAsync(i * Many / 5);
            await disturb().Soon();
        }

        if (beforeTheEnd is not null) await beforeTheEnd();
        await Handled.Completed.Soon();
        await writing;
        Assert.Equal(Enumerable.Range(0, Many), delivery == StreamDelivery.Balanced ? Handled.Seen.Order() : Handled.Seen);
        Assert.Equal(1, Handled.MostRunning);
    }

    [Fact]
    public async Task RegisteredTwice_IsRegisteredOnce()
    {
        var handler = Single(Place.SiloA);
        await Task.WhenAll(handler.ConsumeAsync(_key), handler.ConsumeAsync(_key)).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await handler.ConsumeAsync(_key).Soon();
        await sink.WriteAsync([1, 2, 3]);
        await Handled.Completed.Soon();
        Assert.Equal([1, 2, 3], Handled.Seen);
    }

    [Fact]
    public async Task RegisteredWithinAHandler_Works()
    {
        var reentrant = cluster[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(ReentrantHandlerGrain).FullName);
        Handled.Handle = (element, _) => element == 1 ? reentrant.ConsumeAsync($"{_key}/other") : Task.CompletedTask;
        await reentrant.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.PutAsync(1).Soon();
        await Handled.UntilSeenAsync(1);
        await using var other = await cluster[Place.Client].GetSinkAsync<int>($"{_key}/other").Soon();
        await other.PutAsync(2).Soon();
        await Handled.UntilSeenAsync(2);
    }

    [Fact]
    public async Task Stopped_TheStreamIsKept_AndGoesOnExactly()
    {
        var handler = Single(Place.SiloA);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, Count));
        await Handled.UntilSeenAsync(50);
        await handler.StopAsync(_key).Soon();
        await ReleasedAsync();
        int seen = Handled.SeenCount;

        await handler.ConsumeAsync(_key).Soon();
        await Handled.Completed.Soon();
        await writing;
        Assert.InRange(seen, 50, Count);
        Assert.Equal(Enumerable.Range(0, Count), Handled.Seen);
    }

    [Fact]
    public async Task StoppedAndConsumedAgain_WithinAHandler_GoesOn()
    {
        var handler = cluster[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(ReentrantHandlerGrain).FullName);
        Handled.Handle = async (element, _) =>
        {
            if (element != 2) return;
            await handler.StopAsync(_key);
            await handler.ConsumeAsync(_key);
        };
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.WriteAsync([1, 2, 3, 4]);
        await Handled.Completed.Soon();
        Assert.Equal([1, 2, 3, 4], Handled.Seen);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConsumedAgain_WithinTheCallOfTheEnd_TheNextStreamIsConsumed(bool hasFailed)
    {
        var handler = cluster[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(ReentrantHandlerGrain).FullName);
        if (hasFailed) Handled.Fail = () => handler.ConsumeAsync(_key);
        else Handled.Complete = () => handler.ConsumeAsync(_key);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.PutAsync(1).Soon();
        if (hasFailed) await sink.FailAsync(new SensorException("Too hot.", 90)).Soon();
        else await sink.CompleteAsync().Soon();
        await (hasFailed ? Handled.Failed : Handled.Completed).Soon();

        await using var next = await OpenNextAsync();
        await next.PutAsync(2).Soon();
        await Handled.UntilSeenAsync(2);
    }

    [Fact]
    public async Task ConsumedAgain_WhileTheEndIsHandled_TheNextStreamIsConsumed()
    {
        var gate = new TaskCompletionSource();
        var ending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Handled.Complete = () =>
        {
            ending.TrySetResult();
            return gate.Task;
        };
        var handler = cluster[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(ReentrantHandlerGrain).FullName);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.WriteAsync([1]);
        await ending.Task.Soon();
        await handler.ConsumeAsync(_key).Soon();
        gate.SetResult();

        await using var next = await OpenNextAsync();
        await next.PutAsync(2).Soon();
        await Handled.UntilSeenAsync(2);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task StoppedWithCancel_WritersAreTold(bool isWithinAHandler)
    {
        var handler = cluster[Place.SiloA].GetGrain<IHandlerGrain>(_key, typeof(ReentrantHandlerGrain).FullName);
        if (isWithinAHandler) Handled.Handle = (_, _) => handler.StopAsync(_key, StreamLeave.Cancel);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.PutAsync(1).Soon();
        await Handled.UntilSeenAsync(1);
        if (!isWithinAHandler) await handler.StopAsync(_key, StreamLeave.Cancel).Soon();

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion).Soon();
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
    }

    [Fact]
    public async Task StoppedWithCancel_WhereTheStreamHasEndedMeanwhile_IsHarmless()
    {
        var handler = Single(Place.SiloA);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.PutAsync(1).Soon();
        await Handled.UntilSeenAsync(1);
        await handler.StopAsync(_key).Soon();
        await ReleasedAsync();
        var management = cluster[Place.Client].GetStreamManagement();
        Assert.True(await management.EndAsync((await management.ListAllAsync(new() { NamePrefix = _key }).SingleAsync()).Id, "Seen.").Soon());
        await Assert.ThrowsAsync<StreamTerminatedException>(() => sink.Completion.Soon());

        await handler.StopAsync(_key, StreamLeave.Cancel).Soon();
    }

    [Fact]
    public async Task StreamThatIsOver_LeavesNothingBehind()
    {
        var handler = Single(Place.SiloA);
        await handler.ConsumeAsync(_key).Soon();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
        await sink.WriteAsync([1]);
        await sink.Completion.Soon();
        await cluster.Orleans.WaitForDeactivationAsync(cluster[Place.Client].GetGrain<IStreamHandlingGrain<int>>(Subscription)).Soon();
        await cluster.Orleans.WaitForDeactivationAsync(cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(_key)).Soon();
        await ReleasedAsync();
    }

    [Fact]
    public async Task StreamOfAnotherConsumer_IsRefused()
    {
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(_key, "first").Soon();
        var error = await Assert.ThrowsAsync<StreamOccupiedException>(() => Single(Place.SiloA).ConsumeAsync(_key)).Soon();
        Assert.Equal("first", error.Consumer);
    }

    [Fact]
    public async Task BadArguments_AreRefused()
    {
        var handler = Single(Place.SiloA);
        Assert.Equal("stream", (await Assert.ThrowsAsync<ArgumentException>(() => handler.ConsumeAsync("")).Soon()).ParamName);
        Assert.Equal("stream", (await Assert.ThrowsAsync<ArgumentException>(() => handler.ConsumeAsync(new string('x', 1001))).Soon()).ParamName);
        Assert.Equal("leave", (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => handler.StopAsync(_key, (StreamLeave)9)).Soon()).ParamName);
        Assert.Contains("IStreamHandler<Int64>", (await Assert.ThrowsAsync<InvalidOperationException>(() => handler.ConsumeNothingAsync(_key)).Soon()).Message, StringComparison.Ordinal);
        var far = cluster[Place.SiloA].GetGrain<IHandlerGrain>(new string('k', 1000), typeof(SingleGrain).FullName);
        Assert.Equal("grain", (await Assert.ThrowsAsync<ArgumentException>(() => far.ConsumeAsync(_key)).Soon()).ParamName);
        await Assert.ThrowsAsync<ArgumentException>(() => cluster[Place.Client].GetGrain<IStreamHandlingGrain<int>>("no subscription").KeepAsync(Guid.NewGuid())).Soon();
        Assert.Throws<ArgumentException>(() => new ConsumesStreamAttribute("prices"));
        Assert.Throws<ArgumentException>(() => new ConsumesStreamAttribute("{key}/{key}"));
        Assert.Throws<InvalidOperationException>(() => new ConsumesStreamAttribute("prices/{key}").Populate(null!, typeof(PingGrain), default, []));
    }

    /// <summary>A writer of the next stream, once the end of the one before was handled.</summary>
    private async Task<SinkRef<int>> OpenNextAsync()
    {
        while (true)
        {
            try
            {
                return await cluster[Place.Client].GetSinkAsync<int>(_key).Soon();
            }
            catch (StreamClosedException)
            {
                await Task.Yield();   // its name is not free yet
            }
        }
    }

    private IHandlerGrain Single(Place caller) => cluster[caller].GetGrain<IHandlerGrain>(_key, typeof(SingleGrain).FullName);

    private string Subscription => StreamNames.ConsumerKey(_key, StreamNames.Handler(Single(Place.SiloA).GetGrainId()));

    /// <summary>Nobody reads the stream for the grain any more.</summary>
    private Task ReleasedAsync() => cluster.Orleans.WaitForDeactivationAsync(cluster[Place.Client].GetGrain<IStreamConsumerGrain<int>>(Subscription)).Soon();
}

public interface IScratchedHandlerGrain : IGrainWithStringKey
{
    Task ConsumeAsync();
}

[PreferLocalPlacement]
public sealed class ScratchedHandlerGrain : Grain, IScratchedHandlerGrain, IStreamHandler<Scratched>
{
    public Task ConsumeAsync() => this.ConsumeAsync<Scratched>(this.GetPrimaryKeyString());

    public Task OnElementAsync(Scratched element, string stream, CancellationToken cancellationToken) =>
        Handled.By(this.GetPrimaryKeyString()).OnElementAsync(element.Number, cancellationToken);

    public Task OnFailedAsync(string stream, Exception error) => Handled.By(this.GetPrimaryKeyString()).OnFailedAsync(error);
}
