using Orleans;

namespace Casty.Orleans.Benchmarks;

/// <summary>The library, with its defaults.</summary>
internal static class Streams
{
    private static int _name;

    public static Task RunAsync(IGrainFactory writer, IGrainFactory reader, int count) => RunAsync(writer, reader, count, awaits: false);

    public static Task RunAwaitingAsync(IGrainFactory writer, IGrainFactory reader, int count) => RunAsync(writer, reader, count, awaits: true);

    private static async Task RunAsync(IGrainFactory writer, IGrainFactory reader, int count, bool awaits)
    {
        string name = $"bench-{Interlocked.Increment(ref _name)}";
        await using var sink = await writer.GetSinkAsync<Price>(name);
        await using var source = await reader.GetSourceAsync<Price>(name);
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < count; i++)
            {
                if (awaits) await Task.Yield();
                await sink.PutAsync(Price.Of(i));
            }

            await sink.CompleteAsync();
        });
        int read = 0;
        await foreach (var _ in source) read++;
        await writing;
        Check.Count(count, read);
    }
}
