namespace Casty.Orleans.Benchmarks;

/// <summary>The same elements over more and more streams at once, silo to client. Opening them is not measured.</summary>
internal static class ManyStreams
{
    public static Task RunAsync(Bench bench, string table) => new Race(bench, table).RunAsync("streams at once, silo to client", 8_000_000,
        Of(bench, 1),
        Of(bench, 10),
        Of(bench, 100),
        Of(bench, 1_000) with { Goals = [Goal.Rate(0.8, Name(1), "one")] },
        Of(bench, 10_000) with { Effort = Effort.Heavy });

    private static string Name(int streams) => streams == 1 ? "1 stream" : $"{streams:N0} streams";

    private static Contender Of(Bench bench, int streams) => new(Name(streams), async (count, lap) =>
    {
        var cluster = bench.Cluster;
        var open = new List<OpenStream<Price>>();
        foreach (var some in Enumerable.Range(0, streams).Chunk(100))
        {
            open.AddRange(await Task.WhenAll(some.Select(_ => Streams.OpenAsync<Price>(cluster.SiloB, cluster.Client))));
        }

        lap.Restart();
        await Task.WhenAll(open.Select((stream, number) => Task.Run(async () =>
        {
            int part = (count / streams) + (number < count % streams ? 1 : 0);
            var writing = Task.Run(() => Streams.WriteAsync(stream.Sink, Kind.Price, part));
            await Check.AllAsync(stream.Source, Kind.Price, part);
            await writing;
        })));
        lap.Stop();
        foreach (var stream in open) await stream.DisposeAsync();
    });
}
