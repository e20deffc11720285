namespace Casty.Orleans;

/// <summary>A source as an observable: a loop over it that calls.</summary>
internal sealed class SourceObservable<T>(SourceRef<T> source) : IObservable<T>
{
    public IDisposable Subscribe(IObserver<T> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        var subscription = new Subscription();
        var loop = source.GetAsyncEnumerator(subscription.Token);
        _ = Task.Factory.StartNew(() => RunAsync(loop, observer, subscription), CancellationToken.None,
            TaskCreationOptions.DenyChildAttach, TaskScheduler.Current);   // that of the grain, where it is one
        return subscription;
    }

    private async Task RunAsync(IAsyncEnumerator<T> loop, IObserver<T> observer, Subscription subscription)
    {
        try
        {
            await using (loop)
            {
                while (await NextAsync(loop, observer, subscription)) observer.OnNext(loop.Current);
            }
        }
        catch (Exception exception)
        {
            source.OnObserverThrew(exception);
        }
    }

    /// <summary>False once there is nothing more, and the observer has been told so, or it does not want to know.</summary>
    private static async ValueTask<bool> NextAsync(IAsyncEnumerator<T> loop, IObserver<T> observer, Subscription subscription)
    {
        Exception? error = null;
        try
        {
            if (await loop.MoveNextAsync()) return !subscription.IsDisposed;
        }
        catch (Exception exception)
        {
            error = exception;
        }

        if (subscription.IsDisposed) return false;
        if (error is null) observer.OnCompleted();
        else observer.OnError(error);
        return false;
    }

    private sealed class Subscription : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        public CancellationToken Token => _stop.Token;

        public bool IsDisposed => _stop.IsCancellationRequested;

        /// <summary>Does not wait, as the loop itself may call it.</summary>
        public void Dispose() => _ = _stop.CancelAsync();
    }
}
