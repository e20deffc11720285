using Orleans;

namespace Casty.Orleans.Benchmarks;

/// <summary>The library, with its defaults where nothing else is said.</summary>
internal static class Streams
{
    private static int _name;

    public static async Task RunAsync<T>(IGrainFactory writer, IGrainFactory reader, Kind<T> kind, int count, StreamConsumerOptions? demand = null)
    {
        await using var stream = await OpenAsync<T>(writer, reader, demand: demand);
        var writing = Task.Run(() => WriteAsync(stream.Sink, kind, count));
        await Check.AllAsync(stream.Source, kind, count);
        await writing;
    }

    public static async Task RunAwaitingAsync(IGrainFactory writer, IGrainFactory reader, int count)
    {
        await using var stream = await OpenAsync<Price>(writer, reader);
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < count; i++)
            {
                await Task.Yield();
                await stream.Sink.PutAsync(Kind.Price[i]);
            }

            await stream.Sink.CompleteAsync();
        });
        await Check.AllAsync(stream.Source, Kind.Price, count);
        await writing;
    }

    public static async Task WriteAsync<T>(SinkRef<T> sink, Kind<T> kind, int count)
    {
        for (int i = 0; i < count; i++) await sink.PutAsync(kind[i]);
        await sink.CompleteAsync();
    }

    public static async Task<OpenStream<T>> OpenAsync<T>(IGrainFactory writer, IGrainFactory reader, StreamProducerOptions? buffer = null,
        StreamConsumerOptions? demand = null)
    {
        string name = NewName();
        return new(await writer.GetSinkAsync<T>(name, buffer), await reader.GetSourceAsync<T>(name, options: demand));
    }

    public static string NewName() => $"bench-{Interlocked.Increment(ref _name)}";
}

internal sealed record OpenStream<T>(SinkRef<T> Sink, SourceRef<T> Source) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Sink.DisposeAsync();
    }
}
