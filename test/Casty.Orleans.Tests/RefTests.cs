using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Concurrency;
using Orleans.Serialization;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Refs as arguments and results of grain calls, from and to every place.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class RefTests(ClockedCluster cluster)
{
    /// <summary>Who calls, and where the grain is.</summary>
    public static TheoryData<Place, Place> Calls()
    {
        var data = new TheoryData<Place, Place>();
        foreach (var caller in Enum.GetValues<Place>())
        {
            data.Add(caller, Place.SiloA);
            data.Add(caller, Place.SiloB);
        }

        return data;
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task ServerStreaming(Place caller, Place callee)
    {
        string name = Cluster.Name();
        await using var source = await (await GrainAsync(caller, callee, name)).CountAsync(name, 100).Soon();

        Assert.Equal(name, source.Producer);
        Assert.Equal(Enumerable.Range(0, 100), await source.DrainAsync());
        await source.Completion.Soon();
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task Case44_ClientStreaming(Place caller, Place callee)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[caller].GetSinkAsync<int>(name).Soon();
        var source = await cluster[caller].GetSourceAsync<int>(name).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 100));

        Assert.Equal(Enumerable.Range(0, 100), await (await GrainAsync(caller, callee, name)).CollectAsync(source).Soon());
        await writing.Soon();
        await sink.Completion.Soon();
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task Case44_Duplex(Place caller, Place callee)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[caller].GetSinkAsync<int>(name).Soon();
        var source = await cluster[caller].GetSourceAsync<int>(name).Soon();
        await using var result = await (await GrainAsync(caller, callee, name)).TransformAsync(source, $"{name}/result").Soon();

        // What comes back came of what was put, one by one.
        await using var loop = result.GetAsyncEnumerator();
        foreach (int length in new[] { 1, 2, 3 })
        {
            await sink.PutAsync(length).Soon();
            Assert.Equal(length, Assert.Single(await loop.NextAsync(1)).Length);
        }

        await sink.CompleteAsync().Soon();
        Assert.False(await loop.MoveNextAsync().Soon());
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task Sink_AsAnArgument(Place caller, Place callee)
    {
        string name = Cluster.Name();
        var sink = await cluster[caller].GetSinkAsync<int>(name, new() { BufferSize = 2 }).Soon();
        await using var source = await cluster[caller].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon();

        var filling = (await GrainAsync(caller, callee, name)).FillAsync(sink, 50);
        Assert.Equal(Enumerable.Range(0, 50), await source.DrainAsync());
        await filling.Soon();
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task Sink_AsAResult(Place caller, Place callee)
    {
        string name = Cluster.Name();
        await using var source = await cluster[callee].GetSourceAsync<int>(name).Soon();
        await using var sink = await (await GrainAsync(caller, callee, name)).OpenSinkAsync(name).Soon();

        var completion = sink.Completion;
        var puts = Enumerable.Range(0, 40).Select(i => sink.PutAsync(i).AsTask()).ToArray();   // none waits for the one before, and the first opens it
        await Task.WhenAll(puts).Soon();
        await sink.CompleteAsync().Soon();

        Assert.Equal(Enumerable.Range(0, 40), await source.DrainAsync());
        await completion.Soon();
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task Case36_RefInPocoRoundTrips(Place caller, Place callee)
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(caller, callee, name);
        var parcel = await grain.PackAsync(name).Soon();
        Assert.Equal([0, 1, 2], await parcel.Source!.DrainAsync());
        Assert.Equal([0], await parcel.More![0].DrainAsync());
        Assert.Equal([0, 1], await parcel.More[1].DrainAsync());

        await using var back = await cluster[caller].GetSourceAsync<int>($"{name}/sink").Soon();
        var first = await grain.CountAsync($"{name}/x", 2).Soon();
        var second = await grain.CountAsync($"{name}/y", 1).Soon();
        Assert.Equal([0, 1, 0], await grain.UnpackAsync(parcel with { Source = first, Sink = parcel.Sink, More = [second] }).Soon());
        Assert.Equal([0, 1, 2], await back.DrainAsync());
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task Immutable_IsHandedOverWhereItLeavesTheProcess(Place caller, Place callee)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[caller].GetSinkAsync<int>(name).Soon();
        var source = await cluster[caller].GetSourceAsync<int>(name).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 10));
        Assert.Equal(Enumerable.Range(0, 10), await (await GrainAsync(caller, callee, name)).CollectImmutableAsync(source.AsImmutable()).Soon());
        await writing.Soon();
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task PassedOn_UnopenedToAThird(Place caller, Place callee)
    {
        string name = Cluster.Name();
        var here = await GrainAsync(caller, callee, $"{name}/here");
        await GrainAsync(caller, callee == Place.SiloA ? Place.SiloB : Place.SiloA, $"{name}/there");
        var there = cluster[caller].GetGrain<IRefGrain>($"{name}/there");

        var sink = await cluster[caller].GetSinkAsync<int>(name).Soon();
        await here.KeepAsync(sink).Soon();
        await here.KeepAsync(await cluster[caller].GetSourceAsync<int>(name).Soon()).Soon();
        await here.PassOnAsync($"{name}/there").Soon();

        var reading = there.ReadKeptAsync();
        await there.PutKeptAsync(1, 2, 3).Soon();
        Assert.Equal([1, 2, 3], await reading.Soon());
    }

    [Theory, Everywhere]
    public async Task TakenOver_AfterTheLastElementThatWasGiven(Place writer, Place reader)
    {
        // A named reader stops in the middle; what it opened again is handed over.
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await sink.PutAllAsync(Enumerable.Range(0, 10)).Soon();
        await using (var first = await cluster[reader].GetSourceAsync<int>(name, "c").Soon())
        {
            await using var loop = first.GetAsyncEnumerator();
            Assert.Equal([0, 1, 2], await loop.NextAsync(3));
            await first.DetachAsync().Soon();
        }

        var grain = await GrainAsync(reader, Place.SiloB, name);
        await grain.KeepAsync(await cluster[reader].GetSourceAsync<int>(name, "c").Soon()).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal(Enumerable.Range(3, 7), await grain.ReadKeptAsync().Soon());
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task Case34_SingleShot_ASecondUseIsRefusedAndTheFirstGoesOn()
    {
        string name = Cluster.Name();
        var (first, second) = Twice(await (await GrainAsync(Place.Client, Place.SiloA, name)).CountAsync(name, 50).Soon());
        await using var loop = first.GetAsyncEnumerator();
        Assert.Equal([0, 1], await loop.NextAsync(2));

        var refused = await Assert.ThrowsAsync<StreamSupersededException>(() => second.DrainAsync());
        Assert.Contains("used already, or has expired", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<StreamSupersededException>(() => second.Completion).Soon();
        await second.DisposeAsync().Soon();
        Assert.Equal(Enumerable.Range(2, 48), await loop.NextAsync(48));
        Assert.False(await loop.MoveNextAsync().Soon());
    }

    [Fact]
    public async Task Case34_SingleShot_ASecondSinkIsRefusedAndTheFirstGoesOn()
    {
        string name = Cluster.Name();
        await using var source = await cluster[Place.SiloA].GetSourceAsync<int>(name).Soon();
        var (first, second) = Twice(await (await GrainAsync(Place.Client, Place.SiloB, name)).OpenSinkAsync(name).Soon());
        await first.PutAsync(1).Soon();

        await Assert.ThrowsAsync<StreamSupersededException>(async () => await second.PutAsync(2)).Soon();
        Assert.False(second.TryPut(3));
        await Assert.ThrowsAsync<StreamSupersededException>(() => second.CompleteAsync()).Soon();
        await second.DisposeAsync().Soon();
        await first.CompleteAsync().Soon();
        Assert.Equal([1], await source.DrainAsync());
    }

    [Theory, Everywhere]
    public async Task TwoUsesAtOnce_OneHasIt(Place one, Place other)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var (first, second) = Twice(await (await GrainAsync(one, Place.SiloB, name)).OpenAsync(name, null).Soon(), one, other);
        await sink.WriteAsync([1, 2, 3]);

        var reads = new[] { first.DrainAsync(), second.DrainAsync() };
        await ((Task)Task.WhenAll(reads)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        Assert.Equal([1, 2, 3], await Assert.Single(reads, read => read.IsCompletedSuccessfully));
        await Assert.ThrowsAsync<StreamSupersededException>(() => Assert.Single(reads, read => read.IsFaulted));
    }

    [Fact]
    public async Task Case35_RefAccessIdempotent_LookingOpensNothing()
    {
        string name = Cluster.Name();
        await using var source = await (await GrainAsync(Place.Client, Place.SiloA, name)).CountAsync(name, 3).Soon();
        int ends = cluster.Host(Place.Client).EndCount;
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal($"SourceRef<Int32> of '{name}' for '{source.Consumer}'", source.ToString());
            Assert.Same(source.Completion, source.Completion);
            Assert.Same(source.Reader, source.Reader);
            Assert.Equal(0, source.Reader.Count);
            Assert.False(source.Completion.IsCompleted);
        }

        await cluster.RoundTripAsync();
        Assert.Equal(ends, cluster.Host(Place.Client).EndCount);
        Assert.Equal([0, 1, 2], await source.Reader.ReadAllAsync().ToListAsync().Soon());
    }

    [Fact]
    public async Task Giver_IsSpent()
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(Place.Client, Place.SiloA, name);
        var sink = await cluster[Place.Client].GetSinkAsync<int>(name).Soon();
        var source = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
        var (written, read) = (sink.Completion, source.Completion);
        await grain.KeepAsync(sink).Soon();
        await grain.KeepAsync(source).Soon();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => written).Soon();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read).Soon();
        Assert.Contains("handed over", Assert.Throws<InvalidOperationException>(() => source.Reader).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => source.GetAsyncEnumerator());
        Assert.Contains("handed over", Assert.Throws<InvalidOperationException>(() => sink.TryPut(1)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => sink.Writer.TryWrite(1));
        Assert.Throws<InvalidOperationException>(() => sink.Writer.TryComplete());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await sink.PutAsync(1));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await sink.WaitToPutAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => sink.CompleteAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => sink.FailAsync(new InvalidDataException()));
        await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(sink));
        await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(source));

        // Disposing does not undo it.
        await sink.DisposeAsync().Soon();
        await source.DisposeAsync().Soon();
        var reading = grain.ReadKeptAsync();
        await grain.PutKeptAsync(1, 2).Soon();
        Assert.Equal([1, 2], await reading.Soon());
    }

    [Fact]
    public async Task WhatIsInUse_CannotBeHandedOver_AndGoesOn()
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(Place.Client, Place.SiloA, name);
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(name).Soon();
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
        await sink.PutAsync(1).Soon();
        Assert.Contains("has been put to", (await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(sink))).Message, StringComparison.Ordinal);

        var loop = source.GetAsyncEnumerator();
        Assert.Contains("in use", (await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(source))).Message, StringComparison.Ordinal);
        Assert.Equal([1], await loop.NextAsync(1));
        await loop.DisposeAsync().Soon();
        await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(source));
        await sink.DisposeAsync().Soon();
        await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(sink));

        var (piped, pipe) = StreamPipe.Create<int>();
        await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(piped));
        await Assert.ThrowsAsync<InvalidOperationException>(() => grain.KeepAsync(pipe));
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task EndedBefore_IsHandedOverAsEnded(Place caller, Place callee)
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(caller, callee, name);
        foreach (bool fails in new[] { false, true })
        {
            await using var sink = await cluster[caller].GetSinkAsync<int>($"{name}/{fails}").Soon();
            var source = await cluster[caller].GetSourceAsync<int>($"{name}/{fails}").Soon();
            if (fails) await sink.FailAsync(new InvalidDataException("Boom.")).Soon();
            else await sink.CompleteAsync().Soon();
            await ((Task)source.Completion.Soon()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

            if (fails) Assert.Equal("Boom.", (await Assert.ThrowsAsync<InvalidDataException>(() => grain.CollectAsync(source)).Soon()).Message);
            else Assert.Equal([], await grain.CollectAsync(source).Soon());
        }
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task EndsMeanwhile_IsReadToItsEnd(Place caller, Place callee)
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(caller, callee, name);
        await using var sink = await cluster[caller].GetSinkAsync<int>(name).Soon();
        await grain.KeepAsync(await cluster[caller].GetSourceAsync<int>(name).Soon()).Soon();
        await sink.CompleteAsync().Soon();
        await cluster.RoundTripAsync();

        Assert.False(sink.Completion.IsCompleted);   // nobody has read it
        Assert.Equal([], await grain.ReadKeptAsync().Soon());
        await sink.Completion.Soon();
    }

    [Theory, MemberData(nameof(Calls))]
    public async Task DisposedUnopened_LetsGoAtOnce(Place caller, Place callee)
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(caller, callee, name);
        await using var sink = await cluster[caller].GetSinkAsync<int>($"{name}/0").Soon();
        await (await grain.OpenAsync($"{name}/0", null).Soon()).DisposeAsync().Soon();
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion).Soon()).Reason);

        await using var source = await cluster[caller].GetSourceAsync<int>($"{name}/1").Soon();
        await (await grain.OpenSinkAsync($"{name}/1").Soon()).DisposeAsync().Soon();
        await Assert.ThrowsAsync<StreamAbandonedException>(() => source.DrainAsync());
    }

    [Fact]
    public async Task CollectedUnopened_LetsNothingGo()
    {
        string name = Cluster.Name();
        await using var source = await (await GrainAsync(Place.Client, Place.SiloA, name)).CountAsync(name, 3).Soon();
        var copies = Copies();
        await Waiting.UntilAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return copies.TrueForAll(copy => !copy.IsAlive);
        });
        await cluster.RoundTripAsync();
        Assert.Equal([0, 1, 2], await source.DrainAsync());

        [MethodImpl(MethodImplOptions.NoInlining)]
        List<WeakReference> Copies() => [.. Enumerable.Range(0, 3).Select(_ => new WeakReference(Copy(source, Place.SiloB)))];
    }

    [Fact]
    public async Task TryPutAndTryRead_BeginToOpen()
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(Place.Client, Place.SiloA, name);
        var sink = await grain.OpenSinkAsync(name).Soon();
        var source = await grain.OpenAsync(name, null).Soon();
        await Waiting.UntilAsync(() => sink.TryPut(1));
        int read = 0;
        await Waiting.UntilAsync(() => source.Reader.TryRead(out read));
        Assert.Equal(1, read);
        await sink.DisposeAsync().Soon();
        await source.DisposeAsync().Soon();
    }

    [Fact]
    public async Task CancelledWait_DoesNotEndTheOpening()
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(Place.Client, Place.SiloA, name);
        await using var source = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await using var sink = await grain.OpenSinkAsync(name).Soon();

        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Wire.Gate = call =>
        {
            if (call.InterfaceMethod.Name != nameof(IStreamProducerGrain<int>.AttachAsync)) return null;
            asked.TrySetResult();
            return gate.Task;
        };
        using var cancel = new CancellationTokenSource();
        var cancelled = sink.PutAsync(1, cancel.Token).AsTask();
        var waiting = sink.WaitToPutAsync(cancel.Token).AsTask();
        var put = sink.PutAsync(2).AsTask();
        await asked.Task.Soon();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled).Soon();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting).Soon();
        Assert.False(put.IsCompleted);

        cluster.Wire.Gate = null;
        gate.SetResult();
        await put.Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([2], await source.DrainAsync());
    }

    [Fact]
    public async Task Ref_OfAStreamOfRefs()
    {
        // An element is serialised like an argument.
        string name = Cluster.Name();
        await using var sink = await cluster[Place.Client].GetSinkAsync<SourceRef<int>>(name).Soon();
        await using var source = await cluster[Place.SiloB].GetSourceAsync<SourceRef<int>>(name).Soon();
        var grain = await GrainAsync(Place.Client, Place.SiloA, name);
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < 3; i++) await sink.PutAsync(await grain.CountAsync($"{name}/{i}", i + 1));
            await sink.CompleteAsync();
        });
        var lengths = new List<int>();
        await foreach (var one in source) lengths.Add((await one.DrainAsync()).Count);
        Assert.Equal([1, 2, 3], lengths);
        await writing.Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CancelledEnd_OfASinkThatIsBeingOpened_StillTakesEffect(bool fails)
    {
        string name = Cluster.Name();
        var grain = await GrainAsync(Place.Client, Place.SiloA, name);
        await using var source = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await using var sink = await grain.OpenSinkAsync(name).Soon();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Wire.Gate = call =>
        {
            if (call.InterfaceMethod.Name != nameof(IStreamProducerGrain<int>.AttachAsync)) return null;
            asked.TrySetResult();
            return gate.Task;
        };
        using var cancel = new CancellationTokenSource();
        var ending = fails ? sink.FailAsync(new SensorException("late", 1), cancel.Token) : sink.CompleteAsync(cancel.Token);
        await asked.Task.Soon();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ending).Soon();

        cluster.Wire.Gate = null;
        gate.SetResult();
        if (fails) await Assert.ThrowsAsync<SensorException>(source.DrainAsync);
        else Assert.Empty(await source.DrainAsync());
    }

    [Fact]
    public async Task OpeningThatThrowsAtOnce_SettlesTheCompletion()
    {
        await using var services = new ServiceCollection().BuildServiceProvider();   // of a process that has no cluster
        var source = new SourceRef<int>(services, new SourceToken { Producer = "p", Consumer = "c", InitialDemand = 1, MaxDemand = 1 });
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await source.Reader.ReadAsync()).Soon();
        await Assert.ThrowsAsync<InvalidOperationException>(() => source.Completion).Soon();
        GC.SuppressFinalize(source);
    }

    /// <summary>Two copies of one ref that was handed over.</summary>
    private (TRef First, TRef Second) Twice<TRef>(TRef value, Place one = Place.Client, Place other = Place.Client) => (Copy(value, one), Copy(value, other));

    private TRef Copy<TRef>(TRef value, Place to)
    {
        byte[] bytes = cluster.Services(Place.Client).GetRequiredService<Serializer>().SerializeToArray(value);
        return cluster.Services(to).GetRequiredService<Serializer>().Deserialize<TRef>(bytes);
    }

    private async Task<IRefGrain> GrainAsync(Place caller, Place at, string name)
    {
        await cluster[at].GetGrain<IRefGrain>(name).PingAsync().Soon();
        return cluster[caller].GetGrain<IRefGrain>(name);
    }
}
