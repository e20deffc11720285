namespace Casty.Orleans.Protocol;

/// <summary>How a stream's other ends come to know who belongs to it (P-15).</summary>
/// <remarks>
/// The reader carries the roster, and two writers in other processes than the producer: enough to outlive a process, and not a copy
/// for each of thousands. Two writers in its own process carry it as well, in case that nothing but the producer is lost.
/// </remarks>
internal sealed partial class ProducerCore<T>
{
    /// <summary>In place of a writer's number.</summary>
    public const long ReaderItself = -1;

    private const int RosterWriters = 2;

    private readonly List<WriterSlot<T>> _keepers = new(1);
    private List<(WriterSlot<T> Slot, long Version, TimeSpan Until)>? _unkeptEnds;
    private Roster? _roster;
    private RosterMark[] _basis = [];
    private Guid _readerProcess;
    private bool _isReaderEstablished;
    private bool _isReaderSilent;
    private long _readerJoinedAt;
    private long _readerRosterSeen;
    private long _readerRosterSaid;

    /// <summary>Grows with every change of the roster.</summary>
    public long RosterVersion { get; private set; } = 1;

    /// <summary>Who belongs to the stream now; while it is being rebuilt, who did when it was last known. Null if that is not known yet.</summary>
    public Roster? Roster => IsRebuilding ? Before.Roster : _roster ??= new Roster(
        Stream.Incarnation, RosterVersion,
        [.. _writers.Values.Select(EntryOf), .. FromBefore, .. Gone],
        IsReaderAttached || IsNamed ? Consumer : null, IsNamed, IsReaderAttached, Epoch, _bufferSize, _subscriptionTimeout, _basis,
        UnreadFor: IsReaderAttached || _joinedAt < _unreadSince ? TimeSpan.Zero : _joinedAt - _unreadSince, Reader: Reader, Fan: Fan);

    /// <summary>Who may still come from lifetimes before, or may still be named.</summary>
    private IEnumerable<RosterEntry> FromBefore => _past is null ? [] : _past.Missing.Values.Concat(_past.Done);

    private static RosterEntry EntryOf(WriterSlot<T> slot) =>
        new(slot.Number, slot.IsEnded ? slot.In.Received - 1 : -1, slot.In.End?.Reason ?? StreamEndReason.None, slot.Confirmed);

    /// <summary>What those who are gone have left: a stream that cannot complete any more, or that may.</summary>
    private RosterEntry[] Gone =>
        _loss is not null || End is { Reason: not StreamEndReason.Completed } ? [new RosterEntry(0, 0, StreamEndReason.Abandoned)]
        : _someEnded ? [new RosterEntry(0, 0, StreamEndReason.Completed)]
        : [];

    /// <summary>
    /// Another process knows the roster as it was at <paramref name="version"/>, if there is one that could. The reader does in any
    /// case, if it is elsewhere, so that there is one end that knows all that counts; and somebody in another process than the end
    /// that it is about, or both could be lost at once. Who vouches must itself be known to others: two who have just joined could
    /// vouch for each other.
    /// </summary>
    /// <param name="version">The roster's version.</param>
    /// <param name="about">The writer that it is about, or <see cref="ReaderItself"/>; 0 if it is about none.</param>
    /// <param name="isFailure">
    /// That writer has failed the stream, which must not look complete for want of anybody who knows. Whoever has joined and not spoken yet
    /// is about to; and where nobody is elsewhere, one beside it is better than none.
    /// </param>
    public bool IsKept(long version, long about = 0, bool isFailure = false)
    {
        var process = about == ReaderItself ? _readerProcess : _writers.TryGetValue(about, out var writer) ? writer.Process : Guid.Empty;
        if (about != ReaderItself && IsReaderAwaited)
        {
            if (_readerRosterSeen < version) return false;
            if (_readerProcess != process) return true;
        }

        bool hasKeeper = false, isMissedBeside = false;
        foreach (var slot in _keepers)
        {
            bool mayVouch = slot.IsEstablished && slot.HasSpoken;
            if (!slot.IsRemote || slot.IsSilent || slot.Number == about || !(mayVouch || isFailure)) continue;
            bool knows = mayVouch && slot.RosterSeen >= version;
            if (slot.Process == process)
            {
                isMissedBeside |= isFailure && !knows;
                continue;
            }

            if (knows) return true;
            hasKeeper = true;
        }

        return !hasKeeper && !isMissedBeside;
    }

    private bool IsReaderRemote => _readerProcess != Guid.Empty;

    /// <summary>A reader elsewhere is to know of a change at once; one in this process hears of it when there is something to say.</summary>
    private bool IsRosterNews => IsReaderRemote && _readerRosterSeen < RosterVersion && !IsReaderRosterOut;

    /// <summary>It was told a roster and has not said that it came: another need not follow it, until the wait for an answer is over.</summary>
    private bool IsReaderRosterOut => _readerRosterSaid > _readerRosterSeen;

    private bool IsRosterUnknown => IsReaderRemote && _readerRosterSeen < RosterVersion;

    /// <summary>What a writer that has just joined is told of the others; null if it is not to carry it.</summary>
    public Roster? RosterOnJoining(long writer) => RosterFor(_writers[writer], isAnswer: true);

    private Roster? RosterForReader()
    {
        if (_readerRosterSeen >= RosterVersion || IsReaderRosterOut) return null;
        _readerRosterSaid = RosterVersion;
        return IsReaderAwaited && IsCertain ? Roster! with { IsCertain = true } : Roster;   // one object for all who are in this process
    }

    /// <summary>Whoever joins waits until the reader knows of it.</summary>
    private bool IsReaderAwaited => IsReaderAttached && IsReaderRemote && _isReaderEstablished && !_isReaderSilent;

