namespace Casty.Orleans.Protocol;

/// <summary>What a producer needs to have several consumers as its one reader (P-19).</summary>
internal sealed partial class ProducerCore<T>
{
    private bool _isResumedInFan;

    /// <summary>Who the consumers are, where there may be several.</summary>
    public FanRoster? Fan { get; private set; }

    /// <summary>The rosters that ends have reported, as long as it is being rebuilt.</summary>
    public IReadOnlyList<Roster> Known => _past?.Rosters ?? [];

    /// <summary>It opens then, whoever has not reported.</summary>
    public TimeSpan OpenAt => _openAt;

    /// <summary>Tells whether all consumers have reported, as far as they are known of. A roster that has just come may name more of them.</summary>
    public Func<bool>? MayOpen { get; set; }

    /// <summary>Tells, when it opens and when it is certain, what of the stream was lost with consumers; null where nothing was. Else it might end well before that is known.</summary>
    public Func<string?>? WhatIsLost { get; set; }

    /// <summary>Elements wait to be asked for.</summary>
    public bool HasMore => Out.Sent < Out.Next;

    /// <summary>What a consumer is told that is to carry it.</summary>
    public Roster? RosterForCarrier => Roster is { } roster ? roster with { IsCertain = IsReaderAwaited && IsCertain } : null;

    public void SetFan(FanRoster? fan)
    {
        Fan = fan;
        OnRosterChanged();
    }

    /// <summary>Where the consumers are that carry the roster, and what the last of them has seen.</summary>
    /// <param name="process">Their process; empty where none carries it.</param>
    /// <param name="seen">The version that all of them have.</param>
    /// <param name="isResumed">One of them outlives its reader, and that is in this process.</param>
    /// <param name="now">The time.</param>
    public void Carry(Guid process, long seen, bool isResumed, TimeSpan now)
    {
        bool wasResumed = IsResumedByWriters;
        bool isNews = process != _readerProcess || seen > _readerRosterSeen;
        _isResumedInFan = isResumed;
        _readerProcess = process;
        _readerRosterSeen = seen;
        _readerRosterSaid = long.MaxValue;   // they are told one by one
        _isReaderEstablished = true;
        _isReaderSilent = false;
        if (isNews) OnRosterSeen();
        if (wasResumed != IsResumedByWriters) Recount(now);   // else the writers would be asked about what comes from now on alone
    }

    /// <summary>Less is asked for than was.</summary>
    public void Lower(long limit) => Out.Lower(limit);

    /// <summary>A consumer reports: what it knows of the others counts, even where it comes too late itself.</summary>
    public void Learn(ReaderReport report)
    {
        if (IsRebuilding) Learn(report.Opened, report.Roster);
        else if (End is null && report.Stream.Id == Stream.Id && report.Stream.Incarnation < Stream.Incarnation) LearnLate(report.Roster);
    }

    /// <summary>Per writer: its first element that the reader has not been sent.</summary>
    public Dictionary<long, long> NextPositions()
    {
        var positions = new Dictionary<long, long>();
        foreach (var slot in _writers.Values) positions[slot.Number] = slot.IsEnded ? slot.In.Received - 1 : slot.In.Received;   // the end has a position of its own
        for (long i = _leg.Runs.End - 1; i >= _leg.Runs.Start; i--)
        {
            var run = _leg.Runs[i];
            if (run.End <= Out.Sent) break;
            if (positions.ContainsKey(run.Writer)) positions[run.Writer] = run.WriterFirst + Math.Max(0, Out.Sent - run.First);
        }

        return positions;
    }

    /// <summary>
    /// Whatever a reader lacks of the writers is here or comes again. That is not known of a writer that a lifetime which this one did not
    /// know of told it to forget; and it is not so where it was sent away, or others read on that it never met.
    /// </summary>
    /// <param name="report">What it reports.</param>
    /// <param name="mayLack">What others have finished need not be given to it.</param>
    public bool Has(ReaderReport report, bool mayLack)
    {
        foreach (var slot in _writers.Values)
        {
            if (IsForgottenBy(report, slot.Number, slot.JoinedBefore)) return false;
            if (mayLack) continue;

            int at = Array.FindIndex(report.Positions, one => one.Writer == slot.Number);
            if ((at >= 0 ? report.Positions[at].Next : 0) < slot.Confirmed) return false;
        }

        return true;
    }

    /// <summary>A writer has gone, as all who read here have finished its elements, of which that reader lacks some, as far as it or anybody here knows.</summary>
    public bool HasLost(ReaderReport report)
    {
        foreach (var entry in report.Roster?.Writers ?? [])
        {
            if (entry.Writer == 0 || _writers.ContainsKey(entry.Writer) || Before.Missing.ContainsKey(entry.Writer)) continue;

            int done = Before.Done.FindIndex(one => one.Writer == entry.Writer), at = Array.FindIndex(report.Positions, one => one.Writer == entry.Writer);
            long end = done >= 0 ? Before.Done[done].EndAt : entry.EndAt;
            if (end < 0 || (at >= 0 ? report.Positions[at].Next : 0) < end) return true;
        }

        return false;
    }

    /// <summary>The last consumer has left; nobody reads since then.</summary>
    public void Vacate(TimeSpan since)
    {
        if (!IsReaderAttached || IsOver) return;
        Detach(since);
        Consumer = null;
        OnRosterChanged();
    }

    /// <summary>A writer that goes on has sent that element in this lifetime, or is going to; not what it knows to be finished.</summary>
    public bool WillSend(long writer, long position) => _writers.TryGetValue(writer, out var slot) && position >= slot.Start;

    /// <summary>Elements are lost, and the writers were told that they are finished: the stream does not end well, though it goes on.</summary>
    public void LoseElements(string how, TimeSpan now)
    {
        if (IsOver) return;

        Lose(how);
        if (End is { Reason: StreamEndReason.Completed })
        {
            End = new StreamEnd(StreamEndReason.Abandoned, how);
            foreach (var slot in _writers.Values) MarkDirty(slot);
        }

        OnRosterChanged();
        EndAfterLastWriter(now);
    }

    /// <summary>How far a writer has said that it knows its elements to be finished; one that is not there sends nothing again.</summary>
    public long KnownBy(long writer) => _writers.TryGetValue(writer, out var slot) ? slot.KnownConfirmed : long.MaxValue;
}
