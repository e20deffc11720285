namespace Casty.Orleans.Protocol;

/// <summary>How a stream's other ends come to know who belongs to it (P-15).</summary>
/// <remarks>
/// Only ends in other processes carry the roster: those in the producer's own are lost with it. The reader does, and two writers:
/// enough to outlive a process, and not a copy for each of thousands.
/// </remarks>
internal sealed partial class ProducerCore<T>
{
    private const int RosterWriters = 2;

    private readonly List<WriterSlot<T>> _keepers = [];
    private readonly List<(WriterSlot<T> Slot, long Version)> _unkeptEnds = [];
    private Roster? _roster;
    private bool _readerCarriesRoster;
    private long _readerRosterSeen;
    private long _readerRosterSaid;

    /// <summary>Grows with every change of the roster.</summary>
    public long RosterVersion { get; private set; } = 1;

    /// <summary>Who belongs to the stream now; while it is being rebuilt, who did when it was last known. Null if that is not known yet.</summary>
    public Roster? Roster => IsRebuilding ? _lastRoster : _roster ??= new Roster(
        Stream.Incarnation, RosterVersion,
        [.. _writers.Values.Select(slot => new RosterEntry(slot.Number, slot.IsEnded ? slot.In.Received - 1 : -1, slot.In.End?.Reason ?? StreamEndReason.None)), .. Gone],
        IsReaderAttached || IsNamed ? Consumer : null, IsNamed, Epoch, _bufferSize, _subscriptionTimeout);

    /// <summary>What those who are gone have left: a stream that cannot complete any more, or that may.</summary>
    private RosterEntry[] Gone =>
        _abandoned || End is { Reason: not StreamEndReason.Completed } ? [new RosterEntry(0, 0, StreamEndReason.Abandoned)]
        : _someEnded ? [new RosterEntry(0, 0, StreamEndReason.Completed)]
        : [];

    /// <summary>
    /// Another process knows the roster as it was at <paramref name="version"/>, if there is one that could. A writer does not
    /// vouch for itself.
    /// </summary>
    public bool IsKept(long version, long exceptWriter = 0)
    {
        bool hasReader = IsReaderAttached && _readerCarriesRoster;
        bool hasKeeper = hasReader;
        if (hasReader && _readerRosterSeen >= version) return true;
        foreach (var slot in _keepers)
        {
            if (slot.Number == exceptWriter) continue;
            if (slot.RosterSeen >= version) return true;
            hasKeeper = true;
        }

        return !hasKeeper;
    }

    /// <summary>The reader is to know of a change; said again until it answers that it does.</summary>
    private bool IsRosterNews => _readerCarriesRoster && _readerRosterSaid < RosterVersion;

    private bool IsRosterUnknown => _readerCarriesRoster && _readerRosterSeen < RosterVersion;

    private void OnRosterChanged()
    {
        if (IsOver) return;
        RosterVersion++;
        _roster = null;
        _keepers.Clear();
        foreach (var slot in _turn)
        {
            if (_keepers.Count == RosterWriters) break;
            if (!slot.CarriesRoster) continue;
            _keepers.Add(slot);
            MarkDirty(slot);
        }

        OnRosterSeen();
    }

    private void OnRosterSeen()
    {
        // A writer's end counts as received once it would survive the producer (P-15).
        for (int i = _unkeptEnds.Count - 1; i >= 0; i--)
        {
            if (!IsKept(_unkeptEnds[i].Version, _unkeptEnds[i].Slot.Number)) continue;
            MarkDirty(_unkeptEnds[i].Slot);
            _unkeptEnds.RemoveAt(i);
        }
    }

    private bool IsEndKept(WriterSlot<T> slot)
    {
        if (IsOver) return true;
        foreach (var (unkept, version) in _unkeptEnds)
        {
            if (unkept == slot) return IsKept(version, slot.Number);
        }

        return true;
    }
}
