using System.Buffers;
using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>
/// The consumers of a stream that has several (P-19). To the stream's producer it is the one reader, who is always there; to each
/// consumer it is the producer. What not every consumer has asked for (a broadcast), or none has (balanced), stays in the producer's buffer.
/// </summary>
internal sealed partial class FanOut<T>
{
    /// <summary>The name under which it reads.</summary>
    public const string Consumer = "(consumers)";

    private const int MostElements = 4096;

    private readonly ProducerCore<T> _producer;
    private readonly StreamTimings _timings;
    private readonly Func<T, int>? _sizeOf;
    private readonly ArrayPool<T>? _pool;
    private readonly Func<string, bool>? _isHandler;
    private readonly Dictionary<string, Subscription<T>> _byName = [];
    private readonly Dictionary<long, Subscription<T>> _byEpoch = [];   // with a reader
    private readonly List<Subscription<T>> _all = [];
    private readonly Dictionary<long, (StreamEnd End, TimeSpan Until)> _gone = [];
    private readonly LinkedList<Batch<T>> _returned = [];            // balanced: what a consumer had not finished, or was asked for and is not any more
    private readonly RangeSet _finished = new();          // balanced: places that are finished out of turn
    private readonly HashSet<(long Writer, long Position)> _early = [];   // balanced: finished in an earlier lifetime
    private StreamEnd? _end;
    private long _epoch;
    private long _next;        // the place of the next element
    private long _confirmed;   // everything before that place is finished
    private long _limit;
    private long _returnedCount;
    private int _turn;
    private bool _someDone;
    private bool _hasGiven;    // something has been handed to the consumers
    private bool _isReading;   // the producer's reader is there
    private TimeSpan _readUntil = TimeSpan.MinValue;   // when a consumer stopped reading last

    public FanOut(ProducerCore<T> producer, StreamDelivery delivery, StreamSlowConsumer slowConsumer, StreamTimings timings,
        Func<T, int>? sizeOf = null, ArrayPool<T>? pool = null, int mostOvertaken = MostOvertaken, Func<string, bool>? isHandler = null)
    {
        Debug.Assert(delivery != StreamDelivery.Single);
        _producer = producer;
        Delivery = delivery;
        SlowConsumer = slowConsumer;
        _timings = timings;
        _sizeOf = sizeOf;
        _pool = pool;
        _mostOvertaken = mostOvertaken;
        _isHandler = isHandler;
        _onFinished = delivery == StreamDelivery.Balanced ? _finished.Add : static (_, _) => { };
        _isSeated = !producer.IsRebuilding;
        _epoch = producer.Stream.Incarnation;   // two lifetimes that did not know of each other must not give out the same
        if (_isSeated)
        {
            Publish();
            return;
        }

        producer.MayOpen = () => AreAllReported(_settledAt);
        producer.WhatIsLost = WhatIsLost;
    }

    public StreamDelivery Delivery { get; }

    public StreamSlowConsumer SlowConsumer { get; }

    public IReadOnlyList<Subscription<T>> Subscriptions => _all;

    /// <summary>Nobody reads, and nobody is kept a place.</summary>
    public bool IsEmpty => _all.TrueForAll(one => one.IsAway);

    /// <summary>Somebody reads, or is kept a place, and belongs to the stream: one that was sent away only gets the rest of its leg.</summary>
    private bool HasConsumers => _all.Exists(one => one is { Dismissal: null, IsAway: false });

    private bool IsBalanced => Delivery == StreamDelivery.Balanced;

    private bool IsPacedByFastest => Delivery == StreamDelivery.Broadcast && SlowConsumer != StreamSlowConsumer.Wait;

    public Subscription<T>? Find(string consumer) => _byName.GetValueOrDefault(consumer);

    public Subscription<T>? Find(long epoch) => _byEpoch.GetValueOrDefault(epoch);

    /// <summary>That end reads.</summary>
    public Subscription<T>? FindReader(Guid end) => end == Guid.Empty ? null : _all.Find(one => one.Reader == end);

