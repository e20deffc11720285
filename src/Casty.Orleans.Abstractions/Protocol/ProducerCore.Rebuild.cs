using System.Buffers;
using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>How a producer that lost its memory is rebuilt from the stream's ends (P-15).</summary>
/// <remarks>
/// Writers hold what the reader has not finished, the reader knows how far it is with each writer, and every end carries the
/// roster. Until each of the roster has reported, or one lease has passed, nothing is sent, granted or ended.
/// </remarks>
internal sealed partial class ProducerCore<T>
{
    /// <summary>So many lifetimes back, a roster is remembered as known; an older one counts as another branch's, which is safe.</summary>
    private const int MostLifetimes = 16;

    private Past? _past;
    private TimeSpan _openAt;
    private long _seatedEpoch;   // of the newest reader that this lifetime knew

    private Past Before => _past ??= new Past();

    /// <summary>A producer in the place of one that was lost.</summary>
    public static ProducerCore<T> Rebuild(StreamKey stream, StreamTimings timings, TimeSpan now, Func<T, int>? sizeOf = null, ArrayPool<T>? pool = null) =>
        new(stream, StreamRebuildDefaults.BufferSize, StreamRebuildDefaults.SubscriptionTimeout, timings, now, sizeOf, pool: pool)
        {
            IsRebuilding = true,
            IsCertain = false,
            _openAt = now + timings.Lease,
        };

    public int BufferSize => _bufferSize;

    public TimeSpan SubscriptionTimeout => _subscriptionTimeout;

    /// <summary>The writers that have ended and have elements here that the reader has not finished.</summary>
    public IEnumerable<long> Unfinished => _writers.Values.Where(slot => slot is { IsEnded: true, IsFinished: false }).Select(slot => slot.Number);

    /// <summary>It has ended and is gone: what it put is held here alone.</summary>
    public bool IsAbsent(long writer) => _writers.TryGetValue(writer, out var slot) && slot.IsAbsent;

    /// <summary>
    /// What is held here of a writer that has ended, for who takes its place when this producer gives up its own. Null if not all that
    /// the reader lacks is.
    /// </summary>
    public Legacy<T>? LegacyOf(long writer)
    {
        if (!_writers.TryGetValue(writer, out var slot) || slot.In.End is not { } end) return null;

        var elements = new List<T>();
        for (long i = _leg.Runs.Start; i < _leg.Runs.End; i++)
        {
            var run = _leg.Runs[i];
            if (run.Writer != writer) continue;
            for (long position = Math.Max(run.First, Out.Confirmed); position < run.End; position++)
            {
                if (!Out.TryPeek(position, out var element)) return null;
                elements.Add(element);
            }
        }

        long count = slot.In.Received - 1;
        return elements.Count == count - slot.Confirmed ? new Legacy<T>(writer, slot.Confirmed, elements, end) : null;
    }

    /// <summary>
    /// All are known that may belong to the stream. Where that is not so, it does not complete before whoever lives has come: one
    /// lease after the rebuild began (P-15).
    /// </summary>
    public bool IsCertain { get; private set; } = true;

    /// <summary>Writers have set the stream's options.</summary>
    public bool HasHadWriters => _writers.Count > 0 || _past?.Missing.Count > 0 || _someEnded;

    /// <summary>Not all ends have reported yet.</summary>
    public bool IsRebuilding { get; private set; }

    /// <summary>The writer belongs to the stream, or may still ask how it ended for it.</summary>
    public bool Knows(long writer) => _writers.ContainsKey(writer);

    /// <summary>Nothing has come of this run, in this lifetime or before, as far as it is known: its ends can join another.</summary>
    public bool IsProvisional => IsRebuilding
        ? Before.Rosters.Count > 0 && Before.Rosters.TrueForAll(roster => roster.Writers.Length == 0)
            && Before.Reader is null or { HasNothing: true }
            && Before.Reports.Values.All(one => one.Report.Stream.Id != Stream.Id)
        : this is { Sent: 0, Confirmed: 0, IsOver: false } && _writers.Values.All(slot => slot.Confirmed == 0);

