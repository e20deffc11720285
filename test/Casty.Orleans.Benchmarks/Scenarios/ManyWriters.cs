using Orleans;

namespace Casty.Orleans.Benchmarks;

/// <summary>Who put it, and which of its elements it is.</summary>
[GenerateSerializer, Immutable, Alias("bench.signed")]
public sealed record Signed([property: Id(0)] int Writer, [property: Id(1)] int Number);

/// <summary>The same elements from more and more writers on one stream: clients write, the other silo reads.</summary>
internal static class ManyWriters
{
    public static Task RunAsync(Bench bench, string table) => new Race(bench, table).RunAsync("writers on one stream, client to silo", 1_000_000,
        Of(bench, 1),
        Of(bench, 10),
        Of(bench, 100),
        Of(bench, 1_000) with { Share = 0.05 });

    private static Contender Of(Bench bench, int writers) => new(writers == 1 ? "1 writer" : $"{writers:N0} writers", async (count, lap) =>
    {
        var (cluster, name) = (bench.Cluster, Streams.NewName());
        var sinks = new List<SinkRef<Signed>>();
        for (int i = 0; i < writers; i++) sinks.Add(await cluster.Client.GetSinkAsync<Signed>(name));
        await using var source = await cluster.SiloA.GetSourceAsync<Signed>(name);

        lap.Restart();
        int share = count / writers;
        var writing = Task.WhenAll(sinks.Select((sink, writer) => Task.Run(async () =>
        {
            for (int number = 0; number < share; number++) await sink.PutAsync(new Signed(writer, number));
            await sink.CompleteAsync();
        })));
        int[] next = new int[writers];
        await foreach (var (writer, number) in source)
        {
            if (next[writer]++ != number) throw new InvalidOperationException($"Element {number} of writer {writer} came as its {next[writer]}th.");
        }

        await writing;
        lap.Stop();
        foreach (int read in next) Check.Count(share, read);
        foreach (var sink in sinks) await sink.DisposeAsync();
    });
}
