namespace Casty.Orleans.Protocol;

/// <summary>
/// When to speak again: soon, and ever later, while something is unresolved; at the pace of lease renewal otherwise (P-05).
/// </summary>
internal struct RetryTimer(StreamTimings timings)
{
    private int _attempts;
    private TimeSpan _spokeAt;

    /// <summary>Something came back that was new: the next wait is the shortest again.</summary>
    public void OnProgress(TimeSpan now)
    {
        _attempts = 0;
        _spokeAt = now;
    }

    /// <summary>Something was sent.</summary>
    public void OnSpoke(TimeSpan now) => _spokeAt = now;

    /// <summary>The wait ran out.</summary>
    public void OnExpired(TimeSpan now)
    {
        _attempts = Math.Min(_attempts + 1, 16);
        _spokeAt = now;
    }

    /// <summary>When to speak next.</summary>
    public readonly TimeSpan Due(bool unresolved)
    {
        if (!unresolved) return _spokeAt + timings.Renewal;

        double wait = timings.Retry.Ticks * Math.Pow(2, _attempts);
        return _spokeAt + TimeSpan.FromTicks((long)Math.Min(wait, Math.Max(timings.Renewal.Ticks, timings.Retry.Ticks)));
    }
}
