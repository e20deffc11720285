using System.Buffers;
using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>
/// A reader's end of a stream: asks for what it has room for, restores order, hands elements out one by one, and knows
/// how far it is and how the stream ended.
/// </summary>
internal sealed partial class ReaderCore<T>
{
    private readonly StreamTimings _timings;
    private Inbound<T> _in;
    private FewQueue<Batch<T>> _ready;
    private readonly Func<T, int>? _sizeOf;
    private readonly ArrayPool<T>? _pool;
    private readonly long _maxBytes;
    private DemandWindow _window;
    private RetryTimer _retry;
    private TimeSpan _answeredAt;
    private Leave _saidLeave;
    private long _saidLimit;
    private long _saidConfirmed;
    private Leave _leave;
    private StreamEnd? _leaveCause;
    private int _offset;
    private long _waitingElements;
    private long _bytesSinceSaid;
    private long _answeredLimit;
    private long _answeredConfirmed;
    private bool _isUnanswered;
    private bool _isStarving;
    private bool _isHeldBack;
    private bool _mustSpeak;
    private (Exception Cause, TimeSpan At)? _trouble;

    public ReaderCore(StreamKey stream, long epoch, long position, int initialDemand, int maxDemand, StreamTimings timings,
        TimeSpan now, Func<T, int>? sizeOf = null, long maxBytes = long.MaxValue, ArrayPool<T>? pool = null)
    {
        Stream = stream;
        Epoch = epoch;
        _opened = stream.Incarnation;
        Given = Finished = position;
        _in = new Inbound<T>(position);
        _window = new DemandWindow(initialDemand, maxDemand, now);
        _retry = new RetryTimer(timings);
        _retry.OnSpoke(now, begins: true);
        _timings = timings;
        _answeredAt = now;
        _sizeOf = sizeOf;
        _maxBytes = maxBytes;
        _pool = pool;
        _in.Grant(Saturate(position, _window.Size));
        _saidLimit = _saidConfirmed = _answeredLimit = _answeredConfirmed = position;
    }

    public StreamKey Stream { get; private set; }

    public StreamTimings Timings => _timings;

    /// <summary>Whom the stream's elements go to.</summary>
    public StreamDelivery Delivery { get; set; } = StreamDelivery.Single;

    /// <summary>How many elements were dropped for this reader, as it was too slow for the others.</summary>
    public long Dropped { get; private set; }

    public long Epoch { get; private set; }

    /// <summary>How many elements the reader was given: the position after the last one.</summary>
    public long Given { get; private set; }

    /// <summary>Everything before it is finished: the reader has asked for the next one, or left.</summary>
    public long Finished { get; private set; }

    /// <summary>How many elements are asked for and not given.</summary>
    public long Outstanding => _in.Limit - Given;

    /// <summary>How many elements wait to be given.</summary>
    public long Waiting => _waitingElements;

    /// <summary>How the stream ended for this reader, once everything before that was given; null while it goes on.</summary>
    public StreamEnd? End { get; private set; }

    /// <summary>The reader has left, or has seen the end: no more elements.</summary>
    public bool IsOver => End is not null || _leave != Leave.None;

    /// <summary>
    /// Its handle is on its way to another process: it keeps its place for whoever takes over from it, and the stream does not come to
    /// its end for this one (P-17).
    /// </summary>
    public bool IsParked { get; private set; }

    /// <summary>There is nothing left to say: the producer knows that this reader is done, or is given up.</summary>
    public bool IsSettled { get; private set; }

    /// <summary>Why the producer does not know that this reader has left; null where it does, or where the reader has not.</summary>
    public StreamEnd? Unheard { get; private set; }

