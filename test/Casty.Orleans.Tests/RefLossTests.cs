using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Orleans.Serialization;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>What was handed over and does not arrive, is not used, or loses somebody on its way.</summary>
public sealed class RefLossTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(null)]
    [InlineData("c")]
    public async Task Source_NotUsed_ExpiresAndSaysSo(string? consumer)
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        await using var sink = await bed[Place.SiloB].GetSinkAsync<int>(name).Soon();
        await sink.PutAllAsync([1, 2]).Soon();
        var grain = await GrainAsync(bed, Place.SiloA, name);
        var source = await grain.OpenAsync(name, consumer).Soon();

        bed.Time!.Advance(TimeSpan.FromSeconds(59));
        await bed.RoundTripAsync();
        Assert.Empty(bed.Log.Warnings);
        bed.Time.Advance(TimeSpan.FromSeconds(1));
        await Waiting.UntilAsync(() => bed.Log.Warnings.Count > 0);
        string warning = Assert.Single(bed.Log.Warnings);
        Assert.Contains($"source of stream '{name}' of {typeof(int)} was handed over and not used within 00:01:00", warning, StringComparison.Ordinal);

        if (consumer is null)
        {
            string why = (await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.Completion).Soon()).Message;
            Assert.Contains("handed over and not used within 00:01:00", why, StringComparison.Ordinal);
            why = (await Assert.ThrowsAsync<StreamSupersededException>(() => source.DrainAsync())).Message;
            Assert.Contains("handed over and not used within 00:01:00", why, StringComparison.Ordinal);
            return;
        }

        // The next reader of the name has it all; what was handed over is not one.
        await bed.RoundTripAsync();
        await Assert.ThrowsAsync<StreamSupersededException>(() => source.DrainAsync());
        await sink.CompleteAsync().Soon();
        await using var next = await bed[Place.Client].GetSourceAsync<int>(name, consumer).Soon();
        Assert.Equal([1, 2], await next.DrainAsync());
    }

    [Fact]
    public async Task Sink_NotUsed_ExpiresAndSaysSo()
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        await using var source = await bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await using var other = await bed[Place.SiloB].GetSinkAsync<int>(name).Soon();
        var grain = await GrainAsync(bed, Place.SiloA, name);
        var sink = await grain.OpenSinkAsync(name).Soon();

        bed.Time!.Advance(TimeSpan.FromMinutes(1));
        await Waiting.UntilAsync(() => bed.Log.Warnings.Count > 0);
        Assert.Contains($"sink of stream '{name}' of {typeof(int)} was handed over and not used within 00:01:00", Assert.Single(bed.Log.Warnings), StringComparison.Ordinal);
        await bed.RoundTripAsync();
        await Assert.ThrowsAsync<StreamSupersededException>(async () => await sink.PutAsync(1)).Soon();

        // The others are not disturbed, but the stream does not look complete.
        await other.PutAsync(2).Soon();
        await other.CompleteAsync().Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([2], await loop.NextAsync(1));
        var cut = await Assert.ThrowsAsync<StreamAbandonedException>(async () => await loop.MoveNextAsync()).Soon();
        Assert.Contains("handed over and not used within 00:01:00", cut.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CallThatFails_TheRefIsSpentAndExpires()
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        await using var sink = await bed[Place.SiloB].GetSinkAsync<int>(name).Soon();
        var source = await bed[Place.Client].GetSourceAsync<int>(name).Soon();
        var grain = await GrainAsync(bed, Place.SiloA, name);
        await Assert.ThrowsAsync<InvalidDataException>(() => grain.ThrowAsync(source)).Soon();
        Assert.Throws<InvalidOperationException>(() => source.Reader);

        bed.Time!.Advance(TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.Completion).Soon();
        Assert.Single(bed.Log.Warnings);
    }

    [Fact]
    public async Task UsedInTime_DoesNotExpire()
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        var grain = await GrainAsync(bed, Place.SiloA, name);
        var source = await grain.OpenAsync(name, null).Soon();
        var sink = await grain.OpenSinkAsync(name).Soon();
        await sink.PutAsync(1).Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));

        bed.Time!.Advance(TimeSpan.FromMinutes(2));
        await sink.PutAsync(2).Soon();
        Assert.Equal([2], await loop.NextAsync(1));
        await sink.CompleteAsync().Soon();
        Assert.False(await loop.MoveNextAsync().Soon());
        Assert.Empty(bed.Log.Warnings);

        // Nobody keeps a place any more.
        await loop.DisposeAsync().Soon();
        await sink.Completion.Soon();
        await bed.RoundTripAsync();
        bed.Time.Advance(2 * Lease);
        await Waiting.UntilAsync(() => bed.Hosts.All(host => host.EndCount == 0));
    }

    [Fact]
    public async Task GrainThatGaveThem_IsDeactivated_TheyLive()
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        var grain = await GrainAsync(bed, Place.SiloA, name);
        var source = await grain.OpenAsync(name, null).Soon();
        var sink = await grain.OpenSinkAsync(name).Soon();
        await DeactivateAsync(bed, grain);

        await sink.WriteAsync([1, 2, 3]);
        Assert.Equal([1, 2, 3], await source.DrainAsync());
    }

    [Fact]
    public async Task GrainThatOpenedThem_IsDeactivated_TheyAreLetGo()
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        var grain = await GrainAsync(bed, Place.SiloB, name);
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        await grain.KeepAsync(await bed[Place.SiloA].GetSinkAsync<int>(name).Soon()).Soon();
        await grain.PutOneKeptAsync(1).Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));
        await DeactivateAsync(bed, grain);
        await Assert.ThrowsAsync<StreamAbandonedException>(async () => await loop.MoveNextAsync()).Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task GiversHostStops_ItsPlacesAreLetGo(bool isClient)
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        var giver = isClient ? Place.Client : Place.SiloB;
        await using var written = await bed[Place.SiloA].GetSinkAsync<int>($"{name}/source").Soon();
        await using var read = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/sink").Soon();
        var grain = await GrainAsync(bed, Place.SiloA, name);
        var keeper = bed[giver].GetGrain<IRefGrain>(name);
        await keeper.KeepAsync(await bed[giver].GetSourceAsync<int>($"{name}/source").Soon()).Soon();
        await keeper.KeepAsync(await bed[giver].GetSinkAsync<int>($"{name}/sink").Soon()).Soon();

        if (isClient) await bed.Orleans.StopClusterClientAsync().Soon();
        else await bed.LoseAsync(bed.Orleans.Silos[1], isKilled: false);

        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => written.Completion).Soon()).Reason);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => read.DrainAsync());
        grain = bed[Place.SiloA].GetGrain<IRefGrain>(name);
        var reading = grain.ReadKeptAsync();   // both at once: each searches for a while
        var putting = grain.PutKeptAsync(1);
        await Assert.ThrowsAsync<StreamSupersededException>(() => reading).Soon();
        await Assert.ThrowsAsync<StreamSupersededException>(() => putting).Soon();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task GiverDies_UsedWithinTheLease_GoesOnElseTheStreamEnds(bool isNamed, bool isUsed)
    {
        // A client that is dead says nothing and hears nothing, and no time passes in it.
        await using var bed = new ClusterBed { Time = new ManualTime(), ClientTime = new ManualTime(), Lease = TimeSpan.FromSeconds(10) };
        await bed.DeployAsync();
        string name = Cluster.Name();
        await using var written = await bed[Place.SiloA].GetSinkAsync<int>($"{name}/source").Soon();
        await using var read = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/sink").Soon();
        await written.PutAllAsync([1, 2, 3]).Soon();
        var grain = await GrainAsync(bed, Place.SiloB, name);
        await grain.KeepAsync(await bed[Place.Client].GetSourceAsync<int>($"{name}/source", isNamed ? "c" : null).Soon()).Soon();
        var sink = await bed[Place.Client].GetSinkAsync<int>($"{name}/sink").Soon();
        var token = sink.HandOver();
        await grain.KeepAsync(new SinkRef<int>(bed.Services(Place.Client), token)).Soon();
        await bed.RoundTripAsync();

        var client = bed.Host(Place.Client);
        bed.Wire.Gate = call => Enumerable.Range(0, call.Request.GetArgumentCount()).Select(call.Request.GetArgument).Any(argument => argument switch
        {
            StreamFrame frame => frame.Peer == token.Writer || client.TryGet(frame.To, out IStreamEnd _),
            StreamDemand demand => (demand.Peer == 1 && !client.TryGet(demand.To, out IStreamEnd _)) || client.TryGet(demand.To, out IStreamEnd _),
            StreamAttachRequest request => request.Process == client.Process,
            StreamSubscribeRequest<int> request => request.Process == client.Process,
            Guid to => client.TryGet(to, out IStreamEnd _),
            _ => false,
        }) ? Task.FromException(new TimeoutException("The client is dead.")) : null;

        grain = bed[Place.SiloB].GetGrain<IRefGrain>(name);
        if (isUsed)
        {
            await written.CompleteAsync().Soon();
            var reading = grain.ReadKeptAsync();
            await bed.DriveAsync(Task.WhenAll(reading, grain.PutKeptAsync(4, 5))).Soon();
            Assert.Equal([1, 2, 3], await reading);
            Assert.Equal([4, 5], await read.DrainAsync());
            return;
        }

        await Assert.ThrowsAsync<StreamAbandonedException>(() => bed.DriveAsync(read.ToListAsync().AsTask())).Soon();
        if (!isNamed)
        {
            await Assert.ThrowsAsync<StreamAbandonedException>(() => written.Completion).Soon();
            return;
        }

        Assert.False(written.Completion.IsCompleted);
        await Assert.ThrowsAsync<StreamSupersededException>(() => grain.ReadKeptAsync()).Soon();
        await written.CompleteAsync().Soon();
        await using var next = await bed[Place.SiloA].GetSourceAsync<int>($"{name}/source", "c").Soon();
        Assert.Equal([1, 2, 3], await next.DrainAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ReceiverDies_AsAnyEndThatDies(bool hasOpened)
    {
        await using var bed = hasOpened ? await ClusterBed.StartAsync(lease: TimeSpan.FromSeconds(8)) : await ClusterBed.StartAsync(new ManualTime(), Lease);
        string name = Cluster.Name();
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();
        await GrainAsync(bed, Place.SiloB, name);
        var grain = bed[Place.SiloA].GetGrain<IRefGrain>(name);
        await grain.KeepAsync(await bed[Place.SiloA].GetSourceAsync<int>(name, options: new() { InitialDemand = 1 }).Soon()).Soon();
        Task reading = hasOpened ? grain.ReadKeptAsync() : Task.CompletedTask;
        for (int i = 0; i < (hasOpened ? 10 : 1); i++) await sink.PutAsync(i).Soon();
        await bed.LoseAsync(bed.Orleans.Silos[1], isKilled: true);

        // Who has not opened it had nothing to lose: the place is kept until its time is over.
        // (A silo that is killed inside this process may still have the time to say that its reader leaves.)
        if (hasOpened)
        {
            await Assert.ThrowsAnyAsync<StreamException>(() => sink.Completion).Soon();
        }
        else
        {
            Assert.False(sink.Completion.IsCompleted);
            bed.Time!.Advance(TimeSpan.FromMinutes(1));
            string why = (await Assert.ThrowsAsync<StreamAbandonedException>(() => sink.Completion).Soon()).Message;
            Assert.Contains("handed over and not used within 00:01:00", why, StringComparison.Ordinal);
        }

        _ = reading.ContinueWith(done => done.Exception, TaskScheduler.Default);
    }

    [Theory]
    [InlineData(Place.SiloA)]
    [InlineData(Place.SiloB)]
    public async Task ProducerDeactivated_WhileTheyAreUnderWay_GoOnExactly(Place holder)
    {
        await using var bed = await ClusterBed.StartAsync();
        string name = Cluster.Name();
        await using var written = await bed[Place.Client].GetSinkAsync<int>(name).Soon();
        await written.PutAllAsync([1, 2, 3]).Soon();
        await GrainAsync(bed, holder, name);
        var grain = bed[Place.Client].GetGrain<IRefGrain>(name);
        await grain.KeepAsync(await bed[Place.Client].GetSourceAsync<int>(name).Soon()).Soon();
        await grain.KeepAsync(await bed[Place.Client].GetSinkAsync<int>(name).Soon()).Soon();
        await RebuildAsync(bed, name);

        var reading = grain.ReadKeptAsync();
        await grain.PutOneKeptAsync(4).Soon();
        await RebuildAsync(bed, name);
        await grain.PutKeptAsync(5).Soon();
        await written.CompleteAsync().Soon();
        var read = await reading.Soon();
        Assert.Equal([1, 2, 3], read.Where(element => element <= 3));
        Assert.Equal([4, 5], read.Where(element => element > 3));
        await written.Completion.Soon();
    }

    [Fact]
    public async Task ProducersSiloKilled_WhileTheyAreUnderWay_GoOnExactly()
    {
        await using var bed = await ClusterBed.StartAsync(lease: TimeSpan.FromSeconds(10));   // in real time: what is lost is a silo
        string name = Cluster.Name();
        await using var starter = await bed[Place.SiloB].GetSinkAsync<int>(name).Soon();   // whoever asks first decides where the producer is
        await using var written = await bed[Place.Client].GetSinkAsync<int>(name).Soon();
        await GrainAsync(bed, Place.SiloA, name);
        var grain = bed[Place.Client].GetGrain<IRefGrain>(name);
        await grain.KeepAsync(await bed[Place.Client].GetSourceAsync<int>(name).Soon()).Soon();
        await grain.KeepAsync(await bed[Place.Client].GetSinkAsync<int>(name).Soon()).Soon();
        await starter.CompleteAsync().Soon();
        await written.PutAllAsync([1, 2, 3]).Soon();
        Assert.NotNull(bed.Host(Place.SiloB).FindProducer<int>(name));
        await bed.LoseAsync(bed.Orleans.Silos[1], isKilled: true);

        grain = bed[Place.SiloA].GetGrain<IRefGrain>(name);   // a call of the client's could be lost with the silo
        var reading = grain.ReadKeptAsync();
        await grain.PutKeptAsync(4, 5).Soon();
        await written.CompleteAsync().Soon();
        var read = await reading.Soon();
        Assert.Equal([1, 2, 3], read.Where(element => element <= 3));
        Assert.Equal([4, 5], read.Where(element => element > 3));
        await written.Completion.Soon();
    }

    [Fact]
    public async Task NobodyToldTheGiver_ItsSinkIsNoWriterAfterARebuild()
    {
        await using var bed = await ClusterBed.StartAsync();
        string name = Cluster.Name();
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        await GrainAsync(bed, Place.SiloB, name);
        var grain = bed[Place.Client].GetGrain<IRefGrain>(name);
        await grain.KeepAsync(await bed[Place.Client].GetSinkAsync<int>(name).Soon()).Soon();

        // That it has been superseded never reaches the client; nor does the farewell of the producer.
        bed.Wire.Gate = call => call.Request.GetArgumentCount() == 1 && call.Request.GetArgument(0) is StreamDemand demand
            && (demand.End?.Reason == StreamEndReason.Superseded || demand.IsMoved) && bed.Host(Place.Client).TryGet(demand.To, out IStreamEnd _)
            ? Task.FromException(new TimeoutException("Lost.")) : null;
        await grain.PutOneKeptAsync(1).Soon();
        await RebuildAsync(bed, name);
        await grain.PutKeptAsync(2).Soon();
        Assert.Equal([1, 2], await source.DrainAsync());   // completed, by the only writer that there is
        bed.Wire.Gate = null;
    }

    [Fact]
    public async Task AnswerOfTheOpeningLost_WithTheProducer_GoesOn()
    {
        await using var bed = await ClusterBed.StartAsync();
        string name = Cluster.Name();
        await using var sink = await bed[Place.Client].GetSinkAsync<int>(name).Soon();
        await sink.PutAllAsync([1, 2, 3]).Soon();
        await GrainAsync(bed, Place.SiloB, name);
        var grain = bed[Place.SiloA].GetGrain<IRefGrain>(name);
        await grain.KeepAsync(await bed[Place.Client].GetSourceAsync<int>(name).Soon()).Soon();

        // The producer has let the reader in, and is gone before that hears of it.
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bed.Wire.AnswerGate = call =>
        {
            if (call.InterfaceMethod.Name != nameof(IStreamProducerGrain<int>.SubscribeAsync)) return null;
            bed.Wire.AnswerGate = null;
            answered.SetResult();
            return lost.Task;
        };
        var reading = grain.ReadKeptAsync();
        await answered.Task.Soon();
        await RebuildAsync(bed, name);
        lost.SetException(new TimeoutException("The answer was lost."));
        await sink.CompleteAsync().Soon();
        Assert.Equal([1, 2, 3], await reading.Soon());
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task StreamLongGone_IsRefused()
    {
        await using var bed = await ClusterBed.StartAsync(new ManualTime(), TimeSpan.FromSeconds(1));
        string name = Cluster.Name();
        var grain = await GrainAsync(bed, Place.SiloA, name);
        var source = await grain.OpenAsync(name, null).Soon();
        var sink = await grain.OpenSinkAsync(name).Soon();
        byte[] sinks = bed.Services(Place.Client).GetRequiredService<Serializer>().SerializeToArray(sink);
        byte[] sources = bed.Services(Place.Client).GetRequiredService<Serializer>().SerializeToArray(source);
        await sink.CompleteAsync().Soon();
        Assert.Equal([], await source.DrainAsync());
        for (int i = 0; i < 8; i++)
        {
            bed.Time!.Advance(TimeSpan.FromSeconds(1));
            await bed.RoundTripAsync();
        }

        await Waiting.UntilAsync(() => bed.Host(Place.SiloA).EndCount == 0);
        await using var other = await bed[Place.SiloA].GetSinkAsync<int>(name).Soon();   // another stream of the name is none of theirs
        var read = bed.Services(Place.Client).GetRequiredService<Serializer>().Deserialize<SourceRef<int>>(sources).DrainAsync();
        var put = bed.Services(Place.Client).GetRequiredService<Serializer>().Deserialize<SinkRef<int>>(sinks).PutAsync(1).AsTask();
        await Assert.ThrowsAsync<StreamSupersededException>(() => read).Soon();
        await Assert.ThrowsAsync<StreamSupersededException>(() => put).Soon();
        await using var reader = await bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await other.WriteAsync([7]);
        Assert.Equal([7], await reader.DrainAsync());
    }

    /// <summary>The producer's activation is deactivated; its ends have another one made.</summary>
    private static async Task RebuildAsync(ClusterBed bed, string name)
    {
        await Waiting.UntilAsync(() => Producer() is { Opened.IsCompleted: true });
        var before = Producer()!.Stream;
        await bed[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        await Waiting.UntilAsync(() => Producer()?.Stream is { } now && now.Id == before.Id && now.Incarnation > before.Incarnation);

        ProducerEnd<int>? Producer() => bed.Host(Place.SiloA).FindProducer<int>(name) ?? bed.Host(Place.SiloB).FindProducer<int>(name);
    }

    private static async Task DeactivateAsync(ClusterBed bed, IGrain grain)
    {
        var management = bed[Place.Client].GetGrain<IManagementGrain>(0);
        await grain.Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        using var limit = new CancellationTokenSource(Waiting.Limit);
        while (await management.GetActivationAddress(grain).AsTask().Soon() is not null) limit.Token.ThrowIfCancellationRequested();
    }

    private static async Task<IRefGrain> GrainAsync(ClusterBed bed, Place at, string name)
    {
        await bed[at].GetGrain<IRefGrain>(name).PingAsync().Soon();
        return bed[Place.Client].GetGrain<IRefGrain>(name);
    }
}
