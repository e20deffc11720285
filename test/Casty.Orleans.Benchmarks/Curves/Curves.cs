using System.Buffers.Binary;

namespace Casty.Orleans.Benchmarks;

/// <summary>The pictures of docs/tuning.md: what a stream does over its demand, its buffer and its byte window, silo to client.</summary>
internal static class Curves
{
    private const string Rate = "elements/s", Waiting = "from the put to the loop";

    public static async Task DrawAsync(BenchmarkCluster cluster, string directory)
    {
        Directory.CreateDirectory(directory);
        await PriceAsync(null, null);   // the compiler's share

        var defaults = await PriceAsync(null, null);
        var demand = await OverAsync(Powers(1, 16_384), window => PriceAsync(null, new() { InitialDemand = window }));
        Draw("demand-throughput", new("Throughput over a fixed window", "InitialDemand set alone: elements outstanding", Rate, "", false,
            [Line("fixed window", demand, flow => flow.Rate), Reference("defaults, 16 growing to 4,096", demand, defaults.Rate)]));
        Draw("demand-waiting", new("Time from the put to the loop over a fixed window, writer never resting",
            "InitialDemand set alone: elements outstanding", Waiting, "µs", true,
            [Line("median", demand, flow => flow.Half), Line("99 % are faster", demand, flow => flow.Most), Reference("defaults, median", demand, defaults.Half)]));

        var buffer = await OverAsync(Powers(1, 65_536), size => PriceAsync(new() { BufferSize = size }, null));
        Draw("buffer-throughput", new("Throughput over the buffer", "BufferSize: elements", Rate, "", false,
            [Line("default demand", buffer, flow => flow.Rate), Reference("default, 1,024", buffer, defaults.Rate)]));
        Draw("buffer-waiting", new("Time from the put to the loop over the buffer, writer never resting", "BufferSize: elements", Waiting, "µs", true,
            [Line("median", buffer, flow => flow.Half), Line("99 % are faster", buffer, flow => flow.Most), Reference("default, median", buffer, defaults.Half)]));

        var bytes = await OverAsync(Powers(64, 65_536), kibibytes => BytesAsync(new() { MaxDemandBytes = kibibytes * 1024L }));
        Draw("bytes-throughput", new("Throughput of elements of 64 KiB over the byte window", "MaxDemandBytes: KiB", "MiB/s", "", false,
            [Line("default demand and buffer", bytes, flow => flow.Rate / 16)]));
        Draw("bytes-waiting", new("Time from the put to the loop of elements of 64 KiB, writer never resting", "MaxDemandBytes: KiB", Waiting, "µs", true,
            [Line("median", bytes, flow => flow.Half), Line("99 % are faster", bytes, flow => flow.Most)]));

        Task<Flow> PriceAsync(StreamProducerOptions? producer, StreamConsumerOptions? consumer) => SteadyFlow.MeasureAsync(
            cluster, now => new Price(Kind.Price[(int)now].Symbol, 100, now), price => price.At, producer, consumer);

        Task<Flow> BytesAsync(StreamConsumerOptions consumer) => SteadyFlow.MeasureAsync(cluster, now =>
        {
            byte[] element = new byte[64 * 1024];
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

    private static IEnumerable<int> Powers(int from, int to)
    {
        for (int power = from; power <= to; power *= 2) yield return power;
    }
}
