using Casty.Orleans.Benchmarks;

// Medians of several runs of each system in turn, so that a noisy machine disturbs them alike; judge the ratios. A run is long: streams
// begin with a small demand, and the compiler needs a while for each system.
int runs = args.Contains("--quick") ? 1 : 5;
string only = args is [.., "--only", var text] ? text : "";
await using var cluster = await BenchmarkCluster.StartAsync();
var table = new ResultTable(runs, only);

await table.MeasureAsync("within a silo", 10_000_000,
    new("bounded channel", InProcess.ChannelAsync),
    new("Casty", count => InProcess.CastyAsync(cluster, count)));

await table.MeasureAsync("silo to client", 3_000_000,
    new("IAsyncEnumerable, defaults", count => Enumerables.ReadAsync(cluster.Client, count, batch: null)),
    new("IAsyncEnumerable, batches of 1,000", count => Enumerables.ReadAsync(cluster.Client, count, batch: 1000)),
    new("awaited pushes of 1,024, four in flight", count => Pushes.RunAsync(cluster.Client, count)),
    new("Casty", count => Streams.RunAsync(cluster.SiloB, cluster.Client, count)));

await table.MeasureAsync("silo to silo", 3_000_000,
    new("IAsyncEnumerable, defaults", count => Enumerables.ReadAsync(cluster.SiloA, count, batch: null)),
    new("IAsyncEnumerable, batches of 1,000", count => Enumerables.ReadAsync(cluster.SiloA, count, batch: 1000)),
    new("Casty", count => Streams.RunAsync(cluster.SiloB, cluster.SiloA, count)));

await table.MeasureAsync("silo to client, the producer awaits between elements", 60_000,
    new("IAsyncEnumerable, defaults", count => Enumerables.ReadAwaitingAsync(cluster.Client, count)),
    new("Casty", count => Streams.RunAwaitingAsync(cluster.SiloB, cluster.Client, count)));

await table.MeasureAsync("client to silo", 3_000_000,
    new("IAsyncEnumerable download, defaults", count => Enumerables.ReadAsync(cluster.Client, count, batch: null)),
    new("Casty", count => Streams.RunAsync(cluster.Client, cluster.SiloB, count)));

await table.MeasureAsync("client through a silo to a client", 3_000_000,
    new("IAsyncEnumerable download, defaults", count => Enumerables.ReadAsync(cluster.Client, count, batch: null)),
    new("Casty", count => Streams.RunAsync(cluster.Client, cluster.Client, count)));

Console.WriteLine(table.ToMarkdown());
if (!"one at a time".Contains(only, StringComparison.Ordinal)) return;

Console.WriteLine("| one element at a time, silo to silo | p50 µs | p99 | p99.9 | p50, ratio | p99, ratio |");
Console.WriteLine("|---|---:|---:|---:|---:|---:|");
Console.WriteLine(await Latency.MeasureAsync(cluster));
