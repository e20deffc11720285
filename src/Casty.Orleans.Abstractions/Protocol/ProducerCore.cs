using System.Buffers;
using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>
/// The middle of a stream: takes the writers' elements in each writer's order, holds what the reader has not confirmed,
/// sends what the reader asked for, and shares the buffer among the writers. It decides how the stream ends.
/// </summary>
internal sealed partial class ProducerCore<T>
{
    private FewMap<long, WriterSlot<T>> _writers;
    private FewQueue<WriterSlot<T>> _dirty;
    private readonly List<WriterSlot<T>> _turn = new(1);   // who has not ended, in the order of being served
    private readonly Func<T, int>? _sizeOf;
    private readonly ArrayPool<T>? _pool;
    private readonly Leg<T> _leg;
    private readonly StreamTimings _timings;
    private TimeSpan _subscriptionTimeout;
    private int _bufferSize;
    private RetryTimer _retry;
    private TimeSpan _readerHeardAt;
    private TimeSpan _unreadSince;
    private TimeSpan _joinedAt;   // the last writer, or all of them as it opened
    private TimeSpan _endedAt;
    private TimeSpan _leaseCheckAt;
    private bool _isFenced;
    private long _nextWriter = 1;
    private string? _loss;   // why the stream cannot complete any more
    private bool _someEnded;
    private int _served;

    public ProducerCore(StreamKey stream, int bufferSize, TimeSpan subscriptionTimeout, StreamTimings timings, TimeSpan now,
        Func<T, int>? sizeOf = null, long maxBytes = long.MaxValue, ArrayPool<T>? pool = null)
    {
        Stream = stream;
        _bufferSize = bufferSize;
        _subscriptionTimeout = subscriptionTimeout;
        _timings = timings;
        _sizeOf = sizeOf;
        _pool = pool;
        _leg = new Leg<T>(new Outbound<T>(0, sizeOf, maxBytes, pool: pool));
        _retry = new RetryTimer(timings);
        _unreadSince = now;
        _leaseCheckAt = timings.StepBefore(now + timings.Lease / 4);
    }

    public StreamKey Stream { get; }

    /// <summary>The reader's epoch: only grows; 0 before the first reader.</summary>
    public long Epoch { get; private set; }

    /// <summary>The name that the subscription belongs to; null while there is none.</summary>
    public string? Consumer { get; private set; }

    /// <summary>The subscription outlives its reader.</summary>
    public bool IsNamed { get; private set; }

    public bool IsReaderAttached { get; private set; }

    /// <summary>How the stream will end, or has: it stands behind the last element.</summary>
    public StreamEnd? End { get; private set; }

    /// <summary>The stream is over: the reader has seen its end, or nobody will.</summary>
    public bool IsOver { get; private set; }

    /// <summary>
    /// A reader is to have again what only the writers still hold, as this producer took another's place: it has to be rebuilt once
    /// more (P-15). Until it is, nothing is sent.
    /// </summary>
    public bool IsTorn { get; private set; }

    /// <summary>Nothing of this stream needs to be answered any more (P-11).</summary>
    public bool IsForgotten { get; private set; }

    /// <summary>No writer, no reader, and nothing to keep: the stream might as well never have been.</summary>
    public bool IsUnused => !IsRebuilding && _writers.Count == 0 && Consumer is null && End is null && Out.Next == 0;

    private Outbound<T> Out => _leg.Out;

    public long Next => Out.Next;

    public long Confirmed => Out.Confirmed;

    public long Sent => Out.Sent;

    public long Requested => Out.Limit;

    public long MaxBytes => Out.MaxBytes;

    public int Writers => _writers.Count;

    /// <summary>The first writer's options hold; before it, nobody needed them.</summary>
    public void Configure(int bufferSize, TimeSpan subscriptionTimeout)
    {
        Debug.Assert(_turn.Count == 0);
        _bufferSize = bufferSize;
        _subscriptionTimeout = subscriptionTimeout;
        OnRosterChanged();
    }

