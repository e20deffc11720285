namespace Casty.Orleans;

/// <summary>
/// Runs an end's turns one after another, on the thread pool and outside every lock. However many threads ask, one drains;
/// whoever asks meanwhile makes it drain once more. So frames leave in order and calls between ends never nest without bound.
/// </summary>
internal abstract class Pump : IThreadPoolWorkItem
{
    private int _asked;

    /// <summary>Kept by <see cref="Deadlines"/>: when it is called; the largest time while it waits for nothing.</summary>
    internal TimeSpan ArmedFor = TimeSpan.MaxValue;

    /// <summary>Kept by <see cref="Deadlines"/>: its place among those that wait.</summary>
    internal int Place;

    /// <summary>Asks for a turn on the thread pool: for callers that are user code, or hold a lock.</summary>
    protected internal void Schedule()
    {
        // Without the caller's execution context: no request context, grain or activity travels with the stream's own messages.
        if (Interlocked.Increment(ref _asked) == 1) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Takes the turn on this thread, unless one is being taken: for callers that handle a message.</summary>
    protected internal void Run()
    {
        if (Interlocked.Increment(ref _asked) == 1) Execute();
    }

    public void Execute()
    {
        int seen;
        do
        {
            seen = Volatile.Read(ref _asked);
            try
            {
                Drain();
            }
            catch (Exception exception)
            {
                OnBug(exception);
            }
        }
        while (Interlocked.Add(ref _asked, -seen) != 0);
    }

    /// <summary>Sends everything that there is to say and arms the timer.</summary>
    protected abstract void Drain();

    /// <summary>A time has come that it had itself armed for.</summary>
    protected internal virtual void OnDue()
    {
    }

    /// <summary>A turn threw, which none should: the end must not hang because of it.</summary>
    protected abstract void OnBug(Exception exception);
}
