using System.Diagnostics;
using System.Globalization;

namespace Casty.Orleans.Benchmarks;

/// <summary>A reader that stands still: what its producer makes of it, and what another stream notices.</summary>
internal static class Stalled
{
    private const int Million = 1_000_000;

    /// <summary>What a stream holds whose reader has taken one element: the buffer, and what was asked for.</summary>
    private const int Owed = StreamProducerOptions.DefaultBufferSize + StreamConsumerOptions.DefaultInitialDemand;

    public static async Task ProducedAsync(Bench bench, string table)
    {
        var rows = bench.Report.Table(table, "| the reader stalls after the first of 1,000,000 elements, silo to client | produced | target |", "|---|---:|---|");
        var cluster = bench.Cluster;

        await RunAsync("Casty", Effort.Quick, StallAsync);
        await RunAsync(Enumerables.Defaults, Effort.Normal, until => Enumerables.StallAsync(cluster, Million, until));
        await RunAsync(Enumerables.Batches, Effort.Normal, until => Enumerables.StallAsync(cluster, Million, until, batch: 1000));
        await RunAsync(GrpcRival.Name, Effort.Normal, async until => await (await bench.WebAsync()).Grpc.StallAsync(Million, until));
        await RunAsync(SignalRRival.Name, Effort.Normal, async until => await (await bench.WebAsync()).SignalR.StallAsync(Million, until));
        await RunAsync(MemoryStreams.Batched, Effort.Normal, async until => await (await bench.MemoryStreamsAsync()).StallAsync(Million, until));
        await RunAsync(Pushes.Name, Effort.Normal, until => Pushes.RunAsync(cluster, cluster.Client, Million, until));

        async Task RunAsync(string system, Effort effort, Func<Task, Task> stallAsync)
        {
            if (!bench.Settings.Wants(effort, table, system)) return;

            Produced.Reset();
            var until = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var stalling = stallAsync(until.Task);
            int produced = await SettledAsync();
            until.SetResult();
            await stalling;

            // Whether the reader has asked for another one in the place of the first is up to what was on its way at that moment.
            string target = system == "Casty" ? Goal.Judge("buffer and demand, exactly", $"{Owed:N0}", produced is Owed or Owed + 1) : "";
            rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {system} | {produced:N0} | {target} |"));
        }

        async Task StallAsync(Task until)
        {
            await using var stream = await Streams.OpenAsync<Price>(cluster.SiloB, cluster.Client);
            var writing = Task.Run(async () =>
            {
                for (int i = 0; i < Million; i++)
                {
                    await stream.Sink.PutAsync(Kind.Price[i]);
                    Produced.Add();
                }
            });
            await foreach (var _ in stream.Source)
            {
                await until;
                break;
            }

            try
            {
                await writing;
            }
            catch (StreamClosedException)
            {
                // The reader has left.
            }
        }
    }

    public static Task BesideAsync(Bench bench, string table) => new Race(bench, table).RunAsync("a fast stream, silo to client", 2_000_000,
        Beside(bench, 0, "Casty, alone"),
        Beside(bench, 1, "Casty, beside one whose reader stalls") with { Goals = [Goal.Rate(0.9, "Casty, alone", "alone")] },
        Beside(bench, 100, "Casty, beside 100 whose readers stall"));

    private static Contender Beside(Bench bench, int stalled, string name) => new(name, async (count, lap) =>
    {
        var cluster = bench.Cluster;
        var streams = new List<OpenStream<Price>>();
        for (int i = 0; i < stalled; i++)
        {
            var stream = await Streams.OpenAsync<Price>(cluster.SiloB, cluster.Client);
            streams.Add(stream);
            for (int put = 0; put < Owed; put++) await stream.Sink.PutAsync(Kind.Price[put]);
        }

        lap.Restart();
        await Streams.RunAsync(cluster.SiloB, cluster.Client, Kind.Price, count);
        lap.Stop();
        foreach (var stream in streams) await stream.DisposeAsync();
    });

    /// <summary>How much was produced once nothing more is for two seconds; in any case after twenty.</summary>
    private static async Task<int> SettledAsync()
    {
        int last = 0;
        long since = Stopwatch.GetTimestamp(), start = since;
        while (last < Million && Stopwatch.GetElapsedTime(since).TotalSeconds < 2 && Stopwatch.GetElapsedTime(start).TotalSeconds < 20)
        {
            await Task.Delay(50);
            int now = Produced.Count;
            if (now != last || now == 0) since = Stopwatch.GetTimestamp();
            last = now;
        }

        return last;
    }
}