    /// <summary>The reader asks for the next element; with that, the one before is finished.</summary>
    public bool TryTake(out T element)
    {
        Finish();
        if (IsOver || !_ready.TryPeek(out var batch))
        {
            element = default!;
            OnStarved();
            return false;
        }

        element = batch.Elements[_offset++];
        if (_offset == batch.Elements.Count)
        {
            _ready.Dequeue().Free(_pool);
            _offset = 0;
        }

        _isStarving = false;
        _waitingElements--;
        Given++;
        if (_sizeOf is not null) _bytesSinceSaid += _sizeOf(element);
        _in.Grant(Saturate(Given, _window.Size));
        SeeEnd();
        return true;
    }

    /// <summary>The reader asks for the next element, and there is none.</summary>
    public void OnStarved()
    {
        if (IsOver || _isStarving) return;
        _isStarving = true;
        if (_isHeldBack) _window.OnStarved();
        if (_in.Received == _saidLimit || _saidConfirmed < Finished) _mustSpeak |= IsWorthSaying();
    }

    /// <summary>
    /// The elements that are next, at most <paramref name="max"/>, for a reader that takes them by itself and tells afterwards how
    /// many (<see cref="OnTaken"/>). Until it does, they count as waiting.
    /// </summary>
    public ArraySegment<T> Peek(int max)
    {
        if (IsOver || !_ready.TryPeek(out var batch)) return default;
        int count = Math.Min(max, batch.Elements.Count - _offset);
        return batch.Elements.Slice(_offset, count);
    }

    /// <summary>The reader has taken that many more of the elements that are next: all but the last of them are finished.</summary>
    public void OnTaken(int count)
    {
        if (count == 0) return;
        Take(count);
        Finished = Given - 1;
        Untrack();
        SeeEnd();
    }

    private void Take(int count)
    {
        var batch = _ready.Peek();
        Debug.Assert(!IsOver && count <= batch.Elements.Count - _offset);
        if (_sizeOf is not null)
        {
            foreach (var element in batch.Elements.AsSpan(_offset, count)) _bytesSinceSaid += _sizeOf(element);
        }

        _offset += count;
        if (_offset == batch.Elements.Count)
        {
            _ready.Dequeue().Free(_pool);
            _offset = 0;
        }

        _isStarving = false;
        _waitingElements -= count;
        Given += count;
        _in.Grant(Saturate(Given, _window.Size));
    }

    /// <summary>So many elements may be taken at a time without anything being said in between.</summary>
    public int Stride => Math.Max(1, _window.Size / 4);

    /// <summary>What was given is finished.</summary>
    public void Finish()
    {
        Finished = Given;
        Untrack();
        SeeEnd();
    }

    /// <summary>Takes what the producer sends.</summary>
    public Verdict OnFrame(Frame<T> frame, TimeSpan now, out string? violation)
    {
        violation = null;
        if (frame.Stream != Stream || frame.Peer != Epoch) return Verdict.Stale;

        SeeLease(now);
        _answeredAt = now;
        if (frame.IsOver) return StopNow(frame.End, out violation);
        if (IsReported) return Verdict.Duplicate;

        _opened = Stream.Incarnation;
        Keep(frame.Roster);
        if (IsOver) return Verdict.Duplicate;

        violation = frame.Flaw;
        if (violation is not null) return Verdict.Violation;

        var verdict = Verdict.Duplicate;
        var arrived = Scratch<Batch<T>>.List;
        foreach (var batch in frame.Batches ?? [])
        {
            var one = _in.OnBatch(batch, arrived, out violation);
            if (one == Verdict.Violation) return Violated();
            if (one == Verdict.Accepted) verdict = one;
        }

        if (frame is { EndAt: >= 0, End: { } end })
        {
            var one = _in.OnEnd(frame.EndAt, end, out violation);
            if (one == Verdict.Violation) return Violated();
            if (one == Verdict.Accepted) verdict = one;
        }

        foreach (var batch in arrived)
        {
            _ready.Enqueue(batch);
            _waitingElements += batch.Elements.Count;
            Track(batch);
        }

        arrived.Clear();
        Delivery = frame.Delivery ?? Delivery;
        _settled = Math.Max(_settled, frame.Settled);
        Dropped = Math.Max(Dropped, frame.Dropped);
        if (verdict == Verdict.Accepted)
        {
            _retry.OnProgress(now);
            _isHeldBack = frame.IsHeldBack;
        }

        SeeEnd();
        AssertInvariants();
        return verdict;

        Verdict Violated()
        {
            arrived.Clear();
            return Verdict.Violation;
        }
    }

