using System.Threading.Channels;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>A sink as a channel's writer. It keeps its handle alive, so that code holding only this is not abandoned.</summary>
internal sealed class SinkWriter<T>(SinkRef<T> sink) : ChannelWriter<T>
{
    public override bool TryWrite(T item) => sink.TryPut(item);

    public override ValueTask<bool> WaitToWriteAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<bool>(cancellationToken);
        var wait = sink.WaitToPutAsync(cancellationToken);
        return wait.IsCompletedSuccessfully && wait.Result ? new ValueTask<bool>(true) : AwaitAsync(wait);
    }

    public override ValueTask WriteAsync(T item, CancellationToken cancellationToken = default)
    {
        var put = sink.PutAsync(item, cancellationToken);
        return put.IsCompletedSuccessfully ? default : AwaitAsync(put);
    }

    public override bool TryComplete(Exception? error = null) =>
        sink.TryEnd(error is null ? StreamEnd.Completed : new StreamEnd(StreamEndReason.Failed, error.Message, error));

    /// <summary>A channel that failed says so here; one that is merely closed says false.</summary>
    private async ValueTask<bool> AwaitAsync(ValueTask<bool> wait)
    {
        if (await wait.ConfigureAwait(false)) return true;
        if (sink.Closing is { Reason: not StreamEndReason.Completed } closing) throw StreamErrors.ForPut(sink.Producer, closing);
        return false;
    }

    private static async ValueTask AwaitAsync(ValueTask put)
    {
        try
        {
            await put.ConfigureAwait(false);
        }
        catch (StreamException exception)
        {
            throw new ChannelClosedException(exception);
        }
    }
}
