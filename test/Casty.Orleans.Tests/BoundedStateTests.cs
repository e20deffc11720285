using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Xunit;
using Xunit.Abstractions;

namespace Casty.Orleans.Tests;

/// <summary>
/// What a process keeps is bounded by the streams and writers that there are, not by those that there have ever been. The ordinary
/// run makes 2,000 of each; CASTY_STREAMS says how many otherwise.
/// </summary>
[Collection(nameof(Alone))]
public sealed class BoundedStateTests(BoundedStateTests.Fixture fixture, ITestOutputHelper output) : IClassFixture<BoundedStateTests.Fixture>
{
    private const int Warm = 400;
    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("CASTY_STREAMS") ?? "2000", CultureInfo.InvariantCulture);
    private readonly ClusterBed _bed = fixture.Bed;

    [Fact]
    public Task ShortLivedStreams_OfFreshNames_LeaveMemoryFlat() => LeavesMemoryFlatAsync("fresh names", i => $"fresh/{i}");

    [Fact]
    public Task ShortLivedStreams_OfNamesUsedAgain_LeaveMemoryFlat() => LeavesMemoryFlatAsync("names used again", i => $"again/{i % 8}");

    [Fact]
    public async Task ShortLivedWriters_OfOneStream_LeaveMemoryFlat()
    {
        string name = Cluster.Name();
        await using var staying = await _bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        int read = 0;
        var reading = Task.Run(async () =>
        {
            await foreach (int _ in source) Interlocked.Increment(ref read);
        });

        await MeasureAsync("writers of one stream", Count, async i =>
        {
            await using var sink = await _bed[(Place)(i % 3)].GetSinkAsync<int>(name).Soon();
            await sink.PutAsync(i).Soon();
            await sink.CompleteAsync().Soon();
            await sink.Completion.Soon();
        }, () => _bed.Host(Place.SiloA).FindProducer<int>(name)!.WriterCount == 1 && _bed.Hosts.Sum(host => host.EndCount) == 3);
        await staying.CompleteAsync().Soon();
        await reading.Soon();
        Assert.Equal(Warm + Count, read);
    }

    /// <summary>Those that say no farewell are forgotten after two leases, and by everybody.</summary>
    [Fact]
    public async Task WritersThatVanish_OfOneStream_LeaveMemoryFlat()
    {
        string name = Cluster.Name();
        await using var staying = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { SubscriptionTimeout = Timeout.InfiniteTimeSpan }).Soon();
        await MeasureAsync("writers that vanish", Count, async i =>
        {
            var writer = await HostileWriter.JoinAsync(_bed.Orleans.Client, name);
            writer.Forget();
        }, () => _bed.Host(Place.SiloA).FindProducer<int>(name)!.WriterCount == 1);
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await staying.PutAsync(1).Soon();
        await staying.CompleteAsync().Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
    }

    private Task LeavesMemoryFlatAsync(string what, Func<int, string> name) => MeasureAsync(what, Count, async i =>
    {
        await using var sink = await _bed[(Place)(i % 3)].GetSinkAsync<int>(name(i)).Soon();
        await using var source = await _bed[(Place)(i / 3 % 3)].GetSourceAsync<int>(name(i), i % 2 == 0 ? "reader" : null).Soon();
        await sink.PutAsync(i).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([i], await source.DrainAsync());
        await sink.Completion.Soon();
    }, () => _bed.Hosts.All(host => host.EndCount == 0));

    /// <summary>Once for what is only made once, then as often as asked for; what comes on top is what each one left.</summary>
    private async Task MeasureAsync(string what, int count, Func<int, Task> run, Func<bool> isClean)
    {
        await RunAsync(0, Warm);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        await RunAsync(Warm, count);
        long kept = GC.GetTotalMemory(forceFullCollection: true) - before;
        output.WriteLine($"{count} {what}: {before:N0} bytes before, {kept:N0} more after, {kept / count} for each.");

        // The run itself leaves something, but no more for 100,000 than for 2,000.
        Assert.True(kept < 2_000_000, $"{kept} bytes are kept after {count} {what}.");

        async Task RunAsync(int first, int count)
        {
            for (int done = 0; done < count; done += 1_000)
            {
                // Names that are used again are so one after the other: whoever is eighth waits for none of its own.
                await Parallel.ForAsync(0, 8, async (lane, _) =>
                {
                    for (int i = done + lane; i < Math.Min(done + 1_000, count); i += 8) await run(first + i);
                });
                for (int i = 0; i < 14; i++)
                {
                    await _bed.RoundTripAsync();
                    _bed.Time!.Advance(TimeSpan.FromSeconds(15));
                }

                await Waiting.UntilAsync(isClean, () => $"Ends are left: {string.Join(", ", _bed.Hosts.Select(host => host.EndCount))}.");
            }
        }
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new()
        {
            Time = new ManualTime(),

            // Orleans remembers where grains were, in a cache that takes 100,000 streams to fill: half a kilobyte each that is not ours.
            Silos = silo => silo.Services.Configure<GrainDirectoryOptions>(options => options.CacheSize = 1_000),
        };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
