namespace Casty.Orleans;

/// <summary>
/// One timer for one end. Moving a deadline further away costs nothing: the timer fires, finds nothing due, and is armed again.
/// </summary>
internal sealed class DeadlineTimer(StreamClock clock, Action onDue) : IDisposable
{
    private readonly Lock _gate = new();
    private ITimer? _timer;
    private TimeSpan _armedFor = TimeSpan.MaxValue;
    private bool _disposed;

    public void Arm(TimeSpan deadline)
    {
        lock (_gate)
        {
            if (_disposed || deadline >= _armedFor) return;

            _armedFor = deadline;
            var wait = deadline - clock.Now;
            if (wait < TimeSpan.Zero) wait = TimeSpan.Zero;
            // A millisecond more, so that the deadline has passed for certain; timers take whole milliseconds.
            wait = TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(wait.TotalMilliseconds) + 1, uint.MaxValue - 2d));
            if (_timer is null) _timer = clock.CreateTimer(static state => ((DeadlineTimer)state!).Fire(), this, wait);
            else _timer.Change(wait, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _timer?.Dispose();
        }
    }

    private void Fire()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _armedFor = TimeSpan.MaxValue;
        }

        onDue();
    }
}

/// <summary>Monotonic time since the process' first stream.</summary>
internal sealed class StreamClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private readonly long _coarseStart = Environment.TickCount64;
    private readonly bool _isSystem = time == TimeProvider.System;

    public TimeProvider Provider => time;

    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The same, some milliseconds late, at a fraction of the cost: for what looks at a lease at every put.</summary>
    public TimeSpan Coarse => _isSystem ? new TimeSpan((Environment.TickCount64 - _coarseStart) * TimeSpan.TicksPerMillisecond) : Now;

    public ITimer CreateTimer(TimerCallback callback, object state, TimeSpan due)
    {
        // The callback must not carry the context of whoever happened to arm the timer.
        if (ExecutionContext.IsFlowSuppressed()) return time.CreateTimer(callback, state, due, Timeout.InfiniteTimeSpan);
        using (ExecutionContext.SuppressFlow()) return time.CreateTimer(callback, state, due, Timeout.InfiniteTimeSpan);
    }
}
