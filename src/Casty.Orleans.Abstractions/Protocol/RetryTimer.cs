namespace Casty.Orleans.Protocol;

/// <summary>
/// When to speak again: soon, and ever later, while something is unresolved; at the pace of lease renewal otherwise (P-05).
/// </summary>
internal struct RetryTimer(StreamTimings timings)
{
    private int _attempts;
    private TimeSpan _spokeAt;

    /// <summary>Something came back that was new, or something new was said: the next wait is the shortest again.</summary>
    public void OnProgress(TimeSpan now)
    {
        _attempts = 0;
        _spokeAt = now;
    }

    /// <summary>Something was sent.</summary>
    public void OnSpoke(TimeSpan now) => _spokeAt = now;

    /// <summary>The wait ran out and nothing was resolved: the next one is longer.</summary>
    public void OnExpired(TimeSpan now)
    {
        _attempts = Math.Min(_attempts + 1, 16);
        _spokeAt = now;
    }

    /// <summary>When to speak next.</summary>
    /// <param name="unanswered">What was said has had no answer: enough attempts must fit into a lease.</param>
    /// <param name="unresolved">It was answered, but what was hoped for has not come, or was lost on its way.</param>
    public readonly TimeSpan Due(bool unanswered, bool unresolved)
    {
        if (!unanswered && !unresolved) return _spokeAt + timings.Renewal;

        double wait = timings.Retry.Ticks * Math.Pow(2, _attempts);
        var longest = unanswered ? timings.Lease / 12 : timings.Renewal;
        return _spokeAt + TimeSpan.FromTicks((long)Math.Min(wait, Math.Max(longest.Ticks, timings.Retry.Ticks)));
    }
}
