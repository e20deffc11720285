using System.Runtime.CompilerServices;
using Orleans;

namespace Casty.Orleans.Tests;

/// <summary>A stream with both its ends, for tests that begin with one.</summary>
public sealed record OpenStream<T>(SinkRef<T> Sink, SourceRef<T> Source) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await Sink.DisposeAsync();
    }
}

internal static class OpenStream
{
    /// <summary>Opens a stream of a fresh name, or of <paramref name="name"/>: first its sink, then its source.</summary>
    public static async Task<OpenStream<T>> OpenAsync<T>(this (IGrainFactory Writer, IGrainFactory Reader) places, StreamProducerOptions? producer = null,
        StreamConsumerOptions? consumer = null, string? reader = null, string? name = null, [CallerMemberName] string test = "")
    {
        name ??= Cluster.Name(test);
        var sink = await places.Writer.GetSinkAsync<T>(name, producer).Soon();
        return new OpenStream<T>(sink, await places.Reader.GetSourceAsync<T>(name, reader, consumer).Soon());
    }

    /// <summary>Puts elements and completes, beside a reader that may wait several times meanwhile, each time as long as a test waits at most.</summary>
    public static Task WriteAsync<T>(this SinkRef<T> sink, IEnumerable<T> elements)
    {
        return Task.Run(PutAllAsync).WaitAsync(4 * Waiting.Limit);

        async Task PutAllAsync()
        {
            await sink.PutAllAsync(elements);
            await sink.CompleteAsync();
        }
    }
}
