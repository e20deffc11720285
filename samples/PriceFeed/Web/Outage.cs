namespace PriceFeed.Web;

/// <summary>What the loss of a silo was for the reader. Times are those of <see cref="Environment.TickCount64"/>.</summary>
/// <param name="silo">The silo's name.</param>
/// <param name="at">When it was dead.</param>
/// <param name="lastPut">No later price can have passed through it.</param>
internal sealed class Outage(string silo, long at, long lastPut)
{
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _pause;
    private long _until = -1;

    public string Silo => silo;

    public long At => at;

    /// <summary>When the first price was read that was put without the silo; null until then.</summary>
    public long? Until => Volatile.Read(ref _until) is >= 0 and var until ? until : null;

    public Task Over => _over.Task;

    /// <summary>
    /// The longest that the reader wanted a price and had none, in milliseconds. What was in its hands goes on for a while, so it may be
    /// shorter than the stream's pause.
    /// </summary>
    /// <param name="wantsSince">Since when it wants one now, or null.</param>
    /// <param name="now">The time.</param>
    public long Pause(long? wantsSince, long now)
    {
        long pause = Volatile.Read(ref _pause);
        return Until is null && wantsSince is { } since ? Math.Max(pause, now - Math.Max(since, at)) : pause;
    }

    /// <summary>Takes note of a price that was read; by one thread at a time.</summary>
    public void OnRead(long number, long wanted, long now)
    {
        if (_over.Task.IsCompleted) return;
        Volatile.Write(ref _pause, Pause(wanted, now));
        if (number <= lastPut) return;
        Volatile.Write(ref _until, now);
        _over.TrySetResult();
    }
}
