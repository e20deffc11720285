using Casty.Orleans.Interop.Tests.Snippets;
using Orleans;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>
/// A writer that has far more to say than fits between it and a reader that does not read: elements of 8 KiB, one after the other.
/// </summary>
internal sealed class LongWriter : IAsyncDisposable
{
    /// <summary>
    /// The most elements that may lie between: what the stream takes, and half a megabyte for the response, the sockets' buffers on both
    /// sides (as the system counts them) and HTTP/2's window.
    /// </summary>
    public const int Bound = WebSilo.BufferSize + WebSilo.Demand + (512 / 8);

    /// <summary>What a writer would have put that nobody holds back.</summary>
    public const int Many = 20 * Bound;

    private static readonly string Padding = new('x', 8 * 1024);

    private readonly SinkRef<PriceUpdate> _sink;
    private int _put;

    private LongWriter(SinkRef<PriceUpdate> sink, int count)
    {
        _sink = sink;
        Writing = Task.Run(() => WriteAsync(count));
    }

    public int Put => Volatile.Read(ref _put);

    /// <summary>Faults where the stream takes no more.</summary>
    public Task Writing { get; }

    public static async Task<LongWriter> StartAsync(IGrainFactory grains, string name, int count = int.MaxValue) =>
        new(await grains.GetSinkAsync<PriceUpdate>(name).Soon(), count);

    public async Task<StreamClosedException> ReaderLeftAsync()
    {
        var error = await Assert.ThrowsAsync<StreamClosedException>(() => Writing.Soon());
        Assert.Equal(StreamEndReason.Cancelled, error.Reason);
        return error;
    }

    public ValueTask DisposeAsync() => _sink.DisposeAsync();

    private async Task WriteAsync(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await _sink.PutAsync(new PriceUpdate(Padding, i));
            Interlocked.Increment(ref _put);
        }

        await _sink.CompleteAsync();
    }
}
