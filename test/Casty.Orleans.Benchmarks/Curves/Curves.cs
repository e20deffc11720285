using System.Buffers.Binary;
using System.Globalization;

namespace Casty.Orleans.Benchmarks;

/// <summary>The pictures of docs/tuning.md: what a stream does over its demand, its buffer and its byte window, silo to client.</summary>
internal static class Curves
{
    public static async Task DrawAsync(BenchmarkCluster cluster, string directory)
    {
        Directory.CreateDirectory(directory);
        for (int i = 0; i < 3; i++) await PriceAsync(null, null);   // the compiler's share

        var defaults = await PriceAsync(null, null);
        var demand = await OverAsync(Powers(1, 16_384), window => PriceAsync(null, new() { InitialDemand = window }));
        Draw("demand-throughput", new("Throughput over a fixed window", "InitialDemand set alone: elements outstanding", "elements/s", Number,
            [Line("fixed window", demand, flow => flow.Rate), Reference("defaults: 16, growing to 4,096", demand, defaults.Rate)]));
        Draw("demand-waiting", new("From the put to the loop, over a fixed window; the writer never rests",
            "InitialDemand set alone: elements outstanding", "time", Time,
            [Line("median", demand, flow => flow.Half), Line("99 % are faster", demand, flow => flow.Most), Reference("defaults, median", demand, defaults.Half)]));

        var buffer = await OverAsync(Powers(1, 65_536), size => PriceAsync(new() { BufferSize = size }, null));
        Draw("buffer-throughput", new("Throughput over the buffer", "BufferSize: elements", "elements/s", Number,
            [Line("default demand", buffer, flow => flow.Rate)]));
        Draw("buffer-waiting", new("From the put to the loop, over the buffer; the writer never rests", "BufferSize: elements", "time", Time,
            [Line("median", buffer, flow => flow.Half), Line("99 % are faster", buffer, flow => flow.Most)]));

        var bytes = await OverAsync(Powers(1, 16_384), kibibytes => KibibytesAsync(new() { MaxDemandBytes = kibibytes * 1024L }));
        Draw("bytes-throughput", new("Throughput of elements of 1 KiB over the byte window", "MaxDemandBytes: KiB", "elements/s", Number,
            [Line("default demand and buffer", bytes, flow => flow.Rate)]));

        Task<Flow> PriceAsync(StreamProducerOptions? producer, StreamConsumerOptions? consumer) => SteadyFlow.MeasureAsync(
            cluster, now => new Price(Kind.Price[(int)now].Symbol, 100, now), price => price.At, producer, consumer);

        Task<Flow> KibibytesAsync(StreamConsumerOptions consumer) => SteadyFlow.MeasureAsync(cluster, now =>
        {
            byte[] element = new byte[1024];
            BinaryPrimitives.WriteInt64LittleEndian(element, now);
            return element;
        }, element => BinaryPrimitives.ReadInt64LittleEndian(element), null, consumer);

        void Draw(string name, Chart chart) => File.WriteAllText(Path.Combine(directory, $"{name}.svg"), chart.ToSvg());
    }

    private static async Task<(int At, Flow Flow)[]> OverAsync(IEnumerable<int> sizes, Func<int, Task<Flow>> measureAsync)
    {
        var flows = new List<(int, Flow)>();
        foreach (int size in sizes)
        {
            var flow = await measureAsync(size);
            Console.Error.WriteLine($"{size,7:N0}: {flow.Rate,12:N0}/s, median {flow.Half,10:N0} µs, 99 % {flow.Most,10:N0} µs");
            flows.Add((size, flow));
        }

        Console.Error.WriteLine();
        return [.. flows];
    }

    private static Series Line(string name, (int At, Flow Flow)[] flows, Func<Flow, double> of) =>
        new(name, [.. flows.Select(point => ((double)point.At, of(point.Flow)))]);

    private static Series Reference(string name, (int At, Flow Flow)[] flows, double value) =>
        new(name, [(flows[0].At, value), (flows[^1].At, value)], IsReference: true);

    private static string Number(double value) =>
        value >= 1e6 ? Invariant($"{value / 1e6:0.##} M") : value >= 1e3 ? Invariant($"{value / 1e3:0.##} k") : Invariant($"{value:0.##}");

    private static string Time(double microseconds) =>
        microseconds >= 1e6 ? Invariant($"{microseconds / 1e6:0.##} s")
        : microseconds >= 1e3 ? Invariant($"{microseconds / 1e3:0.##} ms")
        : Invariant($"{microseconds:0.##} µs");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static IEnumerable<int> Powers(int from, int to)
    {
        for (int power = from; power <= to; power *= 2) yield return power;
    }
}
