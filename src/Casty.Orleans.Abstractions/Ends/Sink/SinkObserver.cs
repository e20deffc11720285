namespace Casty.Orleans;

/// <summary>A sink as an observer. Whoever pushes learns nothing from it: the stream's own end tells what went wrong.</summary>
internal sealed class SinkObserver<T>(SinkRef<T> sink, StreamOverflow overflow, CancellationToken cancellationToken) : IObserver<T>
{
    public void OnNext(T value)
    {
        try
        {
            bool isUnopened = sink.IsUnopened;
            if (cancellationToken.IsCancellationRequested || sink.TryPut(value)) return;
            if (overflow == StreamOverflow.Block) sink.PutAsync(value, cancellationToken).AsTask().GetAwaiter().GetResult();
            else if (isUnopened) _ = PutAsync(value);   // it may have room
            else End(new StreamException($"Stream '{sink.Producer}' was full when an element was pushed that could not wait. Raise BufferSize, or use StreamOverflow.Block.", StreamEndReason.Failed));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Whoever cancelled lets go of the sink.
        }
        catch (Exception exception)
        {
            End(exception);
        }
    }

    public void OnError(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        End(error);
    }

    public void OnCompleted() => End(null);

    private async Task PutAsync(T value)
    {
        try
        {
            await sink.PutAsync(value, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Whoever cancelled lets go of the sink.
        }
        catch (Exception exception)
        {
            End(exception);
        }
    }

    /// <summary>Without effect where the stream takes no more: nor is there anything to tell.</summary>
    private void End(Exception? error)
    {
        try
        {
            sink.Writer.TryComplete(error);
        }
        catch (InvalidOperationException)
        {
            // It was handed over: the stream is in other hands.
        }
    }
}
