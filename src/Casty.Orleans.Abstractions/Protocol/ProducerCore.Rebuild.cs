using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>How a producer that lost its memory is rebuilt from the stream's ends (P-15).</summary>
/// <remarks>
/// Writers hold what the reader has not finished, the reader knows how far it is with each writer, and every end carries the
/// roster. Until each of the roster has reported, or one lease has passed, nothing is sent, granted or ended.
/// </remarks>
internal sealed partial class ProducerCore<T>
{
    private readonly Dictionary<long, WriterReport> _reports = [];
    private readonly HashSet<long> _carriers = [];
    private ReaderReport? _readerReport;
    private Roster? _lastRoster;
    private Demand? _heldDemand;
    private TimeSpan _openAt;
    private long _lastIncarnation;

    /// <summary>A producer in the place of one that was lost.</summary>
    public static ProducerCore<T> Rebuild(StreamKey stream, StreamTimings timings, TimeSpan now, Func<T, int>? sizeOf = null) =>
        new(stream, StreamRebuildDefaults.BufferSize, StreamRebuildDefaults.SubscriptionTimeout, timings, now, sizeOf)
        {
            IsRebuilding = true,
            _openAt = now + timings.Lease,
        };

    /// <summary>Not all ends have reported yet.</summary>
    public bool IsRebuilding { get; private set; }

    /// <summary>The writer belongs to the stream, or may still ask how it ended for it.</summary>
    public bool Knows(long writer) => _writers.ContainsKey(writer);

    /// <summary>A writer reports. Repeating a report changes nothing.</summary>
    public void Report(WriterReport report, bool carriesRoster, TimeSpan now)
    {
        if (carriesRoster) _carriers.Add(report.Writer);
        if (!IsRebuilding)
        {
            Join(report, now);
            JoinEnd(report, now);
            OnRosterChanged();
            ShareCredit();
            return;
        }

        _reports[report.Writer] = report;
        Learn(report.Stream, report.Roster);
        OpenIfAllReported(now);
    }

    /// <summary>The reader reports. Repeating a report changes nothing.</summary>
    public void Report(ReaderReport report, long maxBytes, bool carriesRoster, TimeSpan now)
    {
        if (!IsRebuilding || (_readerReport is { } known && known.Epoch > report.Epoch)) return;

        _readerReport = report;
        _out.MaxBytes = maxBytes;
        _readerCarriesRoster = carriesRoster;
        Learn(report.Stream, report.Roster);
        OpenIfAllReported(now);
    }

    private void Learn(StreamKey last, Roster? roster)
    {
        _lastIncarnation = Math.Max(_lastIncarnation, last.Incarnation);
        if (roster is not null && roster.IsNewerThan(_lastRoster)) _lastRoster = roster;
    }

    private void OpenIfAllReported(TimeSpan now)
    {
        // One of an earlier lifetime than the last may not name who came later.
        if (_lastRoster is not { } roster || roster.Incarnation < _lastIncarnation) return;
        if (roster.Consumer is not null && _readerReport is null) return;
        if (roster.Writers.Any(one => one.Outcome == StreamEndReason.None && !_reports.ContainsKey(one.Writer))) return;

        // A writer that has ended need not be there any more; if the reader has all it put, nobody needs to wait for it.
        if (roster.Writers.Any(one => one.Outcome != StreamEndReason.None && !_reports.ContainsKey(one.Writer) && !IsAllReceived(one))) return;
        Open(now);
    }

    private bool IsAllReceived(RosterEntry entry) => entry.EndAt == 0 || PositionOf(entry.Writer) >= entry.EndAt;

    private long? PositionOf(long writer)
    {
        foreach (var position in _readerReport?.Positions ?? [])
        {
            if (position.Writer == writer) return position.Next;
        }

        return null;
    }

    /// <summary>How many of a writer's elements the reader has finished; the writer may not have heard of it.</summary>
    private long FinishedOf(long writer)
    {
        foreach (var run in _readerReport?.Unfinished ?? [])
        {
            if (run.Writer == writer) return run.WriterFirst + Math.Max(0, _readerReport!.Finished - run.First);
        }

        return PositionOf(writer) ?? 0;
    }

