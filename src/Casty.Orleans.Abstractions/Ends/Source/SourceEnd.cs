using System.Diagnostics.CodeAnalysis;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>
/// The reader's end behind a <see cref="SourceRef{T}"/>: the shell around <see cref="ReaderCore{T}"/>. Any thread may call it.
/// It outlives the handle until the producer knows that the reader is done, and never refers to it.
/// </summary>
internal sealed partial class SourceEnd<T> : Pump, IReaderPort<T>, IStreamEnd, IRefEnd, IObservedEnd
{
    private const int MostMeanwhile = 64;

    private readonly Lock _gate = new();
    private readonly StreamHost _host;
    private readonly ElementCodec<T>? _codec;
    private readonly Func<SourceEnd<T>, ReaderReport, StreamHost, Task<StreamJoined<T>?>>? _rejoin;
    private IDemandPort _producer;
    private TimeSpan _rejoinAt = TimeSpan.MaxValue;
    private bool _isRejoining;
    private bool _isMoving;   // its producer has given up its place and said so, and the next one has not answered
    private List<Frame<Element<T>>>? _meanwhile;   // what came while it was asking where its producer is
    private IDisposable? _watch;
    private Elsewhere? _elsewhere;
    private readonly ReaderCore<Element<T>> _core;
    private readonly bool _isNamed;
    private Signal _completion;
    private Signal _released;
    private TaskCompletionSource? _arrival;
    private StreamEnd? _left;
    private Demand _toSay;
    private bool _hasToSay;
    private bool _isReleased;

    public SourceEnd(StreamHost host, Guid id, string producer, string consumer, bool isNamed, ReaderCore<Element<T>> core,
        IDemandPort port, ElementCodec<T>? codec,
        StreamJoined<T>? joined = null, Func<SourceEnd<T>, ReaderReport, StreamHost, Task<StreamJoined<T>?>>? rejoin = null)
    {
        _host = host;
        Id = id;
        Producer = producer;
        Consumer = consumer;
        _isNamed = isNamed;
        _core = core;
        _producer = port;
        _codec = codec;
        _rejoin = rejoin;
        _elsewhere = Joining.Elsewhere(host, joined);
        _watch = Joining.Watch(host, joined, Rejoin);
        _meter = host.MeterOf(typeof(T), StreamRole.Source);
    }

    public Guid Id { get; }

    /// <summary>How it asked to join, for when it has to ask again; null where there is no cluster.</summary>
    public JoinTerms? Terms { get; init; }

    public string Producer { get; }

    public string Consumer { get; }

    public bool IsLocal => true;

    public Guid Process => Guid.Empty;

    public bool IsNamed => _isNamed;

    /// <summary>Ends when no more elements will be given out: well, faulted with why not, or cancelled if the reader left.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Ends once the stream has nothing left to do here.</summary>
    public Task Released => _released.Task;

    /// <summary>From now on the end can be spoken to, and asks for elements.</summary>
    public void Start()
    {
        _host.Add(this);
        lock (_gate)
        {
            TakeDemand();
            Publish();
        }

        Schedule();
    }

