namespace Casty.Orleans.Benchmarks;

/// <summary>The same elements over more and more streams at once, silo to client. Opening them is not measured.</summary>
internal static class ManyStreams
{
    public static Task RunAsync(Bench bench, string table) => new Race(bench, table).RunAsync("streams at once, silo to client", 8_000_000,
        Of(bench, 1),
        Of(bench, 10),
        Of(bench, 100),
        Of(bench, 1_000) with { Goals = [Goal.Rate(0.8, Name(1), "one")] },
        Narrow(bench, 1_000, 1_024),
        Narrow(bench, 1_000, 512),
        Narrow(bench, 1_000, 256),
        Of(bench, 10_000) with { Effort = Effort.Heavy });

    private static string Name(int streams) => streams == 1 ? "1 stream" : $"{streams:N0} streams";

    /// <summary>Streams that hold less each: of that many elements, in the buffer and on the way to the reader.</summary>
    private static Contender Narrow(Bench bench, int streams, int window) =>
        Of(bench, streams, new() { BufferSize = window }, new() { MaxDemand = window }) with { Name = $"{Name(streams)}, {window:N0} elements each", Effort = Effort.Heavy };

    private static Contender Of(Bench bench, int streams, StreamProducerOptions? buffer = null, StreamConsumerOptions? demand = null) => new(Name(streams), async (count, lap) =>
    {
        var cluster = bench.Cluster;
        var open = new List<OpenStream<Price>>();
        foreach (var some in Enumerable.Range(0, streams).Chunk(100))
        {
            open.AddRange(await Task.WhenAll(some.Select(_ => Streams.OpenAsync<Price>(cluster.SiloB, cluster.Client, buffer, demand))));
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
