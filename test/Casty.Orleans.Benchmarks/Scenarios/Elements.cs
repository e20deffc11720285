namespace Casty.Orleans.Benchmarks;

/// <summary>Elements of several kinds, silo to client.</summary>
internal static class Elements
{
    public static async Task RunAsync(Bench bench, string table)
    {
        var race = new Race(bench, table);
        await RunAsync(race, bench.Cluster, Kind.Int, 2_000_000);
        await RunAsync(race, bench.Cluster, Kind.Price, 1_000_000);
        await RunAsync(race, bench.Cluster, Kind.Bytes1K, 150_000);
        await RunAsync(race, bench.Cluster, Kind.Bytes64K, 3_000);
    }

    private static Task RunAsync<T>(Race race, BenchmarkCluster cluster, Kind<T> kind, int count)
    {
        Contender[] contenders =
        [
            new(Enumerables.Defaults, all => Enumerables.ReadAsync(cluster, cluster.Client, kind, all)) { Share = 0.5 },
            new(Enumerables.Batches, all => Enumerables.ReadAsync(cluster, cluster.Client, kind, all, batch: 1000)),
            new("Casty", all => Streams.RunAsync(cluster.SiloB, cluster.Client, kind, all)),
        ];
        return race.RunAsync(kind.Name, count, contenders);
    }
}
