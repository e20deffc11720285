namespace Casty.Orleans.Protocol;

/// <summary>How a stream's other ends come to know who belongs to it (P-15).</summary>
/// <remarks>
/// The roster rides on what is said anyway until it is known to have come, and causes no message of its own. The reader carries it
/// and two writers: enough to outlive a process, and not a copy for each of thousands.
/// </remarks>
internal sealed partial class ProducerCore<T>
{
    private const int RosterWriters = 2;

    private readonly List<WriterSlot<T>> _keepers = [];
    private Roster? _roster;
    private bool _readerCarriesRoster;
    private long _readerRosterSeen;

    /// <summary>Grows with every change of the roster.</summary>
    public long RosterVersion { get; private set; } = 1;

    /// <summary>Who belongs to the stream now.</summary>
    public Roster Roster => _roster ??= new Roster(
        RosterVersion,
        [.. _writers.Values.Select(slot => new RosterEntry(slot.Number, slot.IsEnded ? slot.In.Received - 1 : -1, slot.In.End?.Reason ?? StreamEndReason.None))],
        Consumer, IsNamed, Epoch, _bufferSize, _subscriptionTimeout);

    private Roster? RosterForReader => _readerCarriesRoster && _readerRosterSeen < RosterVersion ? Roster : null;

    private Roster? RosterFor(WriterSlot<T> slot) => slot.RosterSeen < RosterVersion && _keepers.Contains(slot) ? Roster : null;

    private void OnRosterChanged()
    {
        if (IsOver) return;

        RosterVersion++;
        _roster = null;
        _keepers.Clear();
        foreach (var slot in _turn)
        {
            if (slot.CarriesRoster) _keepers.Add(slot);
            if (_keepers.Count == RosterWriters) break;
        }
    }

    private void OnRosterSeen(long byReader) => _readerRosterSeen = Math.Clamp(byReader, _readerRosterSeen, RosterVersion);

    private void OnRosterSeen(WriterSlot<T> slot, long byWriter) => slot.RosterSeen = Math.Clamp(byWriter, slot.RosterSeen, RosterVersion);
}
