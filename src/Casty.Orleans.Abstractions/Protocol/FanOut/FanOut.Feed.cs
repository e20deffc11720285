namespace Casty.Orleans.Protocol;

/// <summary>How elements come from the producer's buffer to the consumers, and how it hears what is finished (P-19).</summary>
internal sealed partial class FanOut<T>
{
    /// <summary>
    /// So many elements may be finished behind one that is not, before the writers are told that this one is finished as well: they could not
    /// forget the others else. Then its consumer and the producer have it, and no writer any more.
    /// </summary>
    private const int MostOvertaken = 16 * 1024;

    private readonly int _mostOvertaken;
    private readonly Action<long, long> _onFinished;
    private long _seenBefore;   // before that place, something may have been handed out when there were consumers before
    private long _overtakenAt;  // the state of the roster that names all who hold what is told to be finished; 0 where nobody waits for that
    private TimeSpan _overtakenUntil = TimeSpan.MaxValue;   // so long it is waited for others to know it
    private bool _isHolding;    // something that is told to be finished has come back, and only this producer has it

    /// <summary>Gives the consumers what they have asked for, and tells the producer.</summary>
    public void Feed(TimeSpan now)
    {
        if (!_isSeated) return;
        foreach (var one in _all) one.Fill();
        if (_producer.IsOver)
        {
            EndAll(_producer.End!);
            return;
        }

        if (!HasConsumers)
        {
            StopReading(now, since: now);
            return;
        }

        if (!_isReading) BeginReading(now);
        Establish(now);
        Assign();
        while (!_producer.IsOver)
        {
            Tell(now);
            if (_producer.IsOver || !_producer.TryTakeFrame(MostElements, long.MaxValue, now, out var frame)) break;

            foreach (var batch in frame.Batches) Distribute(batch);
            if (frame.EndAt >= 0) _end = frame.End;
            if (_end is not null && !IsBalanced) EndAll(_end);
        }

        if (IsBalanced && _end is not null && _returned.Count == 0 && _all.TrueForAll(one => one.Unfinished == 0)) EndAll(_end);
        if (_producer.IsOver) EndAll(_producer.End!);
    }

    /// <summary>The producer's one reader is there from the first consumer on.</summary>
    private void BeginReading(TimeSpan now)
    {
        _isReading = true;
        _seenBefore = Math.Max(_seenBefore, _next);
        _next = _confirmed = _limit = _producer.Subscribe(Consumer, isNamed: true, position: null, now);
        Carry(now);
    }

    /// <summary>The last consumer has gone: if one of them had it all, the stream has been read, and else it waits for others.</summary>
    private void StopReading(TimeSpan now, TimeSpan since)
    {
        if (!_isReading) return;

        _isReading = false;
        if (_end is not null && _someDone)
        {
            _confirmed = _next;
            _producer.OnDemand(DemandOf(isAtEnd: true), now, out _);
            return;
        }

        if (IsBalanced) _confirmed = _finished.Advance(_confirmed, _next);
        KeepReturned();
        _producer.OnDemand(DemandOf(isAtEnd: false), now, out _);
        _end = null;
        _producer.Vacate(since);
    }

    /// <summary>Of what came back, the producer has what is not finished. What it was told to be finished is here alone, and waits for who comes.</summary>
    private void KeepReturned()
    {
        var returned = _returned.ToArray();
        _returned.Clear();
        _returnedCount = 0;
        foreach (var batch in returned)
        {
            long kept = Math.Min(batch.Elements.Count, _confirmed - batch.First);
            if (kept > 0) Return(batch.Take(kept));
        }

        if (_isHolding == _returned.Count > 0) return;
        _isHolding = !_isHolding;
        Publish();
    }

    private void Tell(TimeSpan now)
    {
        long limit = _next + Room;
        if (limit < _limit) _producer.Lower(limit);   // somebody has come who asks for less, or has left
        _limit = limit;
        _confirmed = ConfirmedBy(now);
        Carry(now);
        _producer.OnDemand(DemandOf(isAtEnd: false), now, out _);
    }

    private Demand DemandOf(bool isAtEnd)
    {
        long confirmed = isAtEnd ? _next + 1 : _confirmed;   // the end has a position of its own
        return new Demand(_producer.Stream, _producer.Epoch, Received: _end is null ? _next : _next + 1, confirmed, Limit: Math.Max(_limit, confirmed));
    }

