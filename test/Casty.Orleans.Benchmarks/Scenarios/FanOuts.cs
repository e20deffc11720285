namespace Casty.Orleans.Benchmarks;

/// <summary>One writer and several consumers, silo to client: what the writer puts in a second. A broadcast delivers each element to every consumer.</summary>
internal static class FanOuts
{
    public static Task RunAsync(Bench bench, string table) => new Race(bench, table).RunAsync("one writer, silo to client", 2_000_000,
        Of(bench, StreamDelivery.Single, 1),
        Of(bench, StreamDelivery.Broadcast, 1),
        Of(bench, StreamDelivery.Broadcast, 4),
        Of(bench, StreamDelivery.Broadcast, 16) with { Share = 0.25 },
        Of(bench, StreamDelivery.Balanced, 1),
        Of(bench, StreamDelivery.Balanced, 4),
        Of(bench, StreamDelivery.Balanced, 16));

    private static Contender Of(Bench bench, StreamDelivery delivery, int consumers) =>
        new($"{delivery}, {consumers} {(consumers == 1 ? "consumer" : "consumers")}", async (count, lap) =>
        {
            var (cluster, name) = (bench.Cluster, Streams.NewName());
            await using var sink = await cluster.SiloB.GetSinkAsync<Price>(name, new() { Delivery = delivery });
            var sources = new List<SourceRef<Price>>();
            for (int i = 0; i < consumers; i++) sources.Add(await cluster.Client.GetSourceAsync<Price>(name));

            lap.Restart();
            var writing = Task.Run(() => Streams.WriteAsync(sink, Kind.Price, count));
            if (delivery == StreamDelivery.Balanced)
            {
                int[] read = await Task.WhenAll(sources.Select(source => Task.Run(() => CountAsync(source))));
                Check.Count(count, read.Sum());
            }
            else
            {
                await Task.WhenAll(sources.Select(source => Task.Run(() => Check.AllAsync(source, Kind.Price, count))));
            }

            await writing;
            lap.Stop();
            foreach (var source in sources) await source.DisposeAsync();
        });

    private static async Task<int> CountAsync(SourceRef<Price> source)
    {
        int count = 0;
        await foreach (var _ in source) count++;
        return count;
    }
}
