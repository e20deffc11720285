namespace Casty.Orleans.Benchmarks;

/// <summary>As fast as it goes, from each place to each.</summary>
internal static class Throughput
{
    private const int Many = 3_000_000;

    public static async Task RunAsync(Bench bench, string table)
    {
        var cluster = bench.Cluster;
        var race = new Race(bench, table);
        var usual = Kind.Price;

        await race.RunAsync("within a silo", 10_000_000,
            new(BoundedChannel.Name, BoundedChannel.RunAsync) { Effort = Effort.Quick },
            new("Casty", count => Streams.RunAsync(cluster.SiloA, cluster.SiloA, usual, count))
            {
                Effort = Effort.Quick,
                Goals = [Goal.Rate(2, BoundedChannel.Name, "a channel"), Goal.Bytes(8)],
            });

        await race.RunAsync("silo to client", Many,
            new(Enumerables.Defaults, count => Enumerables.ReadAsync(cluster, cluster.Client, usual, count)) { Effort = Effort.Quick, Share = 0.4 },
            new(Enumerables.Batches, count => Enumerables.ReadAsync(cluster, cluster.Client, usual, count, batch: 1000)) { Effort = Effort.Quick },
            new(GrpcRival.Name, async count => await (await bench.WebAsync()).Grpc.DownloadAsync(count)) { Share = 0.2 },
            new(SignalRRival.Name, async count => await (await bench.WebAsync()).SignalR.DownloadAsync(count)) { Share = 0.2 },
            new(MemoryStreams.Single, async count => await (await bench.MemoryStreamsAsync()).RunAsync(count, batch: 1)) { Share = 0.003 },
            new(MemoryStreams.Batched, async count => await (await bench.MemoryStreamsAsync()).RunAsync(count, MemoryStreams.Batch)) { Share = 0.1 },
            new(Pushes.Name, count => Pushes.RunAsync(cluster, cluster.Client, count)) { Effort = Effort.Quick },
            new("Casty", count => Streams.RunAsync(cluster.SiloB, cluster.Client, usual, count))
            {
                Effort = Effort.Quick,
                Goals =
                [
                    Goal.Rate(5, Enumerables.Defaults, "defaults"), Goal.Rate(1.5, Enumerables.Batches, "batches of 1,000"),
                    Goal.Rate(0.8, Pushes.Name, "the pushes"), Goal.BytesOf(Enumerables.Defaults, "IAsyncEnumerable"),
                ],
            });

        await race.RunAsync("silo to silo", Many,
            new(Enumerables.Defaults, count => Enumerables.ReadAsync(cluster, cluster.SiloA, usual, count)) { Share = 0.4 },
            new(Enumerables.Batches, count => Enumerables.ReadAsync(cluster, cluster.SiloA, usual, count, batch: 1000)),
            new(Pushes.Name, count => Pushes.RunAsync(cluster, cluster.SiloA, count)),
            new("Casty", count => Streams.RunAsync(cluster.SiloB, cluster.SiloA, usual, count))
            {
                Goals =
                [
                    Goal.Rate(5, Enumerables.Defaults, "defaults"), Goal.Rate(1.5, Enumerables.Batches, "batches of 1,000"),
                    Goal.Rate(0.8, Pushes.Name, "the pushes"), Goal.BytesOf(Enumerables.Defaults, "IAsyncEnumerable"),
                ],
            });

        await race.RunAsync("silo to client, the producer awaits between elements", 1_000_000,
            new(Enumerables.Defaults, count => Enumerables.ReadAwaitingAsync(cluster, cluster.Client, count)) { Effort = Effort.Quick, Share = 0.02 },
            new("Casty", count => Streams.RunAwaitingAsync(cluster.SiloB, cluster.Client, count))
            {
                Effort = Effort.Quick,
                Goals = [Goal.Rate(30, Enumerables.Defaults, "defaults"), Goal.BytesOf(Enumerables.Defaults, "IAsyncEnumerable")],
            });

        await race.RunAsync("client to silo", Many,
            new(Enumerables.Download, count => Enumerables.ReadAsync(cluster, cluster.Client, usual, count)) { Effort = Effort.Quick, Share = 0.4 },
            new(GrpcRival.Name, async count => await (await bench.WebAsync()).Grpc.UploadAsync(count)) { Share = 0.02 },
            new(SignalRRival.Name, async count => await (await bench.WebAsync()).SignalR.UploadAsync(count)) { Share = 0.2 },
            new("Casty", count => Streams.RunAsync(cluster.Client, cluster.SiloB, usual, count))
            {
                Effort = Effort.Quick,
                Goals = [Goal.Rate(4, Enumerables.Download, "the download"), Goal.BytesOf(Enumerables.Download, "it")],
            });

        await race.RunAsync("client through a silo to a client", Many,
            new(Enumerables.Download, count => Enumerables.ReadAsync(cluster, cluster.Client, usual, count)) { Share = 0.4 },
            new("Casty", count => Streams.RunAsync(cluster.Client, cluster.Client, usual, count))
            {
                Goals = [Goal.Rate(3, Enumerables.Download, "the download"), Goal.BytesOf(Enumerables.Download, "it")],
            });
    }
}
