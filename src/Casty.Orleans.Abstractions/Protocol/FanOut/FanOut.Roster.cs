namespace Casty.Orleans.Protocol;

/// <summary>How it comes to be known elsewhere who the consumers are (P-15, P-19).</summary>
internal sealed partial class FanOut<T>
{
    /// <summary>In place of the process of several.</summary>
    private static readonly Guid Several = new(-1, -1, -1, [255, 255, 255, 255, 255, 255, 255, 255]);

    private const int Keepers = 2;

    private int _rostersKnown;   // when this one's own was published

    /// <summary>
    /// Another process than the consumer's own knows the roster as it was at <paramref name="version"/>, if there is one that could.
    /// </summary>
    public bool IsKept(long version, long epoch)
    {
        var process = Find(epoch)?.Process ?? Guid.Empty;
        bool hasKeeper = false;
        foreach (var one in _all)
        {
            if (!one.IsKeeper || one.Epoch == epoch || one.Process == process) continue;
            if (one.RosterSeen >= version) return true;
            hasKeeper = true;
        }

        return !hasKeeper && _producer.IsKept(version, ProducerCore<T>.ReaderItself);
    }

    /// <summary>Two in other processes than the producer's, and than each other's, carry the roster.</summary>
    private void ChooseKeepers(TimeSpan now)
    {
        var processes = new HashSet<Guid> { Guid.Empty };
        foreach (var one in _all) one.IsKeeper = one is { IsAttached: true, IsEstablished: true, IsSilent: false } && processes.Count <= Keepers && processes.Add(one.Process);
        Carry(now);
    }

    /// <summary>Whose joining others know of may carry the roster from now on; one after another, as the next may have to be known to it.</summary>
    private void Establish(TimeSpan now)
    {
        foreach (var one in _all)
        {
            if (!one.IsAttached || one.IsEstablished || !IsKept(one.JoinedAt, one.Epoch)) continue;
            one.IsEstablished = true;
            ChooseKeepers(now);
        }
    }

    /// <summary>To the producer, all that carry the roster are one: it is where the last of them is.</summary>
    private void Carry(TimeSpan now)
    {
        if (!_isReading) return;

        var process = Guid.Empty;
        long seen = long.MaxValue;
        foreach (var one in _all)
        {
            if (!one.IsKeeper) continue;
            process = process == Guid.Empty ? one.Process : Several;
            seen = Math.Min(seen, one.RosterSeen);
        }

        _producer.Carry(process, process == Guid.Empty ? 0 : seen, _all.Exists(one => one.IsNamed && one.Process == Guid.Empty), now);
    }

    private void Publish()
    {
        _rostersKnown = _producer.Known.Count;
        _producer.SetFan(new FanRoster(Delivery, SlowConsumer, [.. _all.Select(EntryOf), .. Inherited, .. _isHolding ? [Holding] : Array.Empty<SubscriptionEntry>()]));
    }

    /// <summary>A roster that came late counts as known with this one's own, so whom it names that held what nobody else has must be on that.</summary>
    private IEnumerable<SubscriptionEntry> Inherited => !_isSeated || _producer.IsCertain ? []
        : Lost.Where(entry => !_all.Exists(one => !one.IsAway && one.Consumer == entry.Consumer && one.Epoch == entry.Epoch));

    /// <summary>The producer itself, in the place of a consumer that is lost with it.</summary>
    private static SubscriptionEntry Holding => new(Consumer, IsNamed: false, IsRead: false, Epoch: 0, Reader: default, Positions: [], IsOvertaken: true, IsDismissed: true);

    private SubscriptionEntry EntryOf(Subscription<T> one) =>
        new(one.Consumer, one.IsNamed, one.IsAttached || one.IsExpected, one.Epoch, one.Reader, one.IsAttached || one.IsExpected || one.IsAway ? [] : PositionsOf(one), one.IsOvertaken, one.Dismissal is not null || one.IsForsaken);

    /// <summary>Where a reader that has just subscribed begins with each writer; with those that are not named, at their first element.</summary>
    public WriterPosition[] StartOf(Subscription<T> one) => IsBalanced ? [] : Array.FindAll(PositionsOf(one), position => position.Next > 0);

    private WriterPosition[] PositionsOf(Subscription<T> one)
    {
        var positions = _producer.NextPositions();
        one.Seat?.Raise(positions);
        foreach (var batch in one.Held()) positions[batch.Writer] = Math.Min(positions.GetValueOrDefault(batch.Writer, long.MaxValue), batch.WriterFirst);
        return [.. positions.Select(position => new WriterPosition(position.Key, position.Value))];
    }
}