    /// <summary>Changes how the elements held are kept, as where they turn out to have to be serialised. Not what they are.</summary>
    public void Convert(Func<T, T> convert) => Out.Convert(convert);

    /// <summary>A writer joins. It must not when the stream has an end.</summary>
    public long Attach(TimeSpan now, Guid process = default) => Attach(_nextWriter++, now, process);

    /// <summary>A writer joins under a number of its own. It must not when the stream has an end.</summary>
    /// <param name="number">The writer's number.</param>
    /// <param name="now">The time.</param>
    /// <param name="process">The process that it is in, if that is another one than this producer's.</param>
    public long Attach(long number, TimeSpan now, Guid process = default)
    {
        Debug.Assert(End is null && !IsOver);
        if (IsUnused && !IsReaderAttached) _unreadSince = now;
        _joinedAt = now;

        var slot = new WriterSlot<T>(number, now) { Process = process, JoinedAt = RosterVersion + 1 };
        _writers.Add(slot.Number, slot);
        _turn.Add(slot);
        OnRosterChanged();
        ShareCredit(now);
        return slot.Number;
    }

    /// <summary>A writer that has put nothing leaves as if it had never come.</summary>
    public void Withdraw(long writer, TimeSpan now)
    {
        if (!_writers.TryGetValue(writer, out var slot) || slot.IsEnded || slot.In.Received > 0) return;

        Remove(slot);
        EndAfterLastWriter(now);
        ShareCredit(now);
    }

    /// <summary>A reader joins; whoever read before is fenced (P-09).</summary>
    /// <param name="consumer">The subscription's name.</param>
    /// <param name="isNamed">The subscription outlives its reader.</param>
    /// <param name="position">Where the one before stopped, if it could say; null goes on after the last confirmed element.</param>
    /// <param name="now">The time.</param>
    /// <param name="maxBytes">What may be out and unconfirmed, in bytes.</param>
    /// <param name="process">The process that the reader is in, if that is another one than this producer's.</param>
    /// <returns>Its first position; −1 if only the writers have what it is to get: this producer is torn, and it has not joined.</returns>
    public long Subscribe(string consumer, bool isNamed, long? position, TimeSpan now, long maxBytes = long.MaxValue, Guid process = default)
    {
        Debug.Assert(!IsOver);
        Out.MaxBytes = maxBytes;
        Fence(now);
        if (position is not { } start || !_leg.TryRestart(start)) IsTorn |= !_leg.TryRestart(Out.Confirmed);
        if (IsTorn) return -1;

        Confirm(now);
        Consumer = consumer;
        IsNamed = isNamed;
        _seatedEpoch = ++Epoch;
        _readerBefore = default;
        IsReaderAttached = true;
        _readerProcess = process;
        _isReaderEstablished = false;
        _isReaderSilent = true;
        _readerJoinedAt = RosterVersion + 1;
        _readerRosterSeen = _readerRosterSaid = 0;
        OnRosterChanged();
        _isFenced = false;
        _readerHeardAt = now;
        _retry.OnProgress(now);
        Recount(now);
        return Out.Confirmed;
    }

    /// <summary>A reader that has not asked for anything leaves as if it had never come.</summary>
    public void Unsubscribe(TimeSpan now)
    {
        if (!IsReaderAttached || IsOver) return;
        Detach(now);
        if (!IsNamed || (Epoch == 1 && Out.Confirmed == 0)) Consumer = null;
    }

    /// <summary>From now on the present reader gets nothing and is not listened to (P-09).</summary>
    public void Fence(TimeSpan now)
    {
        if (!IsReaderAttached) return;
        IsReaderAttached = false;
        _isFenced = true;
        _unreadSince = now;
    }

