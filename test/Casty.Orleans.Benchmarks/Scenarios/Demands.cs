namespace Casty.Orleans.Benchmarks;

/// <summary>Windows of several sizes, silo to client.</summary>
internal static class Demands
{
    public static Task RunAsync(Bench bench, string table) => new Race(bench, table).RunAsync("demand, silo to client", 1_000_000,
    [
        new("adaptive: 16, growing to 4,096", count => RunAsync(bench, count, null)),
        Fixed(bench, 1, 0.01),
        Fixed(bench, 2, 0.02),
        Fixed(bench, 16, 0.1),
        Fixed(bench, 256, 0.5),
        Fixed(bench, 4096, 1),
    ]);

    private static Contender Fixed(Bench bench, int demand, double share) =>
        new($"{demand:N0}", count => RunAsync(bench, count, new() { InitialDemand = demand })) { Share = share };

    private static Task RunAsync(Bench bench, int count, StreamConsumerOptions? demand) =>
        Streams.RunAsync(bench.Cluster.SiloB, bench.Cluster.Client, Kind.Price, count, demand);
}