    /// <summary>Goes on with those who have reported.</summary>
    private void Open(TimeSpan now)
    {
        Debug.Assert(IsRebuilding);
        IsRebuilding = false;
        if (_lastRoster is { } roster)
        {
            _bufferSize = roster.BufferSize;
            _subscriptionTimeout = roster.SubscriptionTimeout;
            Epoch = roster.Epoch;
            Consumer = roster.IsNamed ? roster.Consumer : null;
            IsNamed = roster.IsNamed;
        }

        _unreadSince = now;
        if (_readerReport is { } reader) Seat(reader, now);
        if (_readerReport?.End is { } end)
        {
            EndStream(end, now);
            _out.TryTakeEnd();   // the reader has it
        }

        bool isReaderLost = _readerReport is null && _lastRoster is { Consumer: not null, IsNamed: false };
        foreach (var report in _reports.Values) Join(report, now);
        foreach (var entry in _lastRoster?.Writers ?? [])
        {
            if (!_reports.ContainsKey(entry.Writer)) Miss(entry, now);
        }

        foreach (var report in _reports.Values) JoinEnd(report, now);   // once it is known who is there, or the first to have ended would end the stream

        if (isReaderLost) Terminate(new StreamEnd(StreamEndReason.Abandoned, "The reader was lost together with the producer."), now);
        else if (_turn.Count == 0 && _someEnded) EndStream(WritersEnd, now);

        _reports.Clear();
        _readerReport = null;
        foreach (var slot in _writers.Values) MarkDirty(slot);
        OnRosterChanged();
        ShareCredit();
        if (_heldDemand is { } demand) OnDemand(demand, now, out _);
    }

    /// <summary>What the reader says meanwhile holds when the rest is known; above all, that it leaves.</summary>
    private Verdict Hold(Demand demand)
    {
        if (_readerReport?.Epoch != demand.Peer) return Verdict.Stale;
        _heldDemand = demand;
        return Verdict.Duplicate;
    }

    private void Seat(ReaderReport reader, TimeSpan now)
    {
        _out = new Outbound<T>(reader.Received, _sizeOf, _out.MaxBytes, reader.Finished);
        foreach (var run in reader.Unfinished) _runs.Append(run);
        _sendRun = _runs.End;
        Epoch = Math.Max(Epoch, reader.Epoch);
        Consumer = reader.Consumer;
        IsNamed = reader.IsNamed;
        IsReaderAttached = true;
        _readerHeardAt = now;
    }

    /// <summary>A writer goes on where the reader is with it, or where it was last confirmed if nobody reads.</summary>
    private void Join(WriterReport report, TimeSpan now)
    {
        if (_writers.ContainsKey(report.Writer) || IsOver) return;

        long position = Math.Max(PositionOf(report.Writer) ?? 0, report.Confirmed);
        var slot = new WriterSlot<T>(report.Writer, now, position) { Confirmed = Math.Max(report.Confirmed, FinishedOf(report.Writer)), Put = report.Put, CarriesRoster = _carriers.Contains(report.Writer) };
        slot.Limit = slot.Ceiling = Math.Max(report.Held, position);
        slot.In.Grant(slot.Limit);
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
        if (entry.Outcome is not StreamEndReason.Completed || !IsAllReceived(entry)) _abandoned = true;
        else if (entry.Writer != 0) JoinEnded(entry, now);
    }

    /// <summary>A writer that nobody needs to wait for may still come and ask what became of its elements.</summary>
    private void JoinEnded(RosterEntry entry, TimeSpan now)
    {
        var slot = new WriterSlot<T>(entry.Writer, now, entry.EndAt) { Confirmed = FinishedOf(entry.Writer) };
        slot.In.OnEnd(entry.EndAt, StreamEnd.Completed, out _);
        _writers.Add(slot.Number, slot);
    }
}

/// <summary>What a rebuilt stream assumes where no end knows better.</summary>
internal static class StreamRebuildDefaults
{
    public const int BufferSize = 1024;

    public static readonly TimeSpan SubscriptionTimeout = TimeSpan.FromMinutes(5);
}