    /// <summary>How many more elements are asked for.</summary>
    private long Room
    {
        get
        {
            if (IsBalanced) return _next - _confirmed > 4 * MostAhead ? 0 : Math.Max(0, _all.Sum(one => one.Room) - _returnedCount);

            long most = 0, least = long.MaxValue;
            foreach (var one in _all)
            {
                if (one.IsEnded) continue;   // it has everything
                most = Math.Max(most, one.Room);
                least = Math.Min(least, one.Room);
            }

            return least == long.MaxValue ? MostElements : IsPacedByFastest ? most : least;
        }
    }

    /// <summary>Everything before that place is finished, as far as the writers are told.</summary>
    private long ConfirmedBy(TimeSpan now)
    {
        if (IsBalanced) return Overtake(now);

        // One that does not hold the others up does not make the writers keep everything either.
        long finished = Math.Max(_confirmed, _all.Min(one => one.Dismissal is null ? one.FinishedPlace(_next) : _next));
        return IsPacedByFastest ? Math.Max(finished, _next - Math.Max(MostOvertaken, 4L * _producer.BufferSize)) : finished;
    }

    /// <summary>How far finished elements of a balanced stream may be ahead of one that is not.</summary>
    private long MostAhead => Math.Max(_mostOvertaken, 4 * _all.Sum(one => one.Unfinished));

    /// <summary>
    /// What holds the writers up may be far behind what is finished. Then they are told that it is finished too, once all who carry the
    /// roster know whose it is; else its loss could go unnoticed.
    /// </summary>
    private long Overtake(TimeSpan now)
    {
        long confirmed = _finished.Advance(_confirmed, _next);   // a place may be finished that comes here again
        long overtaking = _next - confirmed > MostAhead ? Math.Max(confirmed, OvertakingPlace(now)) : confirmed;
        bool isHolding = false, isNews = false;
        foreach (var batch in _returned) isHolding |= batch.First < confirmed;
        bool isChanged = isHolding != _isHolding;
        _isHolding = isHolding;
        foreach (var one in _all)
        {
            bool isOvertaken = one.OldestPlace(_next) < overtaking;
            bool isForsaken = isOvertaken && one.UnreceivedPlace(_next) < overtaking;
            isNews |= (isOvertaken && !one.IsOvertaken) || (isForsaken && !one.IsForsaken);
            isChanged |= isOvertaken != one.IsOvertaken || isForsaken != one.IsForsaken;
            (one.IsOvertaken, one.IsForsaken) = (isOvertaken, isForsaken);
        }

        if (isChanged) Publish();
        if (isNews)
        {
            _overtakenAt = _producer.RosterVersion;
            _overtakenUntil = now + _timings.Suspicion;
            _producer.TellKeepers();
        }

        if (overtaking == confirmed || !IsOvertakenKnown) return confirmed;
        _overtakenUntil = TimeSpan.MaxValue;
        return _finished.Advance(overtaking, _next);
    }

    /// <summary>What its consumer has, or will not have as it is not heard of; not what only the producer has, or one failure could lose it.</summary>
    private long OvertakingPlace(TimeSpan now)
    {
        long first = _next - MostAhead;
        foreach (var batch in _returned) first = Math.Min(first, batch.First);
        foreach (var one in _all)
        {
            if (!IsUnheard(one, now)) first = Math.Min(first, one.UnreceivedPlace(_next));
        }

        return first;
    }

    /// <summary>Whoever carries the roster, and answers, knows who holds what is told to be finished.</summary>
    private bool IsOvertakenKnown => _all.TrueForAll(one => !one.IsKeeper || one.RosterSeen >= _overtakenAt) && _producer.IsKnownToKeepers(_overtakenAt);

    /// <summary>Those who should know it have not said so: their leases will tell, and nobody waits for them.</summary>
    private void OvertakeAnyway(TimeSpan now)
    {
        _overtakenUntil = TimeSpan.MaxValue;
        if (IsOvertakenKnown) return;

        long version = _overtakenAt;
        _overtakenAt = 0;
        _producer.OnSilence(version);
        OnSilence(version, now);
    }

    private bool IsUnheard(Subscription<T> one, TimeSpan now) => one.Leg.Out.IsUnanswered && now - one.HeardAt >= _timings.Suspicion;

    /// <summary>What a consumer has confirmed is finished: for itself, or for all.</summary>
    private void TakeConfirmed(Subscription<T> one)
    {
        one.TakeConfirmed(_onFinished);

        if (!IsBalanced || one.Seat is not { } seat) return;
        _early.UnionWith(seat.Early);
        seat.Early.Clear();
    }

