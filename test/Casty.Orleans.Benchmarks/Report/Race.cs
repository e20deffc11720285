using System.Diagnostics;
using System.Globalization;

namespace Casty.Orleans.Benchmarks;

/// <summary>A system under measurement.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="RunAsync">Moves so many elements, and throws if one is missing. Counts from the lap's last restart to its stop.</param>
internal sealed record Contender(string Name, Func<int, Lap, Task> RunAsync)
{
    public Contender(string name, Func<int, Task> runAsync)
        : this(name, (count, _) => runAsync(count))
    {
    }

    /// <summary>Which part of the elements it moves. A slow system moves fewer, or a run of it would take minutes.</summary>
    public double Share { get; init; } = 1;

    public Goal[] Goals { get; init; } = [];

    public Effort Effort { get; init; } = Effort.Normal;
}

/// <summary>One run, from its start to its end, or from where it was restarted to where it was stopped.</summary>
internal sealed class Lap
{
    private long _bytes;
    private long _start;
    private bool _isStopped;

    public Lap() => Restart();

    public TimeSpan Elapsed { get; private set; }

    public long Allocated { get; private set; }

    public void Restart()
    {
        _bytes = GC.GetTotalAllocatedBytes(precise: true);
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>What comes after the first stop does not count.</summary>
    public void Stop()
    {
        if (_isStopped) return;

        Elapsed = Stopwatch.GetElapsedTime(_start);
        Allocated = GC.GetTotalAllocatedBytes(precise: true) - _bytes;
        _isStopped = true;
    }
}

/// <summary>
/// Measures systems side by side, in turn, so that a noisy machine disturbs them alike. A run is long: streams begin with a small
/// demand, and the compiler needs a while for each system.
/// </summary>
internal sealed class Race(Bench bench, string table)
{
    private readonly Table _table = bench.Report.Table(table, "| what | system | elements/s | ratio to the first | allocated per element | target |",
        "|---|---|---:|---:|---:|---|");

    public async Task RunAsync(string what, int elements, params Contender[] contenders)
    {
        var settings = bench.Settings;
        contenders = [.. contenders.Where(one => settings.Wants(one.Effort, table, $"{what}: {one.Name}"))];
        if (contenders.Length == 0) return;

        var rates = contenders.Select(_ => new List<double>()).ToArray();
        var bytes = contenders.Select(_ => new List<double>()).ToArray();

        // The first runs do not count: the compiler is still at work.
        for (int run = -settings.WarmUps; run < settings.Runs; run++)
        {
            for (int i = 0; i < contenders.Length; i++)
            {
                int count = (int)(settings.Scaled(elements) * contenders[i].Share);
                var lap = new Lap();
                await contenders[i].RunAsync(count, lap);
                lap.Stop();
                if (run < 0) continue;

                rates[i].Add(count / lap.Elapsed.TotalSeconds);
                bytes[i].Add(lap.Allocated / (double)count);
            }
        }

        var measured = contenders.Select((_, i) => new Measured(Median(rates[i]), Median(bytes[i]))).ToArray();
        for (int i = 0; i < contenders.Length; i++)
        {
            var (mine, goals) = (measured[i], contenders[i].Goals);
            _table.Add(string.Create(CultureInfo.InvariantCulture,
                $"| {what} | {contenders[i].Name} | {mine.Rate:N0} | {mine.Rate / measured[0].Rate:0.00} | {mine.Bytes:N0} B | {Goal.Judge(goals, mine, Find)} |"));
        }

        Measured? Find(string name) => Array.FindIndex(contenders, one => one.Name == name) is >= 0 and var at ? measured[at] : null;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
