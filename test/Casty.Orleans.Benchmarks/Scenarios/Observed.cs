using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Casty.Orleans.Protocol;

namespace Casty.Orleans.Benchmarks;

/// <summary>Streams that nobody listens to, beside the same with every instrument and activity listened to.</summary>
internal static class Observed
{
    private const string Unheard = "nobody listens";
    private const string Heard = "everything is listened to";

    public static async Task RunAsync(Bench bench, string table)
    {
        var (silo, client) = (bench.Cluster.SiloB, bench.Cluster.Client);
        var race = new Race(bench, table);
        await race.RunAsync("observed, within a silo", 6_000_000, Contenders(all => Streams.RunAsync(silo, silo, Kind.Price, all)));
        await race.RunAsync("observed, silo to client", 2_000_000, Contenders(all => Streams.RunAsync(silo, client, Kind.Price, all)));
    }

    /// <summary>What a batch costs that leaves and arrives, and nothing else.</summary>
    public static Task BatchAsync(Bench bench, string table)
    {
        const int Count = 20_000_000;
        string[] systems = [.. new[] { Unheard, Heard }.Where(one => bench.Settings.Wants(Effort.Quick, table, $"batch: {one}"))];
        if (systems.Length == 0) return Task.CompletedTask;

        var rows = bench.Report.Table(table, "| measuring a batch that leaves and arrives | time | allocated |", "|---|---:|---:|");
        using var meter = new Meter(StreamDiagnostics.MeterName);
        var end = new EndMeter(new StreamMetrics(meter, static () => []), "System.Int32", StreamRole.Producer);
        Batch<int>[] batches = [new(0, 1, 0, new ArraySegment<int>(new int[64]))];
        foreach (string system in systems)
        {
            using var ears = system == Heard ? new Ears() : null;
            int count = bench.Settings.Scaled(system == Heard ? Count / 10 : Count);
            Run(count);
            long bytes = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            Run(count);
            var time = Stopwatch.GetElapsedTime(start);
            bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
            rows.Add(string.Create(CultureInfo.InvariantCulture, $"| {system} | {time.TotalNanoseconds / count:0.0} ns | {bytes / count} B |"));
        }

        return Task.CompletedTask;

        void Run(int count)
        {
            for (int i = 0; i < count; i++)
            {
                end.OnSent(batches, resent: 0);
                end.OnReceived(new Arrival(HasElements: true, Elements: 64, Dropped: 0, IsEarly: false));
            }
        }
    }

    private static Contender[] Contenders(Func<int, Task> runAsync) =>
    [
        new(Unheard, runAsync),
        new(Heard, async all =>
        {
            using var ears = new Ears();
            await runAsync(all);
            if (ears.Heard == 0) throw new InvalidOperationException("Nothing was heard.");
        }) { Goals = [Goal.Rate(0.9, Unheard, Unheard)] },
    ];

    /// <summary>Counts everything that there is to hear.</summary>
    private sealed class Ears : IDisposable
    {
        private readonly MeterListener _meters = new();
        private readonly ActivityListener _activities;
        private long _heard;

        public Ears()
        {
            _meters.InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == StreamDiagnostics.MeterName) listener.EnableMeasurementEvents(instrument);
            };
            _meters.SetMeasurementEventCallback<long>((_, _, _, _) => Interlocked.Increment(ref _heard));
            _meters.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref _heard));
            _meters.Start();
            _activities = new ActivityListener
            {
                ShouldListenTo = static source => source.Name == StreamDiagnostics.ActivitySourceName,
                Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = _ => Interlocked.Increment(ref _heard),
            };
            ActivitySource.AddActivityListener(_activities);
        }

        public long Heard => Interlocked.Read(ref _heard);

        public void Dispose()
        {
            _meters.Dispose();
            _activities.Dispose();
        }
    }
}