    /// <summary>Takes what a writer sends.</summary>
    public Verdict OnFrame(Frame<T> frame, TimeSpan now, out string? violation)
    {
        violation = null;
        if (IsRebuilding && frame.Stream == Stream) return Before.Reports.ContainsKey(frame.Peer) ? Verdict.Duplicate : Verdict.Stale;
        if (frame.Stream != Stream || !_writers.TryGetValue(frame.Peer, out var slot)) return Verdict.Stale;

        slot.HeardAt = now;
        if (slot.IsSilent || !slot.HasSpoken) OnSpoken(slot);
        OnWriterKnows(slot, frame.Finished, now);
        if (frame.Leaving)
        {
            // It will not ask again; where it says so before its end arrived, it gave up (P-10). What it put may be held here alone now.
            if (!IsOver && slot is { IsEnded: true, IsFinished: false }) SetLeft(slot);
            else if (IsOver || End is not null || slot.IsEnded) Remove(slot);
            else Lose(slot, "A writer gave up on the stream.", now);
            OnRosterChanged();
            return Verdict.Accepted;
        }

        if ((IsOver || (End is not null && !slot.IsEnded)) && !IsBehind(slot))
        {
            MarkDirty(slot);
            return Verdict.Duplicate;
        }

        var verdict = TakeElements(slot, frame, now, out violation);
        if (verdict == Verdict.Violation)
        {
            _turn.Remove(slot);
            EndStream(new StreamEnd(StreamEndReason.ProtocolViolation, violation), now);
            AssertInvariants();
            return verdict;
        }

        // What was recalled has been given back, or has been used: then nothing is left to wait for.
        if (slot.IsRecalled && (frame.Grant == slot.Grant || slot.In.Received >= slot.Ceiling))
        {
            long held = Math.Clamp(frame.Held, slot.In.Received, slot.Ceiling);
            if (held > slot.Limit) slot.Put = held;
            slot.Limit = slot.Ceiling = held;
            slot.In.Lower(slot.Limit);
        }

        if (frame.RosterSeen > slot.RosterSeen)
        {
            slot.RosterSeen = Math.Min(frame.RosterSeen, RosterVersion);
            OnRosterSeen();
        }

        slot.OnWanted(frame.Wanted, frame.Number);
        MarkDirty(slot);
        ShareCredit(now);
        AssertInvariants();
        return verdict;
    }

    /// <summary>Takes what the reader says.</summary>
    public Verdict OnDemand(Demand demand, TimeSpan now, out string? violation)
    {
        violation = null;
        if (IsRebuilding && demand.Stream == Stream) return Hold(demand);
        if (demand.Stream != Stream || demand.Peer != Epoch || !IsReaderAttached || IsOver) return Verdict.Stale;

        bool progress = false;
        if (demand.Flaw is not null || demand.Limit < demand.Confirmed || !Out.TryAcknowledge(demand.Received, demand.Confirmed, out progress))
        {
            violation = demand.Flaw ?? $"The reader has {demand.Received}, finished {demand.Confirmed} and asks up to {demand.Limit}, but {Out.Sent} elements were sent.";
            Terminate(new StreamEnd(StreamEndReason.ProtocolViolation, violation), now);   // nobody is left to read the rest
            return Verdict.Violation;
        }

        _readerHeardAt = now;
        if (_isReaderSilent)
        {
            _isReaderSilent = false;
            OnReaderAwaited();
        }

        if (demand.RosterSeen > _readerRosterSeen)
        {
            _readerRosterSeen = Math.Min(demand.RosterSeen, RosterVersion);
            OnRosterSeen();
        }

        if (progress) _retry.OnProgress(now);
        progress |= demand.Limit > Out.Limit;
        Out.Grant(demand.Limit);
        Confirm(now);
        AskWriters(now);

        if (demand.Leave == Leave.Cancel)
        {
            bool isCause = demand.End is { Reason: StreamEndReason.Failed or StreamEndReason.Cancelled or StreamEndReason.Abandoned or StreamEndReason.ProtocolViolation };
            Terminate(isCause ? demand.End! : StreamEnd.Cancelled, now);
            return Verdict.Accepted;
        }

        if (Out.IsEnded && Out.Confirmed >= Out.Top) Finish(now);
        else if (demand.Leave == Leave.Detach) Detach(now);

        ShareCredit(now);
        AssertInvariants();
        return progress ? Verdict.Accepted : Verdict.Duplicate;
    }

