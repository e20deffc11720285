namespace Casty.Orleans.Protocol;

/// <summary>How a writer goes on when its producer lost its memory (P-15).</summary>
internal sealed partial class WriterCore<T>
{
    private Roster? _roster;
    private bool _isPlaced = true;
    private bool _isReported;

    /// <summary>
    /// What this writer tells a producer that does not know it. Until the answer, nothing that the old one may still say counts:
    /// the new one goes by the report.
    /// </summary>
    public WriterReport BeginRejoin()
    {
        _isReported = true;
        return new WriterReport(Stream, Writer, Finished, Put, Math.Max(_out.Limit, Put), _end, _roster);
    }

    /// <summary>
    /// The producer has been silent for so long that it may be gone: it is worth asking where it is. The lease is not over yet.
    /// </summary>
    public bool IsSuspicious(TimeSpan now) => Outcome is null && _isUnanswered && now - _answeredAt >= _timings.Suspicion;

    /// <summary>
    /// The stream goes on in a new lifetime of its producer. Until that says from where, nothing but probes is sent.
    /// </summary>
    /// <returns>False if that lifetime is not a newer one: it goes on as if nothing had happened.</returns>
    public bool TryRejoin(StreamKey stream, TimeSpan now)
    {
        _isReported = false;
        _answeredAt = now;
        if (Outcome is not null || stream.Incarnation <= Stream.Incarnation) return false;

        Stream = stream;
        _isPlaced = false;
        _grant = 0;
        _retry.OnProgress(now);
        _mustSpeak = true;
        return true;
    }

    /// <summary>The producer answered, though it has nothing to say yet.</summary>
    public void OnAnswered(TimeSpan now)
    {
        _answeredAt = now;
        _isUnanswered = false;
    }

    /// <summary>Changes how the elements held are kept, as where they turn out to have to be serialised. Not what they are.</summary>
    public void Convert(Func<T, T> convert) => _out.Convert(convert);

    private long RosterSeen => _roster?.Incarnation == Stream.Incarnation ? _roster.Version : 0;

    /// <summary>The first word of a new lifetime says from where it lacks elements.</summary>
    private void Place(Demand demand)
    {
        if (_out.TryResume(demand.Received, demand.Limit))
        {
            _isPlaced = true;
            _grant = demand.Grant;
            return;
        }

        Settle(new StreamEnd(StreamEndReason.Abandoned,
            $"The producer was lost, and the one in its place lacks elements from {demand.Received} on; this writer has {_out.Confirmed} to {_out.Top}."));
    }

    /// <summary>Keeps the newest roster, for the case that the producer is lost.</summary>
    public void Keep(Roster? roster)
    {
        if (roster is null || !roster.IsNewerThan(_roster)) return;
        _roster = roster;
        _mustSpeak = true;   // somebody waits for it to be known here
    }
}
