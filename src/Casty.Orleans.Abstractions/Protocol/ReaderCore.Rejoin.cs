namespace Casty.Orleans.Protocol;

/// <summary>How a reader goes on when its producer lost its memory (P-15).</summary>
internal sealed partial class ReaderCore<T>
{
    private FewQueue<Run> _unfinished;
    private FewMap<long, long> _positions;
    private long _opened;
    private long _settled;

    /// <summary>
    /// It has reported and has no answer: nothing that comes counts, as the producer goes by the report. Should nothing have changed,
    /// what came meanwhile is to be taken then.
    /// </summary>
    public bool IsReported { get; private set; }

    /// <summary>The newest roster that has come; null where this reader is in the producer's own process (P-15).</summary>
    public Roster? Roster { get; private set; }

    /// <summary>
    /// What this reader tells a producer that does not know it. Until the answer, nothing that the old one may still send counts:
    /// the new one goes by the report.
    /// </summary>
    public ReaderReport BeginRejoin(string consumer, bool isNamed)
    {
        IsReported = true;
        if (IsParked) GiveBack();
        return new ReaderReport(
            Stream, Epoch, consumer, isNamed, _in.End is null ? _in.Received : _in.Received - 1, Finished,
            [.. _unfinished], [.. _positions.Select(one => new WriterPosition(one.Key, one.Value))], _in.End, Roster, _opened, Delivery);
    }

    /// <summary>
    /// The producer has been silent for so long that it may be gone: it is worth asking where it is. The lease is not over yet.
    /// </summary>
    public bool IsSuspicious(TimeSpan now) =>
        !IsSettled && _isUnanswered && _retry.Attempts >= StreamTimings.SuspiciousAttempts && now - _answeredAt >= _timings.Suspicion;

    /// <summary>The stream goes on in a new lifetime of its producer, after what has reached this reader in order.</summary>
    /// <param name="stream">The stream as it goes on.</param>
    /// <param name="epoch">Its epoch there: another one where it joined a run that was given up before anything came of it.</param>
    /// <param name="position">The position of its first element there, if its epoch is another one.</param>
    /// <param name="positions">Where it begins with each writer there, if its epoch is another one.</param>
    /// <param name="now">The time.</param>
    /// <returns>False if that lifetime is not a newer one: it goes on as if nothing had happened.</returns>
    public bool TryRejoin(StreamKey stream, long epoch, long position, WriterPosition[] positions, TimeSpan now)
    {
        IsReported = false;
        SeeLease(now);
        _answeredAt = now;
        _mustSpeak = true;   // what came meanwhile was not listened to
        if (IsSettled || (stream.Id == Stream.Id && stream.Incarnation <= Stream.Incarnation)) return false;

        Stream = stream;
        _in.Forget();
        if (epoch != Epoch)
        {
            Epoch = epoch;
            Given = Finished = position;
            _in = new Inbound<T>(position);
            _in.Grant(Saturate(position, _window.Size));
            (_saidConfirmed, _saidLimit, _saidLeave) = (position, position, Protocol.Leave.None);
            _positions.Clear();
            Begin(positions);
        }

        _isHeldBack = false;
        _answeredLimit = _answeredConfirmed = Finished;
        _retry.OnProgress(now);
        return true;
    }

    /// <summary>The producer's grain answered that it does not know yet how the stream goes on.</summary>
    public void OnToldToWait(TimeSpan now)
    {
        SeeLease(now);
        _answeredAt = now;
    }

    /// <summary>It begins there with those writers, and with all others at their first element.</summary>
    public void Begin(WriterPosition[] positions)
    {
        foreach (var (writer, next) in positions) _positions[writer] = next;
    }

    /// <summary>Speaks at once: somebody waits for what it says.</summary>
    public void Announce() => _mustSpeak = true;

    private long RosterSeen => Roster?.Incarnation == Stream.Incarnation ? Roster.Version : 0;

    private void Track(Batch<T> batch)
    {
        _unfinished.Enqueue(new Run(batch.First, batch.Elements.Count, batch.Writer, batch.WriterFirst));
        _positions[batch.Writer] = batch.WriterFirst + batch.Elements.Count;
    }

    private void Untrack()
    {
        long needless = Delivery == StreamDelivery.Balanced ? Math.Min(Finished, _settled) : Finished;
        while (_unfinished.TryPeek(out var run) && run.End <= needless) _unfinished.Dequeue();
    }

    /// <summary>
    /// What a parked reader has received, nobody will take from it: its producer is to have it once more, for whoever takes its place (P-17).
    /// </summary>
    private void GiveBack()
    {
        var seen = new HashSet<long>();
        foreach (var run in _unfinished)
        {
            if (seen.Add(run.Writer)) _positions[run.Writer] = run.WriterFirst + Math.Max(0, Finished - run.First);
        }

        if (Delivery == StreamDelivery.Balanced) DropUnfinishedRuns();
        else _unfinished.Clear();
        DropElements();
        long limit = _in.Limit;
        _in = new Inbound<T>(Finished);
        _in.Grant(limit);
    }

    /// <summary>What it has finished, the producer must still hear of.</summary>
    private void DropUnfinishedRuns()
    {
        var runs = _unfinished.ToArray();
        _unfinished.Clear();
        foreach (var run in runs)
        {
            if (run.First < Finished) _unfinished.Enqueue(run with { Count = Math.Min(run.Count, Finished - run.First) });
        }
    }

    /// <summary>Writers that are not on the roster any more were finished long ago: they need not be remembered.</summary>
    public void Keep(Roster? roster)
    {
        if (roster is null || !roster.IsNewerThan(Roster)) return;

        Roster = roster;
        if (_positions.Count <= roster.Writers.Length) return;

        var known = roster.Writers.Select(one => one.Writer).Concat(_unfinished.Select(run => run.Writer)).ToHashSet();
        foreach (long writer in _positions.Keys.Where(writer => !known.Contains(writer)).ToArray()) _positions.Remove(writer);
    }
}
