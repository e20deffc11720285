namespace Casty.Orleans;

/// <summary>Monotonic time since the process' first stream.</summary>
internal sealed class StreamClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private readonly long _coarseStart = Environment.TickCount64;
    private readonly bool _isSystem = time == TimeProvider.System;

    /// <summary>Real time, whatever clock the streams have: for what is about processes.</summary>
    public static StreamClock Real { get; } = new(TimeProvider.System);

    public TimeProvider Provider => time;

    /// <summary>When the ends of the process are to be called.</summary>
    public Deadlines Deadlines => field ?? Interlocked.CompareExchange(ref field, new Deadlines(this), null) ?? field;

    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The same, some milliseconds late, at a fraction of the cost: for what looks at a lease at every put.</summary>
    public TimeSpan Coarse => _isSystem ? new TimeSpan((Environment.TickCount64 - _coarseStart) * TimeSpan.TicksPerMillisecond) : Now;

    public ITimer CreateTimer(TimerCallback callback, object state, TimeSpan due)
    {
        // The callback must not carry the context of whoever happened to arm the timer.
        using (ExecutionContext.SuppressFlow()) return time.CreateTimer(callback, state, due, Timeout.InfiniteTimeSpan);
    }
}