    /// <summary>How far a balanced consumer need not remember what it has finished: the writers know, and would not send it again.</summary>
    private long SettledOf(Subscription<T> one)
    {
        if (!IsBalanced) return 0;

        while (one.History.Count > 0)
        {
            var run = one.History[one.History.Start];
            if (run.End > one.Leg.Out.Sent || _producer.KnownBy(run.Writer) < run.WriterFirst + run.Count) break;
            one.Settled = run.End;
            one.History.DropBefore(one.History.Start + 1);
        }

        return one.Settled;
    }

    private void Distribute(Batch<T> batch)
    {
        _next = batch.Next;
        _hasGiven = true;
        if (IsBalanced)
        {
            foreach (var part in Unknown(batch)) Assign(part, isKept: false);
            batch.Free(_pool);
            return;
        }

        foreach (var one in _all)
        {
            if (one.Seat?.Concerns(batch.Writer, batch.WriterFirst) == true) Offer(one, one.Seat, batch);
            else Give(one, batch);
        }

        if (!IsPacedByFastest) batch.Free(_pool);   // else it may wait for somebody
    }

    private void Offer(Subscription<T> one, Seat<T> seat, Batch<T> batch)
    {
        for (int i = 0; i < batch.Elements.Count; i++)
        {
            if (!seat.TryTake(batch.Elements[i], batch.First + i, batch.Writer, batch.WriterFirst + i)) Give(one, batch.Skip(i).Take(1));
        }
    }

    private void Give(Subscription<T> one, Batch<T> batch)
    {
        if (!IsPacedByFastest)
        {
            one.Append(batch);
            return;
        }

        one.Await(batch);
        one.Fill();
        long tooMany = one.Waiting - _producer.BufferSize;
        if (tooMany <= 0 || _producer.BufferSize == 0) return;

        if (SlowConsumer == StreamSlowConsumer.DropOldest) one.Drop(tooMany);
        else Dismiss(one);
    }

    private void Dismiss(Subscription<T> one)
    {
        one.Dismiss(new StreamEnd(StreamEndReason.Abandoned, $"Consumer '{one.Consumer}' fell more than {_producer.BufferSize} elements behind the others and was sent away."));
        Publish();
    }

    /// <summary>Balanced: the parts of a batch that nobody has had of an earlier lifetime, or when nobody was left for a while.</summary>
    private IEnumerable<Batch<T>> Unknown(Batch<T> batch)
    {
        if (_early.Count == 0 && batch.First >= _seenBefore && _all.TrueForAll(one => one.Seat is null))
        {
            yield return batch;
            yield break;
        }

        for (int i = 0; i < batch.Elements.Count; i++)
        {
            long place = batch.First + i, position = batch.WriterFirst + i;
            if (_finished.Contains(place, out _)) continue;
            if (_early.Remove((batch.Writer, position))) _finished.Add(place, place + 1);
            else if (!_all.Exists(one => one.Seat?.TryTake(batch.Elements[i], place, batch.Writer, position) == true)) yield return batch.Skip(i).Take(1);
        }
    }

    /// <summary>What came back is given out first.</summary>
    private void Assign()
    {
        while (_returned.First is { Value: var batch } && _all.Exists(one => one.Room > 0))
        {
            _returned.RemoveFirst();
            _returnedCount -= batch.Elements.Count;
            Assign(batch, isKept: true);
        }
    }

    /// <summary>Shares a batch among those who have asked, in turn.</summary>
    private void Assign(Batch<T> batch, bool isKept)
    {
        while (batch.Elements.Count > 0)
        {
            int asking = _all.Count(one => one.Room > 0);
            if (asking == 0)
            {
                if (isKept) Return(batch, isFirst: true);
                else Return(batch with { Elements = batch.Elements.ToArray() });
                return;
            }

            Subscription<T> one;
            do one = _all[_turn = (_turn + 1) % _all.Count];
            while (one.Room == 0);

            long count = Math.Min(Math.Min(one.Room, batch.Elements.Count), Math.Max(1, (batch.Elements.Count + asking - 1) / asking));
            one.History.Append(new Run(one.Leg.Out.Next, count, batch.Writer, batch.WriterFirst));
            one.Append(batch.Take(count));
            batch = batch.Skip(count);
        }
    }

    private void Return(Batch<T> batch, bool isFirst = false)
    {
        _returnedCount += batch.Elements.Count;
        if (isFirst) _returned.AddFirst(batch);
        else _returned.AddLast(batch);
    }

    private void EndAll(StreamEnd end)
    {
        _end = end;
        foreach (var one in _all) one.End();
    }
}
