using Microsoft.Extensions.Time.Testing;

namespace Casty.Orleans.Tests;

/// <summary>A clock that stands still until it is moved, and counts the timers that ends of streams keep on it.</summary>
public sealed class ManualTime : FakeTimeProvider
{
    private int _timers;
    private long _skipped;

    /// <summary>How many timers of ends are not disposed.</summary>
    public int Timers => Volatile.Read(ref _timers);

    /// <summary>
    /// Time passes and no timer fires: so it looks to a process that was paused, where a thread goes on before the timers do.
    /// They fire as soon as the clock is moved.
    /// </summary>
    public void Skip(TimeSpan time) => Interlocked.Add(ref _skipped, time.Ticks * TimestampFrequency / TimeSpan.TicksPerSecond);

    public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _skipped);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        return state is Deadlines ? new Counted(this, timer) : timer;
    }

    private sealed class Counted : ITimer
    {
        private readonly ManualTime _time;
        private readonly ITimer _timer;
        private int _disposed;

        public Counted(ManualTime time, ITimer timer)
        {
            _time = time;
            _timer = timer;
            Interlocked.Increment(ref time._timers);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => _timer.Change(dueTime, period);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0) Interlocked.Decrement(ref _time._timers);
            _timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