    /// <summary>A writer reports. Repeating a report changes nothing.</summary>
    /// <param name="report">Where it is.</param>
    /// <param name="process">The process that it is in.</param>
    /// <param name="now">The time.</param>
    /// <param name="replaces">The writer in whose place it joined; 0 where it took none. Should that one have reported, it does not come back.</param>
    /// <returns>False if the stream does not go on with this writer.</returns>
    public bool Report(WriterReport report, Guid process, TimeSpan now, long replaces = 0)
    {
        if (IsRebuilding)
        {
            if (Before.Joined.Contains(report.Writer)) return false;   // another has its place
            if (report.Stream.Id != Stream.Id && report.Confirmed > 0) return false;   // of another run that has begun: the readers of this one would miss something
            Before.Reports[report.Writer] = (report, process);
            if (report.Stream.Id == Stream.Id) Learn(report.Opened, report.Roster);
            if (replaces != 0) Displace(replaces);
            OpenIfAllReported(now);
            return true;
        }

        if (_writers.TryGetValue(report.Writer, out var slot))
        {
            slot.IsAwaited = false;
            OnWriterKnows(slot, report.Confirmed, now);
            return true;
        }

        if (!IsWelcome(report, now)) return false;

        if (report.Stream.Id == Stream.Id) LearnLate(report.Roster);
        Join(report, process, now);
        JoinEnd(report, now);
        EndAfterLastWriter(now);
        OnRosterChanged();
        Recount(now);
        ShareCredit(now);
        return Knows(report.Writer);
    }

    /// <summary>
    /// It opened before its time, as all whom it knew of had reported; a writer that it did not know of may still come, and goes on
    /// where the reader was with it, as nothing of it has moved meanwhile. One of a run of the stream that was given up for this one,
    /// before anything came of it, brings what it has put.
    /// </summary>
    private bool IsWelcome(WriterReport report, TimeSpan now) =>
        (End is null || Before.Reader?.End is not null) && !Before.Joined.Contains(report.Writer)
            && (report.Stream.Id == Stream.Id ? now < _openAt : report.Confirmed == 0);

    /// <summary>Whom a late writer knows of that nobody had named before may come as well, or is lost.</summary>
    private void LearnLate(Roster? roster)
    {
        if (roster is null || Before.Rosters.Exists(known => known.Covers(roster.Mark))) return;

        Before.Rosters.Add(roster);
        IsCertain = false;
        foreach (var entry in roster.Writers)
        {
            if (!_writers.ContainsKey(entry.Writer) && !Before.Joined.Contains(entry.Writer)) Before.Missing[entry.Writer] = entry;
        }

        _basis = Basis;
    }

    /// <summary>Whoever lives has come by now.</summary>
    private void BecomeCertain(TimeSpan now)
    {
        IsCertain = true;
        foreach (var entry in Before.Missing.Values) Miss(entry, now);
        Before.Missing.Clear();
        Before.Done.Clear();
        if (WhatIsLost?.Invoke() is { } how) Lose(how);
        EndAfterLastWriter(now);
        OnRosterChanged();
    }

    private void Learn(long opened, Roster? roster)
    {
        Before.LastIncarnation = Math.Max(Before.LastIncarnation, opened);
        if (roster is { IsCertain: true }) Before.CertainIncarnation = Math.Max(Before.CertainIncarnation, roster.Incarnation);
        if (roster is null || Before.Rosters.Exists(known => known.Covers(roster.Mark))) return;

        Before.Rosters.RemoveAll(known => roster.Covers(known.Mark));
        Before.Rosters.Add(roster);
        if (roster.IsNewerThan(Before.Roster)) Before.Roster = roster;
    }

    /// <summary>
    /// Whom to wait for: all that any roster names. One that a newer roster does not know of joined another lifetime, which the
    /// newer one never met; who is missing there because it was finished is on no roster that is not covered.
    /// </summary>
    private IEnumerable<RosterEntry> Expected => Before.Roster is null
        ? []
        : Before.Rosters.Where(one => one != Before.Roster).SelectMany(one => one.Writers).Where(entry => entry.Writer == 0 || !Before.Roster.Writers.Any(one => one.Writer == entry.Writer))
            .Concat(Before.Roster.Writers).Where(entry => !Before.Joined.Contains(entry.Writer));

    private void OpenIfAllReported(TimeSpan now)
    {
        if (MayOpen?.Invoke() == false) return;

        if (NewestReader is { End: not null })
        {
            // The end was declared before, and stands: nobody needs to be waited for.
            Open(now);
            return;
        }

        // One of an earlier lifetime than the last may not name who came later.
        if (Before.Roster is not { } roster || roster.Incarnation < Before.LastIncarnation) return;
        if (IsReaderMissing) return;

        // A writer that has ended need not be there any more, if the reader has all it put; but where nobody reads, only all the
        // writers together know who came last.
        foreach (var entry in Expected)
        {
            bool isNeeded = entry.Outcome == StreamEndReason.None || !IsAllReceived(entry) || (NewestReader is null && entry.Writer != 0 && entry.Finished < entry.EndAt);
            if (isNeeded && !Before.Reports.ContainsKey(entry.Writer)) return;
        }

        Open(now);
    }

    private bool IsAllReceived(RosterEntry entry) => Math.Max(entry.Finished, PositionOf(entry.Writer) ?? 0) >= entry.EndAt;