    /// <summary>A reader joins; whoever read under its name is fenced (P-09).</summary>
    /// <param name="consumer">The consumer's name.</param>
    /// <param name="isNamed">The subscription outlives its reader.</param>
    /// <param name="position">Where the one before stopped, if it could say; null goes on after the last confirmed element.</param>
    /// <param name="start">Where it begins, if others read already.</param>
    /// <param name="reader">The end that reads.</param>
    /// <param name="process">Its process, if that is another one than the producer's.</param>
    /// <param name="maxBytes">What may be out and unconfirmed, in bytes.</param>
    /// <param name="now">The time.</param>
    public Subscription<T> Subscribe(string consumer, bool isNamed, long? position, StreamStart start, Guid reader, Guid process, long maxBytes, TimeSpan now)
    {
        Debug.Assert(_isSeated && !_producer.IsOver);
        if (!_byName.TryGetValue(consumer, out var one))
        {
            one = new Subscription<T>(consumer, isNamed, _timings, _sizeOf, _pool) { IsNew = true };
            if (start == StreamStart.Earliest && !IsBalanced) Begin(one);
            Add(one);
        }
        else
        {
            if (position is { } given && one.Leg.Out.TryAcknowledge(given, given, out _)) TakeConfirmed(one);
            Fence(one, now);
            Reopen(one, now);
            one.IsNew = false;
        }

        if (_end is not null && !IsBalanced) one.End();
        one.IsNamed = isNamed;
        one.Leg.Out.MaxBytes = maxBytes;
        Attach(one, ++_epoch, reader, process, now);
        ChooseKeepers(now);
        Publish();
        one.JoinedAt = _producer.RosterVersion;
        Feed(now);
        return one;
    }

    /// <summary>Takes over a stream that had one reader, to whom nothing was sent.</summary>
    public void Adopt(string consumer, bool isNamed, Guid reader, Guid process, long maxBytes, long epoch, long limit, TimeSpan now)
    {
        var one = Subscribe(consumer, isNamed, null, StreamStart.Latest, reader, process, maxBytes, now);
        _byEpoch.Remove(one.Epoch);
        one.Epoch = epoch;   // it goes on as who it was
        _byEpoch.Add(epoch, one);
        one.Leg.Out.Grant(limit);
        Publish();
        Feed(now);
    }

    /// <summary>From now on the present reader gets nothing and is not listened to (P-09).</summary>
    public void Fence(Subscription<T> one, TimeSpan now)
    {
        if (!one.IsAttached) return;
        _byEpoch.Remove(one.Epoch);
        SetGone(one.Epoch, new StreamEnd(StreamEndReason.Superseded), now);
        OnUnread(one, now);
        one.IsAttached = false;
        one.IsFenced = true;
        one.UnreadSince = now;
    }

    /// <summary>A reader that has not asked for anything leaves as if it had never come.</summary>
    public void Unsubscribe(Subscription<T> one, TimeSpan now)
    {
        if (one is { IsNamed: true, IsNew: false }) Detach(one, now);   // it had its place before
        else Remove(one, StreamEnd.Cancelled, now);
        Feed(now);
    }

    /// <summary>Takes what a reader says.</summary>
    public Verdict OnDemand(Demand demand, TimeSpan now, out string? violation)
    {
        violation = null;
        if (!_isSeated && demand.Stream == _producer.Stream) return Hold(demand);
        if (demand.Stream != _producer.Stream || !_byEpoch.TryGetValue(demand.Peer, out var one)) return Verdict.Stale;

        bool progress = false;
        var sending = one.Leg.Out;
        if (demand.Flaw is not null || demand.Limit < demand.Confirmed || !sending.TryAcknowledge(demand.Received, demand.Confirmed, out progress))
        {
            violation = demand.Flaw ?? $"Consumer '{one.Consumer}' has {demand.Received}, finished {demand.Confirmed} and asks up to {demand.Limit}, but {sending.Sent} elements were sent.";
            Remove(one, new StreamEnd(StreamEndReason.ProtocolViolation, violation), now);
            Feed(now);
            return Verdict.Violation;
        }

        one.HeardAt = now;
        if (one.IsSilent)
        {
            one.IsSilent = false;
            ChooseKeepers(now);
        }

        if (demand.RosterSeen > one.RosterSeen) one.RosterSeen = Math.Min(demand.RosterSeen, _producer.RosterVersion);
        if (progress) one.Retry.OnProgress(now);
        progress |= demand.Limit > sending.Limit;
        sending.Grant(demand.Limit);
        TakeConfirmed(one);

        if (demand.Leave == Leave.Cancel)
        {
            Remove(one, StreamEnd.Cancelled, now);

            // Its policy speaks of the stream; another consumer that cannot go on speaks for itself.
            if (demand.End is { Reason: StreamEndReason.Failed } failure && IsHandler(one.Consumer)) _producer.Terminate(failure, now);
        }
        else if (one.IsDone) Finish(one, now);
        else if (demand.Leave == Leave.Detach) Detach(one, now);

        Feed(now);
        return progress || demand.Leave != Leave.None ? Verdict.Accepted : Verdict.Duplicate;
    }