    /// <summary>Takes what is to be said to one writer, in answer to its frame.</summary>
    public bool TryTakeDemandFor(long writer, out Demand demand)
    {
        if (IsRebuilding || !_writers.TryGetValue(writer, out var slot))
        {
            demand = default;
            return false;
        }

        slot.IsDirty = false;
        demand = DemandFor(slot, isAnswer: true);
        return true;
    }

    /// <summary>Takes what is to be said to the next writer that something changed for.</summary>
    public bool TryTakeDemand(out Demand demand)
    {
        while (_dirty.TryDequeue(out var slot))
        {
            if (!slot.IsDirty || !_writers.ContainsKey(slot.Number)) continue;
            slot.IsDirty = false;
            demand = DemandFor(slot, isAnswer: false);
            return true;
        }

        demand = default;
        return false;
    }

    /// <summary>A writer is to be told something.</summary>
    public bool HasDemand => _dirty.Any(slot => slot.IsDirty && _writers.ContainsKey(slot.Number));

    /// <summary>Takes the next frame for the reader.</summary>
    public bool TryTakeFrame(int maxElements, long maxBytes, TimeSpan now, out Frame<T> frame)
    {
        frame = default;
        if (!IsReaderAttached || IsOver || IsTorn || IsRebuilding || !(Out.CanSend || IsRosterNews)) return false;

        bool isFirstUnanswered = !Out.IsUnanswered;
        var batches = _leg.Take(maxElements, maxBytes);
        long endAt = Out.TryTakeEnd() ? Out.Next : -1;
        if (batches.Length == 0 && endAt < 0 && !IsRosterNews) return false;

        // The wait begins with the first frame that is unanswered: later ones must not put off its repetition (P-05).
        if (isFirstUnanswered) _retry.OnProgress(now);
        frame = new Frame<T>(Stream, Epoch, batches, endAt, endAt >= 0 ? End : null,
            IsHeldBack: Out.IsHeldBack, Roster: RosterForReader());
        return true;
    }

    /// <summary>When <see cref="OnTick"/> wants to be called.</summary>
    public TimeSpan NextDeadline
    {
        get
        {
            if (IsForgotten) return TimeSpan.MaxValue;
            if (IsOver) return _endedAt + 2 * _timings.Lease;
            if (IsRebuilding) return _openAt;

            var due = Min(UnreadDeadline, _leaseCheckAt);
            if (_unkeptEnds is { Count: > 0 }) due = Min(due, _unkeptEnds[0].Until);
            if (!IsCertain) due = Min(due, _openAt);
            due = Min(due, _askAgainAt);
            return IsReaderAttached && IsUnresolved ? Min(due, RetryAt) : due;
        }
    }

    /// <summary>Time has passed. True if frames in flight to the reader are to be given up as lost.</summary>
    public bool OnTick(TimeSpan now)
    {
        if (IsForgotten) return false;
        if (IsOver)
        {
            IsForgotten = now >= _endedAt + 2 * _timings.Lease;
            return false;
        }

        if (IsRebuilding)
        {
            if (now >= _openAt) Open(now);
            return false;
        }

        AcknowledgeOldEnds(now);
        if (!IsCertain && now >= _openAt) BecomeCertain(now);
        if (now >= _leaseCheckAt) CheckLeases(now);
        if (now >= _askAgainAt) AskAgain(now);
        if (now >= UnreadDeadline && !IsOver)
        {
            Terminate(new StreamEnd(StreamEndReason.Abandoned, $"No reader came within the subscription timeout of {_subscriptionTimeout}."), now);
        }

        if (IsOver || !IsReaderAttached || !IsUnresolved || now < RetryAt) return false;

        _retry.OnExpired(now);
        _readerRosterSaid = _readerRosterSeen;
        _leg.Rewind();
        AssertInvariants();
        return true;
    }