    /// <summary>
    /// A balanced consumer does not know how far all of them are with each writer (P-19). But it was told of the end only after everything
    /// was finished, of each writer that belonged to the stream.
    /// </summary>
    private bool IsAllFinished(WriterReport report) => report.End is not null
        && Before.Reader is { Delivery: StreamDelivery.Balanced, End.Reason: StreamEndReason.Completed, Roster: { } roster } && roster.Covers(report.JoinedAt);

    private long? PositionOf(long writer)
    {
        foreach (var position in Before.Reader?.Positions ?? [])
        {
            if (position.Writer == writer) return position.Next;
        }

        return null;
    }

    /// <summary>How many of a writer's elements the reader has finished; the writer may not have heard of it.</summary>
    private long FinishedOf(long writer)
    {
        foreach (var run in Before.Reader?.Unfinished ?? [])
        {
            if (run.Writer == writer) return run.WriterFirst + Math.Max(0, Before.Reader!.Finished - run.First);
        }

        return PositionOf(writer) ?? FinishedBefore(writer);
    }

    /// <summary>How many of a writer's elements were finished when the rosters were written.</summary>
    private long FinishedBefore(long writer)
    {
        long finished = 0;
        foreach (var roster in Before.Rosters)
        {
            foreach (var entry in roster.Writers)
            {
                if (entry.Writer == writer) finished = Math.Max(finished, entry.Finished);
            }
        }

        return finished;
    }

    /// <summary>
    /// The reader once knew how far it was with that writer, and was told to forget it: a lifetime had given it up while it spoke to
    /// another one. Where it stands cannot be known any more.
    /// </summary>
    private static bool IsForgottenBy(ReaderReport? report, long writer, RosterMark joinedAt) =>
        report?.Roster is { } roster && !Array.Exists(report.Positions, one => one.Writer == writer) && roster.Covers(joinedAt)
        && !Array.Exists(roster.Writers, one => one.Writer == writer);

    /// <summary>Goes on with those who have reported.</summary>
    private void Open(TimeSpan now)
    {
        Debug.Assert(IsRebuilding);
        IsRebuilding = false;
        IsCertain = now >= _openAt || (Before.Roster is not null && Before.CertainIncarnation >= Math.Max(Before.LastIncarnation, Before.Roster.Incarnation));
        if (Before.Roster is { } roster)
        {
            _bufferSize = roster.BufferSize;
            _subscriptionTimeout = roster.SubscriptionTimeout;
            Consumer = roster.IsNamed ? roster.Consumer : null;
            IsNamed = roster.IsNamed;
        }

        Epoch = NewestEpoch;
        Before.Reader = NewestReader;
        _joinedAt = now;
        _unreadSince = now - (Before.Roster?.UnreadFor ?? TimeSpan.Zero);
        if (Before.Reader is { } reader) Seat(reader, now);
        if (Before.Reader?.End is { } end)
        {
            EndStream(end, now);
            Out.TryTakeEnd();   // the reader has it
        }

        bool isReaderLost = IsReaderMissing && !IsNamed;
        _readerBefore = Before.Reader is null && Before.Roster is not null ? Before.Roster.Reader : default;
        if (Before.Roster is null) Lose("Its producer was lost, and nobody knows who belongs to the stream.");
        foreach (var (report, process) in Before.Reports.Values) Join(report, process, now);
        foreach (var entry in Expected)
        {
            if (!Before.Reports.ContainsKey(entry.Writer)) Miss(entry, now);
        }

        if (WhatIsLost?.Invoke() is { } how) Lose(how);
        foreach (var (report, _) in Before.Reports.Values) JoinEnd(report, now);   // once it is known who is there, or the first to have ended would end the stream

        if (isReaderLost) Terminate(new StreamEnd(StreamEndReason.Abandoned, "The reader was lost together with the producer."), now);
        else EndAfterLastWriter(now);

        _basis = Basis;
        Before.Reports.Clear();
        foreach (var slot in _writers.Values) MarkDirty(slot);
        OnRosterChanged();
        Recount(now);
        ShareCredit(now);
        if (Before.HeldDemand is { } demand) OnDemand(demand, now, out _);
    }

    /// <summary>The rosters that went into this lifetime, with those before them: of each lifetime the newest.</summary>
    private RosterMark[] Basis => [.. Before.Rosters.SelectMany(one => one.Basis.Append(one.Mark))
        .GroupBy(mark => mark.Incarnation, (incarnation, marks) => new RosterMark(incarnation, marks.Max(mark => mark.Version)))
        .OrderByDescending(mark => mark.Incarnation).Take(MostLifetimes)];

    /// <summary>What the reader says meanwhile holds when the rest is known; above all, that it leaves.</summary>
    private Verdict Hold(Demand demand)
    {
        if (Before.Reader?.Epoch != demand.Peer) return Verdict.Stale;
        Before.HeldDemand = demand;
        return Verdict.Duplicate;
    }