    /// <summary>What a reader is told that is not listened to: how it came to be sent away.</summary>
    public StreamEnd AnswerStale(Demand demand)
    {
        if (demand.Stream == _producer.Stream && _gone.TryGetValue(demand.Peer, out var gone)) return gone.End;
        return new StreamEnd(StreamEndReason.Abandoned, "The producer does not know this reader any more.");
    }

    /// <summary>Takes the next frame for a reader.</summary>
    public bool TryTakeFrame(Subscription<T> one, int maxElements, long maxBytes, TimeSpan now, out Frame<T> frame)
    {
        frame = default;
        bool isRosterNews = one.IsKeeper && one.RosterSeen < _producer.RosterVersion && one.RosterSaid <= one.RosterSeen;
        if (!one.IsAttached || !_isSeated || !(one.Leg.Out.CanSend || isRosterNews)) return false;

        bool isFirstUnanswered = !one.Leg.Out.IsUnanswered;
        var batches = one.Leg.Take(maxElements, maxBytes);
        long endAt = one.Leg.Out.TryTakeEnd() ? one.Leg.Out.Next : -1;
        if (batches.Length == 0 && endAt < 0 && !isRosterNews) return false;

        if (isFirstUnanswered) one.Retry.OnProgress(now);
        if (isRosterNews) one.RosterSaid = _producer.RosterVersion;
        frame = new Frame<T>(_producer.Stream, one.Epoch, batches, endAt, endAt >= 0 ? one.Dismissal ?? _end : null,
            IsHeldBack: one.Leg.Out.IsHeldBack || one.Waiting > 0 || (one.Room == 0 && (_producer.HasMore || _returned.Count > 0)),
            Roster: isRosterNews ? _producer.RosterForCarrier : null, Delivery: Delivery, Settled: SettledOf(one), Dropped: one.Dropped);
        return true;
    }

    /// <summary>When <see cref="OnTick"/> wants to be called.</summary>
    public TimeSpan NextDeadline
    {
        get
        {
            var due = TimeSpan.MaxValue;
            foreach (var one in _all)
            {
                if (one.IsAttached) due = Min(due, Min(one.HeardAt + Patience, IsUnresolved(one) ? RetryAt(one) : TimeSpan.MaxValue));
                else due = Min(due, UnreadDeadline(one));
            }

            foreach (var (_, until) in _gone.Values) due = Min(due, until);
            return Min(due, _overtakenUntil);
        }
    }

    /// <summary>Time has passed. Whose frames in flight are to be given up as lost is told.</summary>
    public void OnTick(TimeSpan now, Action<Subscription<T>> onGivenUp)
    {
        if (now >= _overtakenUntil) OvertakeAnyway(now);
        foreach (long epoch in _gone.Where(one => now >= one.Value.Until).Select(one => one.Key).ToArray()) _gone.Remove(epoch);
        foreach (var one in _all.ToArray())
        {
            if (!one.IsAttached)
            {
                if (now >= UnreadDeadline(one)) Expire(one, now);
            }
            else if (now - one.HeardAt >= Patience)
            {
                if (one.IsNamed) Detach(one, now);
                else Remove(one, new StreamEnd(StreamEndReason.Abandoned, $"The consumer was not heard of for {2 * _timings.Lease}."), now);
            }
            else if (IsUnresolved(one) && now >= RetryAt(one))
            {
                one.Retry.OnExpired(now);
                one.RosterSaid = one.RosterSeen;
                one.Leg.Rewind();
                onGivenUp(one);
            }
        }

        Feed(now);
    }

    /// <summary>Those who should know the roster have not said so: until they speak again, nobody waits for them.</summary>
    public void OnSilence(long version, TimeSpan now)
    {
        foreach (var one in _all) one.IsSilent |= one.IsKeeper && one.RosterSeen < version;
        ChooseKeepers(now);
        Feed(now);
    }

    /// <summary>Changes how elements are kept, not what they are.</summary>
    public void Convert(Func<T, T> convert)
    {
        foreach (var one in _all) one.Convert(convert);
        foreach (var batch in _returned)
        {
            foreach (ref var element in batch.Elements.AsSpan()) element = convert(element);
        }
    }

    private TimeSpan Patience => 1.75 * _timings.Lease;

    private static bool IsUnresolved(Subscription<T> one) =>
        one.Leg.Out.IsUnanswered || one.Leg.Out.CanSend || (one.IsKeeper && one.RosterSaid > one.RosterSeen);

    private TimeSpan RetryAt(Subscription<T> one) => one.Retry.RetryAt(longest: _timings.Renewal);