    /// <summary>Something has not arrived, or could not leave because answers were lost.</summary>
    private bool IsUnresolved => Out.IsUnanswered || Out.CanSend || IsRosterUnknown;

    /// <summary>A reader that is not heard of must not cost a window of elements at every turn: the wait grows long.</summary>
    private TimeSpan RetryAt => _retry.RetryAt(longest: _timings.Renewal);

    /// <summary>What a reader is told that is not listened to: how it came to be sent away.</summary>
    public StreamEnd AnswerStale(Demand demand)
    {
        bool isKnown = demand.Stream == Stream;
        if (isKnown && (demand.Peer < Epoch || (demand.Peer == Epoch && _isFenced))) return new StreamEnd(StreamEndReason.Superseded);

        // An end that still stands behind elements is no answer: the reader's stream would look completed where it was cut.
        return isKnown && IsOver && End is { } end ? end : new StreamEnd(StreamEndReason.Abandoned, "The producer does not know this reader any more.");
    }

    private Verdict TakeElements(WriterSlot<T> slot, Frame<T> frame, TimeSpan now, out string? violation)
    {
        violation = frame.Flaw;
        if (violation is not null) return Verdict.Violation;

        var verdict = Verdict.Duplicate;
        var arrived = Scratch<Batch<T>>.List;
        bool wasEnded = slot.IsEnded;
        foreach (var batch in frame.Batches ?? [])
        {
            var one = batch.Writer == slot.Number && batch.WriterFirst == batch.First
                ? slot.In.OnBatch(batch, arrived, out violation)
                : Verdict.Violation;
            if (one == Verdict.Violation)
            {
                violation ??= $"Writer {slot.Number} sent elements of writer {batch.Writer} at {batch.WriterFirst} as its own at {batch.First}.";
                arrived.Clear();
                return one;
            }

            if (one == Verdict.Accepted) verdict = one;
        }

        foreach (var batch in arrived)
        {
            AppendNew(slot, batch);
            batch.Free(_pool);
        }

        arrived.Clear();

        if (frame is { EndAt: >= 0, End: { } end })
        {
            if (end.Reason is not (StreamEndReason.Completed or StreamEndReason.Failed or StreamEndReason.Abandoned))
            {
                violation = $"Writer {slot.Number} ended as {end.Reason}, which is no way for a writer to end.";
                return Verdict.Violation;
            }

            var one = slot.In.OnEnd(frame.EndAt, end, out violation);
            if (one == Verdict.Violation) return one;
            if (one == Verdict.Accepted) verdict = one;
        }

        if (slot.IsEnded && !wasEnded) OnWriterEnded(slot, slot.In.End!, now);
        return verdict;
    }

    /// <summary>What the reader has not had of it yet.</summary>
    private void AppendNew(WriterSlot<T> slot, Batch<T> batch)
    {
        long had = Math.Clamp(slot.ReaderHas - batch.WriterFirst, 0, batch.Elements.Count);
        if (had < batch.Elements.Count) _leg.Append(had == 0 ? batch : batch.Skip(had));
    }

    /// <summary>Carries what the reader confirmed to the writers that put it.</summary>
    private void Confirm(TimeSpan now)
    {
        while (_leg.TryTakeConfirmed(out var run, out long done))
        {
            if (_writers.TryGetValue(run.Writer, out var slot) && slot.Confirmed < run.WriterFirst + done)
            {
                OnConfirmed(slot, run.WriterFirst + done);
                TellConfirmed(slot, now);
            }

            if (done < run.Count) break;
        }
    }

