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
    private const int Count = 15_000;
    private const int WarmUp = 5_000;

    public static async Task RunAsync(Bench bench, string table)
    {
        if (!bench.Settings.Wants(Effort.Quick, table, "one element at a time, silo to silo")) return;

        // The grain lives in the other silo: each way crosses one connection.
        var cluster = bench.Cluster;
        await cluster.SiloA.GetGrain<IEchoGrain>(0).EchoAsync(Kind.Price[0]);
        var far = cluster.SiloB.GetGrain<IEchoGrain>(0);

        await using var stream = await Streams.OpenAsync<Price>(cluster.SiloB, cluster.SiloA);
        await using var loop = stream.Source.GetAsyncEnumerator();
        var calls = new List<double>(Count);
        var puts = new List<double>(Count);
        for (int i = -WarmUp; i < Count; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Kind.Price.Expect(await far.EchoAsync(Kind.Price[i]), i);
            double call = Stopwatch.GetElapsedTime(start).TotalMicroseconds;

            var next = loop.MoveNextAsync();
            start = Stopwatch.GetTimestamp();
            await stream.Sink.PutAsync(Kind.Price[i]);
            if (!await next) throw new InvalidOperationException("The stream ended.");
            double put = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            Kind.Price.Expect(loop.Current, i);
            if (i < 0) continue;

            calls.Add(call);
            puts.Add(put);
        }

        var rows = bench.Report.Table(table, "| one element at a time, silo to silo | p50 µs | p99 | p99.9 | p50, ratio | p99, ratio | target |",
            "|---|---:|---:|---:|---:|---:|---|");
        calls.Sort();
        puts.Sort();
        double half = At(puts, 0.5) / At(calls, 0.5), most = At(puts, 0.99) / At(calls, 0.99);
        rows.Add(Row("one request and its response", calls, 1, 1, ""));
        rows.Add(Row("Casty, one element", puts, half, most,
            $"{Judge("p50 ≤ 1.0 × a call", half, 1)}; {Judge("p99 ≤ 2 ×", most, 2)}"));
    }

    private static string Judge(string text, double value, double most) =>
        Goal.Judge(text, value.ToString("0.00", CultureInfo.InvariantCulture), value <= most);

    private static string Row(string name, List<double> sorted, double half, double most, string target) => string.Create(CultureInfo.InvariantCulture,
        $"| {name} | {At(sorted, 0.5):0} | {At(sorted, 0.99):0} | {At(sorted, 0.999):0} | {half:0.00} | {most:0.00} | {target} |");

    private static double At(List<double> sorted, double part) => sorted[(int)(sorted.Count * part)];
}