    private TimeSpan UnreadDeadline(Subscription<T> one)
    {
        if (one.IsReserved) return one.UnreadSince + _timings.Suspicion;

        var timeout = _producer.SubscriptionTimeout;
        return timeout < TimeSpan.Zero || timeout > TimeSpan.MaxValue - one.UnreadSince ? TimeSpan.MaxValue : one.UnreadSince + timeout;
    }

    /// <summary>
    /// A late consumer gets what is still held for whoever has most of it; not of those who were sent away, as what followed is not held there.
    /// </summary>
    private void Begin(Subscription<T> one)
    {
        var slowest = _all.Where(other => other.Dismissal is null).MaxBy(other => other.Unfinished);
        foreach (var batch in slowest?.Held() ?? []) one.Append(batch);
    }

    private void Add(Subscription<T> one)
    {
        _all.Add(one);
        _byName.Add(one.Consumer, one);
    }

    private void Attach(Subscription<T> one, long epoch, Guid reader, Guid process, TimeSpan now)
    {
        one.Epoch = epoch;
        one.Reader = reader;
        one.Process = process;
        one.IsAttached = true;
        one.IsFenced = one.IsSilent = one.IsReserved = one.IsEstablished = one.IsExpected = one.IsAway = false;
        one.JoinedAt = long.MaxValue;   // until it is on the roster
        one.HeardAt = now;
        one.RosterSeen = one.RosterSaid = 0;
        one.Retry.OnProgress(now);
        _byEpoch[epoch] = one;
    }

    /// <summary>What its last reader had not finished is to be sent again: to its next one, or to another consumer.</summary>
    private void Reopen(Subscription<T> one, TimeSpan now)
    {
        var held = one.Held().ToArray();
        if (IsBalanced && one.Seat?.Awaited.Any(id => !_producer.WillSend(id.Writer, id.Position)) == true) Lose(one.Consumer, now);
        one.Restart();
        foreach (var batch in held)
        {
            if (IsBalanced) Return(batch);
            else one.Append(batch);
        }

        if (one.Dismissal is not null) one.End();
    }

    private void Detach(Subscription<T> one, TimeSpan now)
    {
        if (IsBalanced && !IsHandler(one.Consumer))
        {
            Remove(one, StreamEnd.Cancelled, now);   // there is nothing to keep for it: others have what it had not finished
            return;
        }

        _byEpoch.Remove(one.Epoch);
        SetGone(one.Epoch, StreamEnd.Cancelled, now);
        OnUnread(one, now);
        one.IsAttached = one.IsFenced = one.IsOvertaken = one.IsForsaken = false;
        one.IsAway = IsBalanced;
        one.Reader = default;
        one.UnreadSince = now;
        Reopen(one, now);
        if (_end is not null && !IsBalanced) one.End();
        ChooseKeepers(now);
        Publish();
    }

    private void Finish(Subscription<T> one, TimeSpan now)
    {
        _someDone |= one.Dismissal is null;
        Remove(one, one.Dismissal ?? _end!, now);
    }

    private void Expire(Subscription<T> one, TimeSpan now)
    {
        Remove(one, StreamEnd.Cancelled, now);
        if (!IsEmpty || _someDone || one.IsReserved || one.IsAway) return;
        if (_readUntil > one.UnreadSince) StopReading(now, since: _readUntil);   // others read for longer, and have no place any more
        else _producer.Terminate(new StreamEnd(StreamEndReason.Abandoned, $"No reader came within the subscription timeout of {_producer.SubscriptionTimeout}."), now);
    }

    /// <summary>Its reader is about to have gone. Who was sent away did not keep the stream read.</summary>
    private void OnUnread(Subscription<T> one, TimeSpan now)
    {
        if (one is { IsAttached: true, Dismissal: null }) _readUntil = now;
    }

    private bool IsHandler(string consumer) => _isHandler?.Invoke(consumer) == true;

    private void Remove(Subscription<T> one, StreamEnd how, TimeSpan now)
    {
        if (one.IsAttached) SetGone(one.Epoch, how, now);
        OnUnread(one, now);
        _byEpoch.Remove(one.Epoch);
        _byName.Remove(one.Consumer);
        _all.Remove(one);
        if (one.Dismissal is null && !HasConsumers && !IsBalanced) _confirmed = Math.Max(_confirmed, one.FinishedPlace(_next));   // what it leaves waits for others
        one.IsAttached = false;
        if (IsBalanced) Reopen(one, now);
        ChooseKeepers(now);
        Publish();
    }

    private void SetGone(long epoch, StreamEnd how, TimeSpan now) => _gone[epoch] = (how, now + 2 * _timings.Lease);

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