    private void TellConfirmed(WriterSlot<T> slot, TimeSpan now)
    {
        if (slot is { HasLeft: true, IsFinished: true })
        {
            Remove(slot);
            return;
        }

        // A writer that has heard that all is finished goes. Then no balanced consumer could tell that others had finished the rest.
        if (slot.IsFinished && Fan is { Delivery: StreamDelivery.Balanced }) KeepEnd(slot, now);
        if (slot.IsEnded || IsWorthTelling(slot)) MarkDirty(slot);
    }

    /// <summary>
    /// A writer that puts is told in passing what is finished; one that does not must hear of it too, or a named reader that dies
    /// together with its producer would be given more than a window again.
    /// </summary>
    private bool IsWorthTelling(WriterSlot<T> slot) =>
        IsNamed && slot.IsRemote && slot.Confirmed - slot.ToldConfirmed > (Out.Limit - Out.Confirmed) / 2;

    private Demand DemandFor(WriterSlot<T> slot, bool isAnswer)
    {
        bool isDone = slot.IsFinished && (_turn.Count > 0 || IsOver);
        bool isFinished = isDone && slot.In.End!.Reason == StreamEndReason.Completed;

        bool isEndKept = !slot.IsEnded || IsEndKept(slot);

        // Who has ended waits for what becomes of its elements, or for its failure to be known elsewhere; who has not is sent away by any end.
        bool isTold = !IsBehind(slot) && (IsOver || (End is { } end
            && (!slot.IsEnded || (isEndKept && end.Reason is StreamEndReason.Failed or StreamEndReason.ProtocolViolation))));
        long received = isEndKept ? slot.In.Received : slot.In.Received - 1;

        slot.ToldConfirmed = slot.Confirmed;

        // Who let go has nothing more to wait for then; kept until the stream ends, such writers would gather.
        var told = isTold ? EndFor(slot) : isDone && !isFinished && (isEndKept || !HasFailed(slot)) ? slot.In.End : null;
        return new Demand(Stream, slot.Number, received, isFinished ? received : Math.Min(slot.Confirmed, received), slot.Limit, slot.Grant,
            told, Roster: RosterFor(slot, isAnswer), IsAsking: slot.KnownConfirmed < slot.AskedConfirmed);
    }

    /// <summary>To one that has not ended itself, nothing looks complete.</summary>
    private StreamEnd EndFor(WriterSlot<T> slot) => End is { Reason: StreamEndReason.Completed } && !slot.IsEnded
        ? new StreamEnd(StreamEndReason.Cancelled, "The stream was complete before this writer joined it.")
        : End!;

    private void MarkDirty(WriterSlot<T> slot)
    {
        if (slot.IsDirty) return;
        slot.IsDirty = true;
        _dirty.Enqueue(slot);
    }

    private void Remove(WriterSlot<T> slot)
    {
        _unkeptEnds?.RemoveAll(one => one.Slot == slot);
        if (!IsCertain && slot is { IsFinished: true, In.End.Reason: StreamEndReason.Completed }) Before.Done.Add(EntryOf(slot));
        _writers.Remove(slot.Number);
        _turn.Remove(slot);
        Recount(slot);
        OnRosterChanged();
    }

    [Conditional("DEBUG")]
    private void AssertInvariants()
    {
        Debug.Assert(_turn.Count <= _writers.Count && _turn.TrueForAll(slot => !slot.IsEnded));
        Debug.Assert(IsOver || Out.IsEnded == End is not null);
        Debug.Assert(!IsOver || !IsReaderAttached);
    }

    private static TimeSpan Later(TimeSpan since, TimeSpan wait) => since > TimeSpan.Zero && wait > TimeSpan.MaxValue - since ? TimeSpan.MaxValue : since + wait;

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static long Saturate(long position, long more) => position > long.MaxValue - more ? long.MaxValue : position + more;
}
