using System.Diagnostics;

namespace PriceFeed.Web;

/// <summary>Lets something happen so often a second, evenly. What was missed for long is not made up for.</summary>
internal sealed class Pace
{
    public const int Unlimited = int.MaxValue;

    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(100);   // timers come late

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TaskCompletionSource _changed = New();
    private volatile int _rate;
    private TimeSpan _next;

    public Pace(int rate) => _rate = rate;

    /// <summary>How often a second; 0 is never. Takes effect at once.</summary>
    public int Rate
    {
        get => _rate;
        set
        {
            _rate = value;
            Interlocked.Exchange(ref _changed, New()).SetResult();
        }
    }

    /// <summary>Waits for the next turn. One caller at a time.</summary>
    public async ValueTask TurnAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var changed = Volatile.Read(ref _changed).Task;
            var now = _clock.Elapsed;
            int rate = _rate;
            if (rate == Unlimited) return;

            var earliest = now - Slack;
            if (_next < earliest) _next = earliest;
            if (rate > 0 && _next <= now)
            {
                _next += TimeSpan.FromSeconds(1) / rate;
                return;
            }

            // Not less than a millisecond, or it would not wait at all.
            var wait = rate == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Ceiling((_next - now).TotalMilliseconds));
            await changed.WaitAsync(wait, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (changed.IsCompleted) _next = _clock.Elapsed;
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
