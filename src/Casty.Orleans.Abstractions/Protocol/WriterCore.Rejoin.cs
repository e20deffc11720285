using System.Buffers;

namespace Casty.Orleans.Protocol;

/// <summary>How a writer goes on when its producer lost its memory (P-15).</summary>
internal sealed partial class WriterCore<T>
{
    private bool _isPlaced = true;
    private long _opened;
    private bool _isLeaving;
    private TimeSpan? _unreadSince;   // nobody has read since then, as far as the roster says

    /// <summary>
    /// It has reported and has no answer: nothing that comes counts, as the producer goes by the report. Should nothing have changed,
    /// what came meanwhile is to be taken then.
    /// </summary>
    public bool IsReported { get; private set; }

    /// <summary>The state of the roster when this writer joined the stream.</summary>
    public RosterMark JoinedAt { get; init; }

    /// <summary>The newest roster that has come; null where this writer is not to carry it (P-15).</summary>
    public Roster? Roster { get; private set; }

    /// <summary>A writer in the place of one that has ended and is gone.</summary>
    public static WriterCore<T> Inherit(StreamKey stream, Legacy<T> legacy, Roster? roster, StreamTimings timings, TimeSpan now, Func<T, int>? sizeOf, ArrayPool<T>? pool = null)
    {
        var heir = new WriterCore<T>(stream, legacy.Writer, timings, now, sizeOf, legacy.First, pool) { Roster = roster };
        foreach (var element in legacy.Elements) heir._out.Append(element);
        heir._out.Grant(heir._out.Next);
        heir.TryEnd(legacy.End);
        return heir;
    }

    /// <summary>
    /// This process goes: what the producer holds of this writer, it holds alone from now on. What one that was lost held, the next one has to
    /// have first.
    /// </summary>
    public void Leave()
    {
        _isLeaving = true;
        SeeLeave();
    }

    private void SeeLeave()
    {
        if (!_isLeaving || !IsEndReceived || !_isPlaced || IsReported) return;
        Settle(new StreamEnd(StreamEndReason.Abandoned, "The writer's host or grain stopped; what it had put goes on."));
    }

    /// <summary>
    /// What this writer tells a producer that does not know it. Until the answer, nothing that the old one may still say counts:
    /// the new one goes by the report.
    /// </summary>
    public WriterReport BeginRejoin(TimeSpan now)
    {
        IsReported = true;
        var roster = _unreadSince is { } since ? Roster! with { UnreadFor = now - since } : Roster;
        return new WriterReport(Stream, Writer, Finished, Put, Math.Max(_out.Limit, Put), _end, roster, JoinedAt, _opened);
    }

    /// <summary>
    /// The producer has been silent for so long that it may be gone: it is worth asking where it is. The lease is not over yet.
    /// </summary>
    public bool IsSuspicious(TimeSpan now) =>
        Outcome is null && _isUnanswered && _retry.Attempts >= StreamTimings.SuspiciousAttempts && now - _answeredAt >= _timings.Suspicion;

    /// <summary>
    /// The stream goes on in a new lifetime of its producer. Until that says from where, nothing but probes is sent.
    /// </summary>
    /// <returns>False if that lifetime is not a newer one: it goes on as if nothing had happened.</returns>
    public bool TryRejoin(StreamKey stream, TimeSpan now)
    {
        IsReported = false;
        SeeLease(now);
        _answeredAt = now;
        _mustSpeak = true;   // what came meanwhile was not listened to
        if (Outcome is null && stream.Id == Stream.Id && stream.Incarnation <= Stream.Incarnation) SeeLeave();
        if (Outcome is not null || (stream.Id == Stream.Id && stream.Incarnation <= Stream.Incarnation)) return false;

        Stream = stream;
        _isPlaced = false;
        _grant = 0;
        _retry.OnProgress(now);
        return true;
    }

    /// <summary>Speaks at once, so that the producer may answer with what only a writer that is there can be told.</summary>
    public void Announce() => _mustSpeak = true;

    /// <summary>The producer answered, though it has nothing to say yet.</summary>
    public void OnAnswered(TimeSpan now)
    {
        SeeLease(now);
        _answeredAt = now;
        _isUnanswered = false;
    }

    /// <summary>The producer's grain answered that it does not know yet how the stream goes on.</summary>
    public void OnToldToWait(TimeSpan now)
    {
        SeeLease(now);
        _answeredAt = now;
    }

    /// <summary>Changes how the elements held are kept, as where they turn out to have to be serialised. Not what they are.</summary>
    public void Convert(Func<T, T> convert) => _out.Convert(convert);

    private long RosterSeen => Roster?.Incarnation == Stream.Incarnation ? Roster.Version : 0;

    /// <summary>The first word of a new lifetime says from where it lacks elements.</summary>
    private void Place(Demand demand)
    {
        if (_out.TryResume(demand.Received, demand.Limit))
        {
            _isPlaced = true;
            _opened = Stream.Incarnation;
            _grant = demand.Grant;
            return;
        }

        Settle(new StreamEnd(StreamEndReason.Abandoned,
            $"The producer was lost, and the one in its place lacks elements from {demand.Received} on; this writer has {_out.Confirmed} to {_out.Top}."));
    }

    /// <summary>Keeps the newest roster, for the case that the producer is lost.</summary>
    public void Keep(Roster? roster, TimeSpan now)
    {
        if (roster is null || !roster.IsNewerThan(Roster)) return;

        bool goesOn = _unreadSince is not null && roster.Incarnation == Roster?.Incarnation;
        var unreadSince = now - roster.UnreadFor;
        _unreadSince = roster.IsRead ? null : goesOn && _unreadSince < unreadSince ? _unreadSince : unreadSince;
        Roster = roster;
        _mustSpeak = true;   // somebody waits for it to be known here
    }
}
