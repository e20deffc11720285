using System.Diagnostics;
using System.Globalization;
using Orleans;

namespace Casty.Orleans.Benchmarks;

/// <summary>Streams whose readers wait and on which nothing happens: what they hold, and what it takes to keep them.</summary>
internal static class Idle
{
    private const int Count = 10_000;
    private const string OnASilo = "Casty, within a silo";

    private static int _key;

    /// <summary>Ends speak every third of a lease; twice that.</summary>
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(40);

    /// <summary>What opening and closing leave to be done is done by then, and all ends have spoken: the compiler knows what they do.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(45);

    public static async Task RunAsync(Bench bench, string table)
    {
        var rows = bench.Report.Table(table, $"| {Count:N0} idle streams, all their ends | held each | share of a core, beyond the cluster's own | target |", "|---|---:|---:|---|");
        var cluster = bench.Cluster;
        (string Name, Func<Task<IAsyncDisposable>> OpenAsync)[] systems =
        [
            (OnASilo, () => OpenAsync(cluster.SiloB, cluster.SiloB)),
            ("Casty, silo to client", () => OpenAsync(cluster.SiloB, cluster.Client)),
            ("IAsyncEnumerable, silo to client", () => OpenSequenceAsync(cluster)),
        ];
        systems = [.. systems.Where(one => bench.Settings.Wants(Effort.Heavy, table, one.Name))];
        if (systems.Length == 0) return;

        await bench.StopRivalsAsync();
        var measured = new List<(string Name, long Bytes, double Share)>();
        foreach (var (name, openAsync) in systems)
        {
            // Whatever opening needs once is there before it counts.
            await CloseAsync([await openAsync()]);
            long before = Held();
            var open = new List<IAsyncDisposable>();
            foreach (var some in Enumerable.Range(0, Count).Chunk(100)) open.AddRange(await Task.WhenAll(some.Select(_ => openAsync())));

            measured.Add((name, (Held() - before) / Count, await WatchAsync()));
            await CloseAsync(open);
        }

        // Last, when the compiler has long been done.
        double nothing = await WatchAsync();
        foreach (var (name, bytes, all) in measured)
        {
            double share = Math.Max(0, all - nothing);
            string target = name != OnASilo ? "" : string.Create(CultureInfo.InvariantCulture,
                $"{Goal.Judge("≤ 8 KiB", $"{bytes / 1024.0:0.0}", bytes <= 8 * 1024)}; {Goal.Judge("< 2 %", $"{share * 100:0.0}", share < 0.02)}");
            rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {name} | {bytes:N0} B | {share * 100:0.0} % | {target} |"));
        }
    }

    private static async Task<IAsyncDisposable> OpenAsync(IGrainFactory writer, IGrainFactory reader)
    {
        var stream = await Streams.OpenAsync<Price>(writer, reader);
        await stream.Sink.PutAsync(Kind.Price[0]);
        var loop = stream.Source.GetAsyncEnumerator();
        return await WaitingAsync(loop, stream.DisposeAsync);
    }

    private static async Task<IAsyncDisposable> OpenSequenceAsync(BenchmarkCluster cluster)
    {
        int key = Interlocked.Increment(ref _key);
        await cluster.SiloB.GetGrain<ISequenceGrain<Price>>(key).PlaceAsync();
        var leaving = new CancellationTokenSource();
        var loop = cluster.Client.GetGrain<ISequenceGrain<Price>>(key).Idle(Kind.Price.Size, leaving.Token).GetAsyncEnumerator(leaving.Token);
        return await WaitingAsync(loop, async () => await leaving.CancelAsync());
    }

    /// <summary>One element has come, and the reader waits for another.</summary>
    private static async Task<IAsyncDisposable> WaitingAsync(IAsyncEnumerator<Price> loop, Func<ValueTask> leaveAsync)
    {
        if (!await loop.MoveNextAsync()) throw new InvalidOperationException("The stream ended.");
        Kind.Price.Expect(loop.Current, 0);
        return new Waiting(loop, loop.MoveNextAsync().AsTask(), leaveAsync);
    }

    private static async Task CloseAsync(List<IAsyncDisposable> open)
    {
        foreach (var some in open.Chunk(100)) await Task.WhenAll(some.Select(one => one.DisposeAsync().AsTask()));
    }

    /// <summary>What is alive, and not the gaps that opening has left between.</summary>
    private static long Held()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>The share of a core that this process takes.</summary>
    private static async Task<double> WatchAsync()
    {
        await Task.Delay(Settling);
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(Watched);
        process.Refresh();
        return (process.TotalProcessorTime - before) / Stopwatch.GetElapsedTime(start);
    }

    private sealed class Waiting(IAsyncEnumerator<Price> loop, Task<bool> next, Func<ValueTask> leaveAsync) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (next.IsCompleted) throw new InvalidOperationException("Something came on an idle stream.");
            await leaveAsync();
            await Task.WhenAny(next);
            try
            {
                await loop.DisposeAsync();
            }
            catch (OperationCanceledException)
            {
                // That is how the rival's sequence ends.
            }
        }
    }
}
