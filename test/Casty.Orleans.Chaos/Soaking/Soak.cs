using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Casty.Orleans.Chaos.Soaking;

/// <summary>Streams are opened and ended in every way, all the time, and nothing may grow.</summary>
internal static class Soak
{
    private const int Workers = 12;
    private const int Samples = 30;

    /// <summary>300 streams a second, however fast the machine is at the moment: what is there at a time depends on it.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(1_000.0 * Workers / 300);

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static async Task<bool> RunAsync(string[] args)
    {
        var duration = TimeSpan.FromMinutes(args switch
        {
            [] => 30,
            ["--minutes", var text] when double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double minutes) && minutes > 0 => minutes,
            _ => throw new UsageException("soak knows only '--minutes' and a number."),
        });

        await using var cluster = await SoakCluster.StartAsync();
        var problems = new ConcurrentQueue<string>();
        var samples = new List<Sample>();
        long streams = 0;
        using var stop = new CancellationTokenSource();
        var workers = Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(worker))).ToArray();

        Console.WriteLine(Sample.Header);
        long start = Stopwatch.GetTimestamp();
        for (int i = 1; i <= Samples && problems.Count < 5; i++)
        {
            var wait = duration * i / Samples - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero) await Task.Delay(wait);
            samples.Add(await Sample.TakeAsync(cluster, Interlocked.Read(ref streams)));
            Console.WriteLine(samples[^1].Row(Stopwatch.GetElapsedTime(start)));
        }

        await stop.CancelAsync();
        await Task.WhenAll(workers);
        await AssertNothingIsLeftAsync(cluster, problems);
        AssertFlat(samples, problems);
        foreach (string problem in problems) Console.WriteLine($"VIOLATED: {problem}");
        Console.WriteLine(problems.IsEmpty ? $"soak: OK, {streams:N0} streams" : $"soak: {problems.Count} violations");
        return problems.IsEmpty;

        async Task WorkAsync(int worker)
        {
            var dice = new Random(worker);
            using var pace = new PeriodicTimer(Pace);
            while (await pace.WaitForNextTickAsync() && !stop.IsCancellationRequested)
            {
                var ending = (Ending)dice.Next(Enum.GetValues<Ending>().Length);
                int writer = dice.Next(3), reader = dice.Next(3);
                long number = Interlocked.Increment(ref streams);
                try
                {
                    await ShortStream.RunAsync(ending, $"soak-{number}", cluster.Grains[writer], cluster.Grains[reader]).WaitAsync(Limit);
                }
                catch (Exception exception)
                {
                    problems.Enqueue($"Stream {number}, {ending} from {writer} to {reader}: {exception.GetType().Name}: {exception.Message}");
                }
            }
        }
    }

    private static async Task AssertNothingIsLeftAsync(SoakCluster cluster, ConcurrentQueue<string> problems)
    {
        // What was said last may be lost, and a small record is kept: both for two leases at most. Then Orleans deactivates.
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            GC.Collect();
            int ends = cluster.Ends, observers = cluster.Observers, activations = await cluster.CountActivationsAsync();
            if (ends == 0 && observers == 0 && activations == 0) return;
            if (Stopwatch.GetElapsedTime(start) > 4 * SoakCluster.Lease + TimeSpan.FromSeconds(30))
            {
                problems.Enqueue($"After everything had ended, {ends} ends, {observers} observers and {activations} activations are left.");
                return;
            }

            await Task.Delay(500);
        }
    }

    /// <summary>Compares the second fifth, when everything is warm, with the last.</summary>
    private static void AssertFlat(List<Sample> samples, ConcurrentQueue<string> problems)
    {
        if (samples.Count < Samples) return;   // something else went wrong
        int fifth = Samples / 5;
        foreach (var (name, of, factor, beyond) in Sample.Flat)
        {
            long second = Median(samples.Skip(fifth)), last = Median(samples.Skip(4 * fifth));
            bool isFlat = last <= second * factor + beyond;
            Console.WriteLine($"{name,14}: {second:N0} then, {last:N0} now: {(isFlat ? "flat" : "GROWN")} (up to {factor:F2} times and {beyond:N0} are none)");
            if (!isFlat) problems.Enqueue($"The {name} grew from {second:N0} to {last:N0}.");

            long Median(IEnumerable<Sample> from) => from.Take(fifth).Select(of).Order().ElementAt(fifth / 2);
        }
    }
}