    /// <summary>The stream is over at once. One that was cut must not look completed.</summary>
    private Verdict StopNow(StreamEnd? end, out string? violation)
    {
        violation = end is { Reason: not (StreamEndReason.None or StreamEndReason.Completed) } ? null : $"The producer cuts the stream as {end?.Reason}, which is no way to be cut.";
        if (violation is not null) return Verdict.Violation;
        if (IsOver) return Verdict.Duplicate;
        Stop(end!);
        return Verdict.Accepted;
    }

    /// <summary>The producer answered a demand: it lives.</summary>
    public void OnAnswered(Demand answered, TimeSpan now)
    {
        SeeLease(now);
        _answeredAt = now;
        _isUnanswered = false;
        _answeredLimit = Math.Max(_answeredLimit, answered.Limit);
        _answeredConfirmed = Math.Max(_answeredConfirmed, answered.Confirmed);
        if (answered.Leave != Leave.None || (_in.End is not null && answered.Confirmed >= _in.Received)) IsSettled = true;
    }

    /// <summary>The reader leaves before the end. The first leave counts.</summary>
    /// <param name="leave">How.</param>
    /// <param name="cause">What its writers are told, or null.</param>
    /// <param name="isInHand">It has not finished the last element that it was given, and is not at the end if that was the last one of all.</param>
    public bool TryLeave(Leave leave, StreamEnd? cause = null, bool isInHand = false)
    {
        isInHand &= Given > Finished || _isEndInHand;
        if (isInHand && !IsSettled && _leave == Leave.None && _in.End is not null) End = null;
        if (IsOver)
        {
            Finish();
            return false;
        }

        _leave = leave;
        _leaveCause = cause;
        if (isInHand) Given = Finished;   // as if it had not been given, whoever asks
        else Finished = Given;
        DropElements();
        _mustSpeak = true;
        return true;
    }

    /// <summary>From now on it only keeps its place. It must not have seen the end.</summary>
    public void Park()
    {
        Debug.Assert(!IsOver);
        IsParked = true;
    }

    /// <summary>The stream is over for this reader without a word from the producer, or because it was told so.</summary>
    public void Stop(StreamEnd end)
    {
        if (!IsSettled && _leave != Leave.None) Unheard = end;
        IsSettled = true;
        if (IsOver) return;
        End = end;
        DropElements();
    }

    /// <summary>The newest demand.</summary>
    public Demand Current => new(Stream, Epoch, _in.Received, IsEndFinished ? _in.Received : Finished, _in.Limit, 0, _leaveCause, _leave,
        RosterSeen: RosterSeen);

    /// <summary>
    /// What a response echoes: the newest demand without a farewell. That is said by itself, since only its answer tells the
    /// reader that it may go; a producer that heard it in passing might be gone before it was asked.
    /// </summary>
    public Demand Echo => new(Stream, Epoch, _in.Received, Finished, _in.Limit, RosterSeen: RosterSeen);

    /// <summary>
    /// The stream's own end was reached and everything before it is finished. A reader that was stopped has not got there,
    /// and must not confirm what it dropped.
    /// </summary>
    private bool IsEndFinished => !IsParked && !_isEndInHand && _in.End is not null && Finished == _in.Received - 1;

