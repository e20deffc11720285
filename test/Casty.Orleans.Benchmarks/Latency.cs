using System.Diagnostics;
using System.Globalization;
using Orleans;
using Orleans.Placement;

namespace Casty.Orleans.Benchmarks;

/// <summary>A call that does nothing, to compare with.</summary>
[Alias("bench.IEchoGrain")]
public interface IEchoGrain : IGrainWithIntegerKey
{
    [Alias("echo")]
    Task<Price> EchoAsync(Price price);
}

[PreferLocalPlacement]
public sealed class EchoGrain : Grain, IEchoGrain
{
    public Task<Price> EchoAsync(Price price) => Task.FromResult(price);
}

/// <summary>One element at a time on an idle stream, from the put to the loop that receives it, beside a request and its response.</summary>
internal static class Latency
{
    private const int Count = 5_000;
    private const int WarmUp = 2_000;

    public static async Task<string> MeasureAsync(BenchmarkCluster cluster)
    {
        // The other silo's: each way crosses one connection.
        var grain = cluster.SiloA.GetGrain<IEchoGrain>(0);
        await grain.EchoAsync(Price.Of(0));
        var far = cluster.SiloB.GetGrain<IEchoGrain>(0);

        await using var sink = await cluster.SiloB.GetSinkAsync<Price>("latency");
        await using var source = await cluster.SiloA.GetSourceAsync<Price>("latency");
        await using var loop = source.GetAsyncEnumerator();

        var calls = new List<double>(Count);
        var puts = new List<double>(Count);
        for (int i = -WarmUp; i < Count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await far.EchoAsync(Price.Of(i & 255));
            double call = Stopwatch.GetElapsedTime(start).TotalMicroseconds;

            var next = loop.MoveNextAsync();
            start = Stopwatch.GetTimestamp();
            await sink.PutAsync(Price.Of(i & 255));
            await next;
            double put = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            if (i < 0) continue;
            calls.Add(call);
            puts.Add(put);
        }

        return string.Join('\n', Line("one request and its response", calls, calls), Line("Casty, one element", puts, calls));
    }

    private static string Line(string name, List<double> times, List<double> first) => string.Create(CultureInfo.InvariantCulture,
        $"| {name} | {At(times, 0.5):0} | {At(times, 0.99):0} | {At(times, 0.999):0} | {At(times, 0.5) / At(first, 0.5):0.00} | {At(times, 0.99) / At(first, 0.99):0.00} |");

    private static double At(List<double> times, double part) => times.Order().ElementAt((int)(times.Count * part));
}
