using System.Buffers;
using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>
/// A writer's end of a stream: keeps what the reader has not finished, sends what it has credit for, and knows how its
/// part ended. No clock, task or lock: its shell feeds it, takes what it has to say, and arms one timer.
/// </summary>
internal sealed partial class WriterCore<T>
{
    private readonly Outbound<T> _out;
    private readonly StreamTimings _timings;
    private RetryTimer _retry;
    private TimeSpan _answeredAt;
    private StreamEnd? _end;
    private long _grant;
    private long _saidWanted;
    private long _frames;
    private int _waiting;
    private bool _isUnanswered;
    private bool _mustSpeak;
    private bool _saidBye;
    private (Exception Cause, TimeSpan At)? _trouble;

    public WriterCore(StreamKey stream, long writer, StreamTimings timings, TimeSpan now, Func<T, int>? sizeOf = null,
        long start = 0, ArrayPool<T>? pool = null)
    {
        Stream = stream;
        Writer = writer;
        _timings = timings;
        _opened = stream.Incarnation;
        _out = new Outbound<T>(start, sizeOf, pool: pool);
        _retry = new RetryTimer(timings);
        _retry.OnSpoke(now, begins: true);
        _answeredAt = now;
    }

    public StreamKey Stream { get; private set; }

    public StreamTimings Timings => _timings;

    public long Writer { get; }

    /// <summary>How many elements were put.</summary>
    public long Put => _out.Next;

    /// <summary>How many elements the reader has finished.</summary>
    public long Finished => Math.Min(_out.Confirmed, _out.Next);

    /// <summary>How many elements may be put now.</summary>
    public long Credit => IsOpen ? _out.Limit - _out.Next : 0;

    /// <summary>Elements may still be put.</summary>
    public bool IsOpen => _end is null && Outcome is null;

    /// <summary>How this writer itself ended its part; null while it has not.</summary>
    public StreamEnd? End => _end;

    /// <summary>The producer holds everything that was put, and the end.</summary>
    public bool IsEndReceived => _out.IsEnded && _out.Received >= _out.Top;

    /// <summary>
    /// How it all came out for this writer: completed once the reader has finished its elements; null while that is open.
    /// </summary>
    public StreamEnd? Outcome { get; private set; }

    /// <summary>The producer has said how it came out.</summary>
    public bool IsTold { get; private set; }

    public bool TryPut(T element)
    {
        if (Credit <= 0) return false;
        _out.Append(element);
        return true;
    }

    /// <summary>Puts elements, as many as there is credit for.</summary>
    public void PutAll(ReadOnlySpan<T> elements)
    {
        if (!IsOpen) return;   // they are lost with the stream, as whatever had been put before
        Debug.Assert(elements.Length <= Credit);
        _out.Append(elements);
    }

    /// <summary>How many puts wait for credit: the producer serves those who want (P-08).</summary>
    public void SetWaiting(int waiting)
    {
        if (waiting > 0 && _waiting == 0 && Credit <= 0) _mustSpeak = true;
        _waiting = waiting;
    }

    /// <summary>Ends this writer's part. The first end counts; false if there was one.</summary>
    public bool TryEnd(StreamEnd end)
    {
        if (!IsOpen) return false;
        _end = end;
        _out.End();
        return true;
    }

    /// <summary>It says at most that more may be put: it takes nothing back and ends nothing.</summary>
    public bool IsGrant(in Demand demand) => IsOpen && _isPlaced && !IsReported && demand is { End: null, Flaw: null }
        && demand.Stream == Stream && demand.Peer == Writer && demand.Grant == _grant;

    /// <summary>Takes what the producer says.</summary>
    public Verdict OnDemand(Demand demand, TimeSpan now, out string? violation)
    {
        violation = null;
        if (demand.Stream != Stream || demand.Peer != Writer) return Verdict.Stale;

        AssertInvariants();
        SeeLease(now);
        _answeredAt = now;
        _isUnanswered = false;
        if (Outcome is not null || IsReported) return Verdict.Duplicate;

        violation = demand.Flaw;
        if (violation is not null) return Verdict.Violation;

        Keep(demand.Roster, now);
        if (!_isPlaced) Place(demand);
        if (Outcome is not null) return Verdict.Accepted;

        if (!_out.TryAcknowledge(demand.Received, demand.Confirmed, out bool progress))
        {
            violation = $"The producer has {demand.Received} and finished {demand.Confirmed} elements of this writer, which has sent {_out.Sent}.";
            return Verdict.Violation;
        }

        _mustSpeak |= demand.IsAsking;
        progress |= ApplyGrant(demand);
        if (progress) _retry.OnProgress(now);

        if (_end is { Reason: StreamEndReason.Completed } && _out.Confirmed >= _out.Top) Settle(StreamEnd.Completed);
        else if (demand.End is { Reason: StreamEndReason.None or StreamEndReason.Completed })
        {
            // A stream that was cut must not look completed: completion is a confirmed end and nothing else.
            violation = $"The producer says that all is well, but it has finished {demand.Confirmed} of {_out.Top} positions of this writer.";
            return Verdict.Violation;
        }
        else if (demand.End is { } end) Settle(_end is not null && IsSame(end, _end) ? _end : end);

        IsTold = Outcome is not null;
        SeeLeave();
        return progress || Outcome is not null ? Verdict.Accepted : Verdict.Duplicate;
    }

