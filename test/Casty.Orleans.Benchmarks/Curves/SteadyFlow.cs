using System.Diagnostics;

namespace Casty.Orleans.Benchmarks;

/// <summary>What a stream does whose writer never rests, once it has settled.</summary>
/// <param name="Rate">Elements per second.</param>
/// <param name="Half">Half of them take no longer from the put to the loop, in µs.</param>
/// <param name="Most">99 % take no longer.</param>
internal sealed record Flow(double Rate, double Half, double Most);

internal static class SteadyFlow
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(0.6);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(1);

    /// <summary>The median of three streams, silo to client.</summary>
    public static async Task<Flow> MeasureAsync<T>(
        BenchmarkCluster cluster, Func<long, T> stamped, Func<T, long> stampOf, StreamProducerOptions? buffer, StreamConsumerOptions? demand)
    {
        var flows = new List<Flow>();
        for (int i = 0; i < 3; i++) flows.Add(await OnceAsync(cluster, stamped, stampOf, buffer, demand));
        return new(Median(flow => flow.Rate), Median(flow => flow.Half), Median(flow => flow.Most));

        double Median(Func<Flow, double> of) => flows.Select(of).Order().ElementAt(flows.Count / 2);
    }

    private static async Task<Flow> OnceAsync<T>(
        BenchmarkCluster cluster, Func<long, T> stamped, Func<T, long> stampOf, StreamProducerOptions? buffer, StreamConsumerOptions? demand)
    {
        await using var stream = await Streams.OpenAsync<T>(cluster.SiloB, cluster.Client, buffer, demand);
        long begin = Stopwatch.GetTimestamp() + Ticks(Settling), end = begin + Ticks(Measured);
        int put = 0, read = 0, counted = 0;
        var writing = Task.Run(async () =>
        {
            for (long now = 0; now < end; put++)
            {
                now = Stopwatch.GetTimestamp();
                await stream.Sink.PutAsync(stamped(now));
            }

            await stream.Sink.CompleteAsync();
        });
        var times = new List<long>(1 << 20);
        long last = 0;
        await foreach (var element in stream.Source)
        {
            long stamp = stampOf(element), now = Stopwatch.GetTimestamp();
            if (stamp < last) throw new InvalidOperationException("An element overtook another.");
            last = stamp;
            read++;
            if (now < begin || now >= end) continue;

            counted++;
            times.Add(now - stamp);
        }

        await writing;
        Check.Count(put, read);
        times.Sort();
        return new(counted / Measured.TotalSeconds, At(0.5), At(0.99));

        double At(double part) => Stopwatch.GetElapsedTime(0, times[(int)(times.Count * part)]).TotalMicroseconds;
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}