    /// <summary>The writers that carry the roster know it as it was at <paramref name="version"/>, but for those that are silent.</summary>
    public bool IsKnownToKeepers(long version) => _keepers.TrueForAll(slot => slot.IsSilent || slot.RosterSeen >= version);

    /// <summary>Somebody waits for those who carry the roster to know it, those in this process included.</summary>
    public void TellKeepers()
    {
        foreach (var slot in _keepers) MarkDirty(slot);
    }

    /// <summary>
    /// The last roster of a lifetime that gives up its place: nobody joins it any more. Null where it was being rebuilt still: it has none of
    /// its own then, and the one that each end carries may name somebody whom the newest of them does not know.
    /// </summary>
    public Roster? LastRoster(TimeSpan now) => IsRebuilding ? null : Roster! with { IsCertain = IsCertain, UnreadFor = IsReaderAttached ? TimeSpan.Zero : now - _unreadSince };

    /// <summary>One roster is on its way to a keeper at a time, or each of many that join would be told of all; one that speaks is told anyway.</summary>
    private Roster? RosterFor(WriterSlot<T> slot, bool isAnswer)
    {
        if (slot.RosterSeen >= RosterVersion || (slot.IsRosterOut && !isAnswer) || !_keepers.Contains(slot)) return null;
        slot.RosterSaid = RosterVersion;
        return Roster;
    }

    private void OnRosterChanged()
    {
        if (IsOver) return;
        RosterVersion++;
        _roster = null;
        ChooseKeepers();
        OnRosterSeen();
    }

    private void ChooseKeepers()
    {
        _keepers.Clear();

        // The oldest that go on; one that has ended and waits for its outcome is as good, where there are no others.
        int remote = 0, local = 0;
        foreach (var slot in _turn.Where(slot => !slot.IsSilent)) Choose(slot);
        if (remote < RosterWriters || local < RosterWriters)
        {
            foreach (var slot in _writers.Values)
            {
                if (slot is { IsEnded: true, IsAbsent: false, IsSilent: false }) Choose(slot);
            }
        }

        // Two in one process would be lost together.
        void Choose(WriterSlot<T> slot)
        {
            if ((slot.IsRemote ? remote : local) >= RosterWriters) return;
            if (slot.IsRemote && _keepers.Exists(one => one.Process == slot.Process)) return;
            _ = slot.IsRemote ? remote++ : local++;
            _keepers.Add(slot);
            if (slot is { IsRemote: true, IsRosterOut: false }) MarkDirty(slot);
        }
    }

    private void OnRosterSeen()
    {
        if (!_isReaderEstablished && IsReaderAttached && IsKept(_readerJoinedAt, ReaderItself))
        {
            _isReaderEstablished = true;
            OnReaderAwaited();
        }

        foreach (var slot in _keepers)
        {
            if (!slot.IsEstablished) slot.IsEstablished = IsKept(slot.JoinedAt, slot.Number);
        }

        for (int i = (_unkeptEnds?.Count ?? 0) - 1; i >= 0; i--)
        {
            if (IsKept(_unkeptEnds![i].Version, _unkeptEnds[i].Slot.Number, HasFailed(_unkeptEnds[i].Slot))) AcknowledgeEnd(i);
        }
    }

    /// <summary>What became of a writer is on the roster from now on; the writer hears of it when others know it.</summary>
    private void KeepEnd(WriterSlot<T> slot, TimeSpan now)
    {
        OnRosterChanged();
        if (!IsKept(RosterVersion, slot.Number, HasFailed(slot))) (_unkeptEnds ??= []).Add((slot, RosterVersion, Later(now, _timings.Suspicion)));
    }

    /// <summary>A writer's end counts as received once it would survive the producer, or those who should know of it are silent (P-15).</summary>
    private void AcknowledgeEnd(int index)
    {
        MarkDirty(_unkeptEnds![index].Slot);
        _unkeptEnds.RemoveAt(index);
    }

    private void AcknowledgeOldEnds(TimeSpan now)
    {
        if (_unkeptEnds is null) return;
        if (_unkeptEnds.Count > 0 && now >= _unkeptEnds[0].Until) OnSilence(_unkeptEnds[0].Version);
        while (_unkeptEnds.Count > 0 && now >= _unkeptEnds[0].Until) AcknowledgeEnd(0);
    }

    /// <summary>A writer that is there may carry the roster.</summary>
    private void OnSpoken(WriterSlot<T> slot)
    {
        slot.HasSpoken = true;
        slot.IsSilent = false;
        ChooseKeepers();
        OnRosterSeen();
    }

    /// <summary>An end waits for its part of the roster to be known elsewhere.</summary>
    public bool HasUnkeptEnds => _unkeptEnds is { Count: > 0 };

    /// <summary>
    /// Those who should know the roster have not said so for the suspicion time. They may be dead, which their leases will tell; until
    /// they speak again, nobody waits for them.
    /// </summary>
    public void OnSilence(long version)
    {
        _isReaderSilent |= _readerRosterSeen < version;
        foreach (var slot in _keepers) slot.IsSilent |= slot.RosterSeen < version;
        OnRosterChanged();
    }

    /// <summary>From now on the reader knows of everybody: it is to have that in writing.</summary>
    private void OnReaderAwaited()
    {
        if (!IsReaderAwaited) return;
        RosterVersion++;
        _roster = null;
    }

    private static bool HasFailed(WriterSlot<T> slot) => slot.In.End?.Reason == StreamEndReason.Failed;

    private bool IsEndKept(WriterSlot<T> slot) => IsOver || _unkeptEnds?.Exists(one => one.Slot == slot) != true;
}
