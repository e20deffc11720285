namespace Casty.Orleans;

/// <summary>A put on a sink that was handed over and is only being opened. Cancelling takes it back until it has begun.</summary>
internal sealed class EarlyPut<T>(SinkRef<T> sink, T element, CancellationToken cancellationToken)
    : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
{
    private int _isDecided;

    public async Task WaitAsync()
    {
        var registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var put = (EarlyPut<T>)state!;
                if (Interlocked.Exchange(ref put._isDecided, 1) == 0) put.TrySetCanceled(token);
            },
            this);
        await using (registration.ConfigureAwait(false))
        {
            await Task.ConfigureAwait(false);
        }
    }

    /// <summary>The sink is open, or could not be opened. Returns when the put has its turn.</summary>
    public void Begin(Task<SinkEnd<T>> opened)
    {
        if (Interlocked.Exchange(ref _isDecided, 1) != 0) return;
        _ = PutAsync(opened);
    }

    private async Task PutAsync(Task<SinkEnd<T>> opened)
    {
        try
        {
            var end = await opened.ConfigureAwait(false);   // it has come out by now
            await end.PutAsync(element, sink, cancellationToken).ConfigureAwait(false);
            TrySetResult();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            TrySetCanceled(cancellationToken);
        }
        catch (Exception exception)
        {
            TrySetException(exception);
        }
    }
}
