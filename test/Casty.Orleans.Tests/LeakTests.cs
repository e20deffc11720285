using System.Runtime.CompilerServices;
using Orleans;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>However streams end, nothing of them is left.</summary>
[Collection(nameof(Alone))]
public sealed class LeakTests(LeakTests.Fixture fixture) : IClassFixture<LeakTests.Fixture>
{
    private readonly ClusterBed _bed = fixture.Bed;

    public enum Ending
    {
        Completed,
        CompletedUnread,
        Failed,
        BrokenOff,
        CancelledByToken,
        SinkDisposed,
        SourceDisposed,
        Detached,
        SinkWithdrawn,
        SourceWithdrawn,
        Refused,
    }

    [Fact]
    public async Task ThousandStreams_LeaveNothing()
    {
        await RunAsync(100);
        await AssertNothingIsLeftAsync();
        long before = Memory();

        var elements = await RunAsync(1_000);
        await AssertNothingIsLeftAsync();

        Assert.True(elements.Count > 1_000);
        await Waiting.UntilAsync(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return elements.TrueForAll(element => !element.IsAlive);
        }, () => $"{elements.Count(element => element.IsAlive)} of {elements.Count} elements are kept.");

        // Orleans itself remembers for a while where grains were: some of what is left is its own.
        long kept = (Memory() - before) / 1_000;
        Assert.True(kept < 4_096, $"{kept} bytes are kept for each stream.");
    }

    [Theory]
    [InlineData(Ending.Completed)]
    [InlineData(Ending.CompletedUnread)]
    [InlineData(Ending.Failed)]
    [InlineData(Ending.BrokenOff)]
    [InlineData(Ending.CancelledByToken)]
    [InlineData(Ending.SinkDisposed)]
    [InlineData(Ending.SourceDisposed)]
    [InlineData(Ending.Detached)]
    [InlineData(Ending.SinkWithdrawn)]
    [InlineData(Ending.SourceWithdrawn)]
    [InlineData(Ending.Refused)]
    public async Task EveryEnding_LeavesNothing(Ending ending)
    {
        var elements = new List<WeakReference>();
        for (int i = 0; i < 9; i++) await RunOneAsync(ending, (Place)(i / 3), (Place)(i % 3), elements);
        await AssertNothingIsLeftAsync();
    }

    [Fact]
    public async Task OpenStream_IsSeenByThisTest()
    {
        string name = Cluster.Name();
        await using (await _bed[Place.SiloA].GetSinkAsync<Payload>(name).Soon())
        await using (await _bed[Place.Client].GetSourceAsync<Payload>(name).Soon())
        {
            Assert.True(_bed.Host(Place.SiloA).EndCount >= 2);
            Assert.True(_bed.Host(Place.Client).EndCount >= 1);
            Assert.True(_bed.Host(Place.SiloA).ObserverCount == 2);
            Assert.True(_bed.Host(Place.Client).ObserverCount == 2);
            await Waiting.UntilAsync(() => _bed.Time!.Timers >= 2);
            Assert.Single(await ActivationsAsync());
        }

        await AssertNothingIsLeftAsync();
    }

    private async Task<List<WeakReference>> RunAsync(int count)
    {
        var elements = new List<WeakReference>();
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
            await RunOneAsync((Ending)(i % 11), (Place)(i / 11 % 3), (Place)(i / 33 % 3), elements));
        return elements;
    }

    private async Task RunOneAsync(Ending ending, Place writer, Place reader, List<WeakReference> elements)
    {
        string name = Cluster.Name();
        using var cancel = new CancellationTokenSource();
        if (ending == Ending.SinkWithdrawn)
        {
            // One that was faster than its cancellation abandons a stream that nobody reads: that is kept for this long.
            var getting = _bed[writer].GetSinkAsync<Payload>(name, new() { SubscriptionTimeout = TimeSpan.FromSeconds(5) }, cancel.Token);
            await cancel.CancelAsync();
            await DisposeAnywayAsync(getting);
            return;
        }

        if (ending == Ending.SourceWithdrawn)
        {
            var getting = _bed[reader].GetSourceAsync<Payload>(name, cancellationToken: cancel.Token);
            await cancel.CancelAsync();
            await DisposeAnywayAsync(getting);
            return;
        }

        await using var sink = await _bed[writer].GetSinkAsync<Payload>(name, new() { BufferSize = 4 }).Soon();
        await using var source = await _bed[reader].GetSourceAsync<Payload>(name, "c").Soon();
        for (int i = 0; i < 3; i++) await sink.PutAsync(Tracked(elements)).Soon();

        switch (ending)
        {
            case Ending.Completed:
                await sink.CompleteAsync().Soon();
                Assert.Equal(3, await source.CountAsync().Soon());
                await sink.Completion.Soon();
                break;

            case Ending.CompletedUnread:
                await sink.CompleteAsync().Soon();
                break;

            case Ending.Failed:
                await sink.FailAsync(new SensorException("Boom.", 1)).Soon();
                await Assert.ThrowsAsync<SensorException>(() => source.CountAsync().Soon());
                break;

            case Ending.BrokenOff:
                await foreach (var _ in source) break;
                break;

            case Ending.CancelledByToken:
                await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
                {
                    await foreach (var _ in source.WithCancellation(cancel.Token)) await cancel.CancelAsync();
                }).Soon();
                break;

            case Ending.SinkDisposed:
                await sink.DisposeAsync().Soon();
                await Assert.ThrowsAsync<StreamAbandonedException>(() => source.CountAsync().Soon());
                break;

            case Ending.SourceDisposed:
                await source.DisposeAsync().Soon();
                break;

            case Ending.Detached:
                await source.Reader.ReadAsync().Soon();
                await source.DetachAsync().Soon();
                await sink.CompleteAsync().Soon();
                await using (var next = await _bed[reader].GetSourceAsync<Payload>(name, "c").Soon())
                {
                    Assert.Equal(2, await next.CountAsync().Soon());
                }

                break;

            case Ending.Refused:
                await Assert.ThrowsAsync<StreamOccupiedException>(() => _bed[writer].GetSourceAsync<Payload>(name, "other").Soon());
                await Assert.ThrowsAsync<ArgumentException>(() => _bed[reader].GetSinkAsync<Payload>(name, new() { BufferSize = 5 }).Soon());
                break;
        }
    }

    private async Task AssertNothingIsLeftAsync()
    {
        // What was said last may be lost, and a small record is kept: both for two leases at most.
        await _bed.SettleAsync();
        for (int i = 0; i < 20; i++) await PassAsync();
        await Waiting.UntilAsync(() => _bed.Hosts.All(host => host.EndCount == 0), () => $"Ends are left: {Left(host => host.EndCount)}.");

        // An observer lingers from its last use on, and a call that was cancelled may have let go of it only now: it is undone behind our back.
        await Waiting.UntilAsync(() => _bed.Hosts.All(host => host.ObserverCount == 0), () => $"Observers are left: {Left(host => host.ObserverCount)}.", PassAsync);
        await Waiting.UntilAsync(() => _bed.Time!.Timers == 0, () => $"{_bed.Time!.Timers} timers are left.");

        // Deactivation is Orleans' own business, but it has been asked for.
        string[] left;
        using var guard = new CancellationTokenSource(Waiting.Limit);
        do
        {
            left = await ActivationsAsync();
        }
        while (left.Length > 0 && !guard.IsCancellationRequested);
        Assert.Empty(left);
    }

    private async Task PassAsync()
    {
        _bed.Time!.Advance(TimeSpan.FromSeconds(10));
        await _bed.RoundTripAsync();
    }

    private async Task<string[]> ActivationsAsync()
    {
        var management = _bed[Place.Client].GetGrain<IManagementGrain>(0);
        var grains = await management.GetDetailedGrainStatistics().Soon();
        return [.. grains.Select(one => one.GrainId.ToString()).Where(id => id.StartsWith("casty.", StringComparison.Ordinal))];
    }

    private string Left(Func<StreamHost, int> count) => string.Join(", ", _bed.Hosts.Select(count));

    private static async Task DisposeAnywayAsync<TRef>(Task<TRef> getting)
        where TRef : IAsyncDisposable
    {
        try
        {
            await using var one = await getting.Soon();
        }
        catch (OperationCanceledException)
        {
            // It was in time.
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Payload Tracked(List<WeakReference> elements)
    {
        var element = new Payload { Bytes = new byte[1_000] };
        lock (elements) elements.Add(new WeakReference(element));
        return element;
    }

    private static long Memory()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime() };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}

/// <summary>An element that is handed over as it is where it does not leave the process.</summary>
[GenerateSerializer, Immutable, Alias("tests.Payload")]
public sealed class Payload
{
    [Id(0)]
    public required byte[] Bytes { get; init; }
}

/// <summary>For tests that look at the whole process: nothing runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