    /// <summary>How many elements wait to be taken.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                Sync();
                return (int)_core.Waiting;
            }
        }
    }

    /// <summary>How many elements are asked for and not given to the reader.</summary>
    public long Outstanding
    {
        get
        {
            lock (_gate)
            {
                Sync();
                return _core.Outstanding;
            }
        }
    }

    /// <summary>How many elements were dropped for this reader.</summary>
    public long Dropped
    {
        get
        {
            lock (_gate) return _core.Dropped;
        }
    }

    /// <summary>What the reader was turned away with, or left with; null while elements may come.</summary>
    public StreamEnd? End
    {
        get
        {
            lock (_gate) return _left ?? _core.End;
        }
    }

    public bool TryRead([MaybeNullWhen(false)] out T value)
    {
        Element<T> element;
        bool speak;
        lock (_gate)
        {
            bool taken;
            var now = SeeLease();
            do taken = _core.TryTake(out element);
            while (taken && element.IsHole);
            speak = TakeDemand(now);
            Settle();
            if (!taken)
            {
                if (speak) Schedule();
                value = default;
                return false;
            }
        }

        if (speak) Schedule();
        value = Decode(element);
        return true;
    }

    /// <summary>The element that would be read next; it stays where it is.</summary>
    public bool TryPeek([MaybeNullWhen(false)] out T value)
    {
        Element<T> element;
        lock (_gate)
        {
            Sync();
            SeeLease();
            ArraySegment<Element<T>> next;
            while ((next = _left is null ? _core.Peek(1) : default).Count > 0 && next[0].IsHole) _core.OnTaken(1);
            if (next.Count == 0)
            {
                value = default;
                return false;
            }

            element = next[0];
        }

        value = Decode(element);
        return true;
    }

    /// <summary>Ends when there may be something to take: true, or false once there will be nothing more.</summary>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<bool>(cancellationToken);

        Task? arrival;
        bool speak;
        lock (_gate)
        {
            Close();
            var now = SeeLease();
            if (_core.Waiting > 0 && _left is null) return new ValueTask<bool>(true);

            // Asking for the next element finishes the one before, and may be what the producer waits for.
            _core.TryTake(out _);
            speak = TakeDemand(now);
            Settle();
            arrival = _core.IsOver ? null : (_arrival ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        if (speak) Schedule();
        return arrival is null ? new ValueTask<bool>(false) : AwaitAsync(this, arrival, cancellationToken);

        static async ValueTask<bool> AwaitAsync(SourceEnd<T> self, Task arrival, CancellationToken cancellationToken)
        {
            await arrival.WaitAsync(cancellationToken).ConfigureAwait(false);
            lock (self._gate) return self._core.Waiting > 0 && self._left is null;
        }
    }

    /// <summary>Of the pipe that takes the elements elsewhere, if one does.</summary>
    public Hand? Hand { get; set; }

    /// <summary>The reader leaves. Nothing happens if the stream has ended for it.</summary>
    /// <param name="leave">How.</param>
    /// <param name="cause">What its writers are told, or null.</param>
    /// <param name="isInHand">
    /// It has not finished what it was given last. Null where nobody knows: then a balanced stream gives it to another consumer, as it would be
    /// lost otherwise; a pipe would say so.
    /// </param>
    public void Leave(Leave leave, StreamEnd? cause = null, bool? isInHand = null)
    {
        lock (_gate)
        {
            Close();
            if (_core.TryLeave(leave, cause, isInHand ?? (Hand is null && _core.Delivery == StreamDelivery.Balanced))) _left = cause ?? new StreamEnd(StreamEndReason.Cancelled, "The reader left.");
            TakeDemand();
            Settle();
            WakeAll();
        }

        Schedule();
    }

    /// <summary>Throws if the reader has left and nobody could be told. One that another has followed need not be.</summary>
    public void ThrowIfUnheard()
    {
        StreamEnd? unheard;
        lock (_gate) unheard = _core.Unheard;
        if (unheard is { Reason: not StreamEndReason.Superseded } && StreamErrors.ForReader(Producer, Consumer, unheard) is { } error) throw error;
    }

    public ValueTask<FrameReply> OnFrameAsync(Frame<Element<T>> frame)
    {
        if (frame.IsMoved)
        {
            return new ValueTask<FrameReply>(new FrameReply(null, IsUnknown: !TryFollow(frame)));
        }

        FrameReply reply;
        Arrival arrival;
        lock (_gate)
        {
            Sync();
            var now = _host.Clock.Now;
            var verdict = Take(frame, now, out string? violation, out arrival);
            if (verdict == Verdict.Violation) Break(violation!);
            if (_core.IsReported && verdict != Verdict.Stale && (_meanwhile ??= []).Count < MostMeanwhile) _meanwhile.Add(frame);
            if (verdict == Verdict.Stale)
            {
                bool isOld = frame.Stream.Id == _core.Stream.Id && frame.Stream.Incarnation < _core.Stream.Incarnation;
                reply = new FrameReply(null, IsUnknown: true, IsFenced: isOld);
            }
            else if (_core.IsOver)
            {
                // A farewell goes by itself: an echo would let the producer go, and nobody would be left to answer this end.
                // But that the roster has come is not to wait for it.
                reply = new FrameReply(_core.Echo);
            }
            else if (!_host.EchoDemand)
            {
                if (frame.Roster is not null) _core.Announce();
                reply = new FrameReply(null);
            }
            else
            {
                var demand = _core.Echo;
                _core.OnSaid(demand, now);
                _hasToSay = false;
                reply = new FrameReply(demand);
            }

            if (_core.Waiting > 0 || _core.IsOver) WakeAll();
            Publish();
        }

        _meter.OnReceived(arrival);
        Run();
        return new ValueTask<FrameReply>(reply);
    }

    public ValueTask<long?> YieldAsync(long epoch)
    {
        long? given;
        lock (_gate)
        {
            if (epoch == _core.Epoch) Close();
            given = epoch == _core.Epoch && !_core.IsSettled ? (_core.IsHolding ? _core.Finished : _core.Given) : null;
            if (given is not null)
            {
                _core.Stop(new StreamEnd(StreamEndReason.Superseded));
                Settle();
                WakeAll();
            }
        }

        Run();
        return new ValueTask<long?>(given);
    }

    public bool LeavesFirst => Parting is null;   // what is in hand is parted with by the grain that reads

    public Task LetGoAsync(bool isHostStopping)
    {
        if (Parting is { } part) return part();
        if (Hand is { } hand) hand.LetGo(isInHand => LetGo(isInHand));
        else LetGo(isInHand: null);
        return _released.Task;

        void LetGo(bool? isInHand) => Leave(_isNamed ? Protocol.Leave.Detach : Protocol.Leave.Cancel,
            new StreamEnd(StreamEndReason.Cancelled, "The reader's host or grain stopped."), isInHand);
    }

    protected override void Drain()
    {
        while (true)
        {
            Demand demand;
            IDemandPort producer;
            lock (_gate)
            {
                Sync();
                TakeDemand();
                if (!_hasToSay) break;
                demand = _toSay;
                producer = _producer;
                _hasToSay = false;
            }

            Send(producer, demand);
        }

        TimeSpan deadline;
        bool isReleased;
        lock (_gate)
        {
            Settle();
            deadline = _core.NextDeadline < _rejoinAt ? _core.NextDeadline : _rejoinAt;
            isReleased = _core.IsSettled;
        }

        if (isReleased) Release();
        else if (deadline != TimeSpan.MaxValue) _host.Clock.Deadlines.Arm(this, deadline);
    }

    protected override void OnBug(Exception exception)
    {
        _host.Log.EndFailed(exception, Producer);
        Fail($"An internal error: {exception.Message}");
    }

    /// <summary>An error in here must not leave the stream hanging.</summary>
    private void Fail(string violation)
    {
        lock (_gate)
        {
            Break(violation);
            WakeAll();
        }

        Run();
    }

    private T Decode(Element<T> element)
    {
        if (_codec is null || !element.IsEncoded) return ValueOf(element);
        try
        {
            return _codec.Decode(element);
        }
        catch (Exception exception)
        {
            // The element is lost to this reader, so the stream is; its writers are told why.
            Leave(Protocol.Leave.Cancel, new StreamEnd(StreamEndReason.Failed, "An element could not be deserialised.", exception));
            throw;
        }
    }

    /// <summary>What was not encoded. Where there are several consumers, each gets a copy of its own; the others, or the next one, may have the same.</summary>
    private T ValueOf(Element<T> element) => _codec is null || _core.Delivery == StreamDelivery.Single ? element.Value : _codec.Share(element);

    /// <summary>Under the lock: takes the newest demand if it is worth a message. A later one says all that an earlier one did.</summary>
    private bool TakeDemand() => TakeDemand(_host.Clock.Now);

    private bool TakeDemand(TimeSpan now)
    {
        if (!_core.TryTakeDemand(now, out var demand)) return false;
        _toSay = demand;
        return _hasToSay = true;
    }

    private void Send(IDemandPort producer, Demand demand)
    {
        ValueTask<DemandReply> reply;
        try
        {
            reply = producer.OnDemandAsync(demand);
        }
        catch (Exception exception)
        {
            OnTrouble(exception);
            return;
        }

        if (reply.IsCompletedSuccessfully) OnReply(demand, reply.Result);
        else _ = AwaitAsync(this, demand, reply);

        static async Task AwaitAsync(SourceEnd<T> self, Demand demand, ValueTask<DemandReply> reply)
        {
            try
            {
                self.OnReply(demand, await reply.ConfigureAwait(false));
            }
            catch (Exception exception)
            {
                self.OnTrouble(exception);
            }

            self.Run();
        }
    }

    private void OnTrouble(Exception exception)
    {
        lock (_gate) _core.OnTrouble(exception, _host.Clock.Now);
        _host.Log.FrameLost(exception, Producer);
    }

    private void OnReply(Demand demand, DemandReply reply)
    {
        bool isLost = false;
        lock (_gate)
        {
            Sync();
            if (demand.Stream != _core.Stream) return;   // an answer of a lifetime that is over
            // A producer that gave up its place says so, unless this reader heard it before: else its stream is over, and it has gone.
            if (reply.IsUnknown && (_rejoin is null || (_core.IsOver && !reply.IsMoved && !_isMoving && !_isRejoining))) _core.Stop(new StreamEnd(StreamEndReason.Abandoned, "Its producer does not know this reader any more."));
            else if (reply.IsUnknown)
            {
                _core.Keep(reply.Moved);
                isLost = true;
            }
            else if (reply.End is { } end && (_left is null || demand.Leave != Protocol.Leave.None)) _core.Stop(end);   // its farewell may have overtaken the demand
            else _core.OnAnswered(demand, _host.Clock.Now);

            Settle();
            if (_core.IsOver) WakeAll();
            Publish();
        }

        if (isLost) Rejoin();
    }

    /// <summary>
    /// The producer is silent, or does not know this reader: its grain knows how the stream goes on, or makes it go on (P-15).
    /// </summary>
    private void Rejoin()
    {
        ReaderReport report;
        lock (_gate)
        {
            if (_core.IsSettled || _isRejoining || _rejoin is null) return;
            _isRejoining = true;
            _rejoinAt = TimeSpan.MaxValue;
            Sync();
            report = _core.BeginRejoin(Consumer, _isNamed);
        }

        _ = RejoinAsync(_rejoin, report);
    }

    /// <summary>
    /// The producer gives up its place and says so. False if this reader is still on its way to that one, and comes to ask it: it must be
    /// there to answer, or what it knew last would be known to nobody.
    /// </summary>
    private bool TryFollow(Frame<Element<T>> farewell)
    {
        lock (_gate)
        {
            if (farewell.Stream != _core.Stream) return Joining.IsOlder(farewell.Stream, than: _core.Stream);
            _core.Keep(farewell.Roster);
            _isMoving = true;
        }

        Rejoin();
        return true;
    }

    private async Task RejoinAsync(Func<SourceEnd<T>, ReaderReport, StreamHost, Task<StreamJoined<T>?>> rejoin, ReaderReport report)
    {
        StreamEnd? refusal = null;
        StreamJoined<T>? joined = null;
        bool isAnswered = false;
        try
        {
            joined = await AskAsync(rejoin, report).ConfigureAwait(false);
            isAnswered = true;
        }
        catch (StreamException exception)
        {
            refusal = new StreamEnd(exception.Reason, exception.Message, exception.InnerException);
        }
        catch (Exception exception)
        {
            OnTrouble(exception);
        }

        (IDemandPort Producer, Elsewhere? Elsewhere)? left = null;
        Arrival[] meanwhile = [];
        lock (_gate)
        {
            Sync();
            var now = _host.Clock.Now;
            _isRejoining = false;
            if (joined is not null && Joining.IsOlder(joined, _core.Stream)) (joined, isAnswered) = (null, false);   // no sign of life of this one
            if (refusal is not null)
            {
                _core.Stop(refusal);
                Settle();
                WakeAll();
            }
            else if (joined is null)
            {
                if (isAnswered) _core.OnToldToWait(now);
                _rejoinAt = now + _core.Timings.Retry;
            }
            else
            {
                var before = (_producer, _elsewhere);
                _producer = Joining.Demand(_host, joined);
                _elsewhere = Joining.Elsewhere(_host, joined);
                if (joined.IsOpening) _rejoinAt = now + _core.Timings.Suspicion;   // the others may be elsewhere: it asks again
                _watch?.Dispose();
                _watch = _isReleased ? null : Joining.Watch(_host, joined, Rejoin);   // the answer may come too late
                if (_core.TryRejoin(new StreamKey(joined.Stream, joined.Incarnation), joined.Peer, joined.Position, WireFormat.FromWire(joined.Positions), now))
                {
                    left = before;
                    _isMoving = false;
                }
                else meanwhile = TakeMeanwhile(now);
                _meanwhile = null;
            }

            Publish();
        }

        if (left is var (producer, elsewhere))
        {
            TellRejoined();
            Joining.TellReplaced(_host, producer, elsewhere, _core.Stream);
        }

        foreach (var arrival in meanwhile) _meter.OnReceived(arrival);
        Run();
    }

    /// <summary>Under the lock: it was the same producer after all.</summary>
    private Arrival[] TakeMeanwhile(TimeSpan now)
    {
        if (_meanwhile is not { } frames) return [];
        var arrivals = new Arrival[frames.Count];
        for (int i = 0; i < arrivals.Length; i++)
        {
            if (Take(frames[i], now, out string? violation, out arrivals[i]) == Verdict.Violation) Break(violation!);
        }

        if (_core.Waiting > 0 || _core.IsOver) WakeAll();
        return arrivals;
    }

    protected internal override void OnDue()
    {
        bool isLost;
        lock (_gate)
        {
            Sync();
            var now = _host.Clock.Now;
            _core.OnTick(now);
            isLost = now >= _rejoinAt || _core.IsSuspicious(now);
            Settle();
            if (_core.IsOver) WakeAll();
            Publish();
        }

        if (isLost) Rejoin();
        Run();
    }

    /// <summary>
    /// Under the lock, before something is given out: a process that was paused may get here before its timer, or any message, tells
    /// it that its lease is over. The time that it looked at is returned: looking is not free.
    /// </summary>
    private TimeSpan SeeLease()
    {
        var now = _host.Clock.Now;
        if (now < _core.LeaseEnd) return now;

        _core.OnTick(now);
        Settle();
        WakeAll();
        Schedule();
        return now;
    }

    private void Break(string violation)
    {
        _host.Log.Violation(Producer, violation);
        var end = new StreamEnd(StreamEndReason.ProtocolViolation, violation);
        Close();
        if (_core.TryLeave(Protocol.Leave.Cancel, end, isInHand: _core.Delivery == StreamDelivery.Balanced)) _left = end;
        Settle();
    }

    private void WakeAll()
    {
        _arrival?.TrySetResult();
        _arrival = null;
    }

    /// <summary>Under the lock: settles <see cref="Completion"/> once nothing more will be given out.</summary>
    private void Settle()
    {
        if (_completion.IsSet) return;

        if (_left is { Reason: StreamEndReason.Cancelled })
        {
            _completion.TrySetCanceled();
        }
        else if ((_left ?? _core.End) is { } end)
        {
            if (StreamErrors.ForReader(Producer, Consumer, end) is { } error)
            {
                // As a channel does that was completed so.
                if (error is OperationCanceledException cancelled) _completion.TrySetCanceled(cancelled.CancellationToken);
                else _completion.TrySetException(error);
            }
            else
            {
                _completion.TrySetResult();
            }
        }
    }

    private void Release()
    {
        lock (_gate)
        {
            if (_isReleased) return;
            _isReleased = true;
            _watch?.Dispose();
        }

        _host.Clock.Deadlines.Remove(this);
        _host.Remove(this);
        Untie?.Invoke();
        if (_rejoin is not null && _host.HasCluster) Joining.Release<T>(_host);
        _released.TrySetResult();
        if (Terms is not null && _isNamed) Opening.Close(_host, this);
        TellEnded();
    }
}