    /// <summary>A writer goes on where the reader is with it, or where it was last confirmed if nobody reads.</summary>
    private void Join(WriterReport report, Guid process, TimeSpan now)
    {
        if (_writers.ContainsKey(report.Writer)) return;
        if (IsForgottenBy(Before.Reader, report.Writer, report.JoinedAt))
        {
            Lose("A writer was away for so long that its reader was told to forget it.");
            return;
        }

        var (position, finished) = IsAllFinished(report)
            ? (report.Put, report.Put)
            : (Math.Max(PositionOf(report.Writer) ?? FinishedBefore(report.Writer), report.Confirmed), Math.Max(report.Confirmed, FinishedOf(report.Writer)));
        var slot = new WriterSlot<T>(report.Writer, now, position)
        {
            Confirmed = finished,
            Put = report.Put,
            KnownConfirmed = report.Confirmed,
            Process = process,
            JoinedBefore = report.JoinedAt,
            ReportedEnd = report.End is null ? -1 : report.Put,
            IsEstablished = true,
            HasSpoken = true,
        };
        slot.Limit = slot.Ceiling = Math.Max(report.Held, position);
        slot.In.Grant(slot.Limit);
        Before.Joined.Add(slot.Number);
        Before.Missing.Remove(slot.Number);
        _writers.Add(slot.Number, slot);
        _turn.Add(slot);
        MarkDirty(slot);
    }

    /// <summary>A writer that has ended and whose elements have all been received need not say so again.</summary>
    private void JoinEnd(WriterReport report, TimeSpan now)
    {
        if (report.End is not { } end || !_writers.TryGetValue(report.Writer, out var slot)) return;
        if (slot.IsEnded || slot.In.Received != report.Put) return;

        slot.In.OnEnd(report.Put, end, out _);
        OnWriterEnded(slot, end, now);
    }

    /// <summary>A writer that was lost with the producer: the stream does not end well, unless the reader has all of it (P-15).</summary>
    private void Miss(RosterEntry entry, TimeSpan now)
    {
        _someEnded = true;
        if (entry.Outcome is not StreamEndReason.Completed || !IsAllReceived(entry)) Lose("A writer was lost together with the producer, or let go of the stream.");
        else if (entry.Writer != 0) JoinEnded(entry, now);
    }

    private void Lose(string how)
    {
        _someEnded = true;
        _loss ??= how;
    }

    /// <summary>A writer that nobody needs to wait for may still come and ask what became of its elements.</summary>
    private void JoinEnded(RosterEntry entry, TimeSpan now)
    {
        if (_writers.ContainsKey(entry.Writer)) return;   // several rosters may name it

        Before.Joined.Add(entry.Writer);
        var slot = new WriterSlot<T>(entry.Writer, now, entry.EndAt) { IsAwaited = true, Confirmed = FinishedOf(entry.Writer) };
        slot.In.OnEnd(entry.EndAt, StreamEnd.Completed, out _);
        _writers.Add(slot.Number, slot);
    }
}

/// <summary>What a producer knows of the lifetimes before it. Most streams have only one.</summary>
internal sealed class Past
{
    public Dictionary<long, (WriterReport Report, Guid Process)> Reports { get; } = [];

    /// <summary>None covers another.</summary>
    public List<Roster> Rosters { get; } = [];

    /// <summary>Known by name only since it opened: they may still come.</summary>
    public Dictionary<long, RosterEntry> Missing { get; } = [];

    /// <summary>From lifetimes before: none of them joins twice, nor once another has its place.</summary>
    public HashSet<long> Joined { get; } = [];

    /// <summary>Finished since it opened, while an older roster may still bring their names.</summary>
    public List<RosterEntry> Done { get; } = [];

    public ReaderReport? Reader { get; set; }

    /// <summary>The newest.</summary>
    public Roster? Roster { get; set; }

    public Demand? HeldDemand { get; set; }

    public (string Consumer, TimeSpan Since, bool IsWaiting)? Asking { get; set; }

    /// <summary>The last one that is known to have opened.</summary>
    public long LastIncarnation { get; set; }

    public long CertainIncarnation { get; set; }
}

/// <summary>What a rebuilt stream assumes where no end knows better.</summary>
internal static class StreamRebuildDefaults
{
    public const int BufferSize = 1024;

    public static readonly TimeSpan SubscriptionTimeout = TimeSpan.FromMinutes(5);
}

/// <summary>What a writer that is gone has left with its producer.</summary>
/// <param name="Writer">Its number.</param>
/// <param name="First">Its own position of the first element.</param>
/// <param name="Elements">All from there to its end.</param>
/// <param name="End">How it ended.</param>
internal sealed record Legacy<T>(long Writer, long First, IReadOnlyList<T> Elements, StreamEnd End);