    /// <summary>Takes the demand to send, if it is worth a message (P-06).</summary>
    public bool TryTakeDemand(TimeSpan now, out Demand demand)
    {
        _window.Review(Given, now);
        if (!IsOver) _in.Grant(Saturate(Given, _window.Size));
        demand = Current;
        if (IsSettled || !(_mustSpeak || IsDue(demand))) return false;

        OnSaid(demand, now);
        _isUnanswered = true;   // unlike an echo, which the producer asks for again if it was lost
        return true;
    }

    /// <summary>A demand has left, by itself or as an echo.</summary>
    public void OnSaid(Demand demand, TimeSpan now)
    {
        _mustSpeak = false;
        (_saidConfirmed, _saidLimit, _saidLeave) = (demand.Confirmed, demand.Limit, demand.Leave);
        _bytesSinceSaid = 0;
        _retry.OnSpoke(now, begins: true);
    }

    /// <summary>When <see cref="OnTick"/> wants to be called.</summary>
    public TimeSpan NextDeadline => IsSettled
        ? TimeSpan.MaxValue
        : TimeSpan.FromTicks(Math.Min(Due.Ticks, LeaseEnd.Ticks));

    /// <summary>
    /// From then on this reader must not give out anything, and nothing that comes late revives it: another may have its place since
    /// its process was paused (P-10).
    /// </summary>
    public TimeSpan LeaseEnd => IsSettled ? TimeSpan.MaxValue : _answeredAt + _timings.Lease;

    /// <summary>Time has passed.</summary>
    public void OnTick(TimeSpan now)
    {
        if (IsSettled) return;

        SeeLease(now);
        _ready.Trim();
        _unfinished.Trim();
        if (IsSettled || now < Due) return;

        if (_isUnanswered || IsUnresolved) _retry.OnExpired(now);
        else _retry.OnSpoke(now, begins: true);
        _mustSpeak = true;
    }

    /// <summary>The producer could not be reached: should its silence outlast the lease, that is why.</summary>
    public void OnTrouble(Exception cause, TimeSpan now) => _trouble = (cause, now);

    private void SeeLease(TimeSpan now)
    {
        if (now < LeaseEnd) return;
        Stop(new StreamEnd(StreamEndReason.Abandoned, $"The producer has not answered for {_timings.Lease}.", _trouble is { } trouble && trouble.At >= _answeredAt ? trouble.Cause : null));
    }

    private TimeSpan Due => _retry.Due(_isUnanswered, IsUnresolved);

    /// <summary>Something that was said may have been lost: a grant that the reader needs now, or a farewell.</summary>
    private bool IsUnresolved => (IsOver && !IsEndAwaited) || (_isStarving && (_answeredLimit < _in.Limit || _answeredConfirmed < Finished));

    private bool IsWorthSaying() => _in.Limit > _saidLimit || Finished > _saidConfirmed;

    private bool IsDue(Demand demand)
    {
        if (demand.Leave != _saidLeave) return true;
        if (IsEndFinished && demand.Confirmed > _saidConfirmed) return true;
        if (_saidLimit == _saidConfirmed && demand.Limit > _saidLimit) return true;
        if (_bytesSinceSaid > _maxBytes / 2) return true;

        // A window that shrank asks for nothing for a while, but what is finished is still told at its pace.
        return !IsOver && Math.Max(demand.Limit - _saidLimit, demand.Confirmed - _saidConfirmed) >= Math.Max(1, _window.Size / 2);
    }

    private void SeeEnd()
    {
        if (End is null && !IsParked && _leave == Leave.None && _in.End is { } end && _waitingElements == 0) End = end;
    }

    private void DropElements()
    {
        _ready.Clear();
        _in.Clear();
        _offset = 0;
        _waitingElements = 0;
    }

    [Conditional("DEBUG")]
    private void AssertInvariants()
    {
        Debug.Assert(Finished <= Given && Given <= _in.Limit);
        Debug.Assert(IsOver || Given + _waitingElements == (_in.End is null ? _in.Received : _in.Received - 1));
    }

    private static long Saturate(long position, long more) => position > long.MaxValue - more ? long.MaxValue : position + more;
}