    /// <summary>This writer's own failure, as it comes back: what the writer gave is the better one to give to whoever asks.</summary>
    private static bool IsSame(StreamEnd told, StreamEnd own) => (told.Reason, own) is (StreamEndReason.Failed, { Reason: StreamEndReason.Failed, Cause: { } cause })
        && (told.Cause is { } other ? other.GetType() == cause.GetType() && other.Message == cause.Message : told.Message == StreamEnd.NameOf(cause));

    /// <summary>The stream is over for this writer without a word from the producer.</summary>
    public void Settle(StreamEnd outcome)
    {
        if (Outcome is not null) return;
        Outcome = outcome;
        _out.Clear();
    }

    /// <summary>Takes the next frame to send, if there is something to say.</summary>
    public bool TryTakeFrame(int maxElements, long maxBytes, TimeSpan now, out Frame<T> frame)
    {
        if (Outcome is not null)
        {
            frame = default;
            if (_saidBye) return false;
            _saidBye = true;
            frame = Frame([], -1) with { Leaving = true };
            return true;
        }

        bool isFirstUnanswered = !_out.IsUnanswered;
        Batch<T>[] batches = _isPlaced && _out.TryTake(maxElements, ref maxBytes, out long first, out var elements)
            ? [new Batch<T>(first, Writer, first, elements)]
            : [];
        long endAt = _isPlaced && _out.TryTakeEnd() ? _out.Next : -1;

        bool isProbe = batches.Length == 0 && endAt < 0;
        if (isProbe && !_mustSpeak && !IsMisjudged)
        {
            frame = default;
            return false;
        }

        // The wait begins with the first frame that is unanswered: later ones must not put off its repetition (P-05).
        _retry.OnSpoke(now, begins: isFirstUnanswered);
        if (isFirstUnanswered && !isProbe) _retry.OnProgress(now);

        _mustSpeak = false;
        _isUnanswered = true;
        frame = Frame(batches, endAt);
        _saidWanted = frame.Wanted;
        AssertInvariants();
        return true;
    }

    /// <summary>When <see cref="OnTick"/> wants to be called.</summary>
    public TimeSpan NextDeadline => Outcome is not null
        ? TimeSpan.MaxValue
        : TimeSpan.FromTicks(Math.Min(Due.Ticks, LeaseEnd.Ticks));

    /// <summary>
    /// From then on this writer must not accept anything, and nothing that comes late revives it: the producer may have given it
    /// up while its process was paused (P-10).
    /// </summary>
    public TimeSpan LeaseEnd => Outcome is null ? _answeredAt + _timings.Lease : TimeSpan.MaxValue;

    /// <summary>Time has passed. True if frames in flight are to be given up as lost.</summary>
    public bool OnTick(TimeSpan now)
    {
        if (Outcome is not null) return false;

        SeeLease(now);
        if (Outcome is not null) return true;

        _out.Trim();
        if (now < Due) return false;

        // What could not leave waits for answers that were lost as well.
        bool lost = IsUnanswered || _mustSpeak || (_isPlaced && _out.CanSend);
        if (lost || IsBlocked) _retry.OnExpired(now);
        else _retry.OnSpoke(now, begins: true);
        _out.Rewind();
        _mustSpeak = true;
        return lost;
    }

    /// <summary>The producer could not be reached: should its silence outlast the lease, that is why.</summary>
    public void OnTrouble(Exception cause, TimeSpan now) => _trouble = (cause, now);

    /// <summary>The holder of a lease stops by itself, before its counterpart acts (P-10).</summary>
    private void SeeLease(TimeSpan now)
    {
        if (now < LeaseEnd) return;
        Settle(new StreamEnd(StreamEndReason.Abandoned, $"The producer has not answered for {_timings.Lease}.", _trouble is { } trouble && trouble.At >= _answeredAt ? trouble.Cause : null));
    }

    private TimeSpan Due => _retry.Due(IsUnanswered || _mustSpeak || (_isPlaced && _out.CanSend), IsBlocked);

    private bool IsUnanswered => _isUnanswered || _out.IsUnanswered;

    /// <summary>Puts wait for credit: it may have been granted and lost.</summary>
    private bool IsBlocked => _waiting > 0 && Credit <= 0;

    /// <summary>The producer lets this writer keep credit that it wanted once and has no more use for (P-08).</summary>
    private bool IsMisjudged => _waiting == 0 && Credit > 0 && _saidWanted > _out.Next;

    private bool ApplyGrant(Demand demand)
    {
        long before = _out.Limit;
        if (demand.Grant > _grant)
        {
            _grant = demand.Grant;
            _out.Recall(demand.Limit);
            _mustSpeak = true;   // the producer counts what it recalled as free only once it is told
        }
        else if (demand.Grant == _grant)
        {
            _out.Grant(demand.Limit);
        }

        if (_waiting > 0 && Credit <= 0 && _out.Limit != before) _mustSpeak = true;
        return _out.Limit != before;
    }

    private Frame<T> Frame(Batch<T>[] batches, long endAt) => new(
        Stream, Writer, batches, endAt, endAt >= 0 ? _end : null, _out.Next + _waiting, _grant, _out.Limit,
        Number: ++_frames, RosterSeen: RosterSeen, Finished: Finished);

    [Conditional("DEBUG")]
    private void AssertInvariants() => Debug.Assert(Put <= _out.Limit && Finished <= Put && (_end is not null) == _out.IsEnded);
}
