namespace Casty.Orleans.Protocol;

/// <summary>
/// When to speak again: soon, and ever later, while something is unresolved; at the pace of lease renewal otherwise (P-05).
/// </summary>
internal struct RetryTimer(StreamTimings timings)
{
    private int _attempts;
    private TimeSpan _waitingSince;
    private TimeSpan _spokeAt;

    /// <summary>How often the wait has run out since something came back: what a clock that jumped cannot feign.</summary>
    public readonly int Attempts => _attempts;

    /// <summary>Something came back that was new, or something new was said: the next wait is the shortest again.</summary>
    public void OnProgress(TimeSpan now)
    {
        _attempts = 0;
        _waitingSince = now;
    }

    /// <summary>Something was sent. Only this renews a lease: what comes in does not, however much of it (P-10).</summary>
    /// <param name="now">The time.</param>
    /// <param name="begins">A wait begins with it; otherwise it must not put off what is waited for already.</param>
    public void OnSpoke(TimeSpan now, bool begins)
    {
        _spokeAt = now;
        if (begins) _waitingSince = now;
    }

    /// <summary>The wait ran out and nothing was resolved: the next one is longer.</summary>
    public void OnExpired(TimeSpan now)
    {
        _attempts = Math.Min(_attempts + 1, 16);
        _waitingSince = _spokeAt = now;
    }

    /// <summary>When an end that keeps a lease speaks next.</summary>
    /// <param name="unanswered">What was said has had no answer: enough attempts must fit into a lease.</param>
    /// <param name="unresolved">It was answered, but what was hoped for has not come, or was lost on its way.</param>
    public readonly TimeSpan Due(bool unanswered, bool unresolved)
    {
        var renewal = timings.StepBefore(_spokeAt + timings.Renewal);
        if (!unanswered && !unresolved) return renewal;

        var retry = RetryAt(unanswered ? timings.Lease / 12 : timings.Renewal);
        return retry < renewal ? retry : renewal;
    }

    /// <summary>When to repeat what is unresolved, if no wait is to be longer than <paramref name="longest"/>.</summary>
    public readonly TimeSpan RetryAt(TimeSpan longest)
    {
        double wait = timings.Retry.Ticks * Math.Pow(2, _attempts);
        return _waitingSince + TimeSpan.FromTicks((long)Math.Min(wait, Math.Max(longest.Ticks, timings.Retry.Ticks)));
    }
}
