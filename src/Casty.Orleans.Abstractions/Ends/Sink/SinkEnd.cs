using Casty.Orleans.Protocol;
using Microsoft.Extensions.Logging;

namespace Casty.Orleans;

/// <summary>
/// The writer's end behind a <see cref="SinkRef{T}"/>: the shell around <see cref="WriterCore{T}"/>. Any thread may call it.
/// It outlives the handle until the producer has everything, and never refers to it.
/// </summary>
internal sealed partial class SinkEnd<T> : FrameSender<T>, IDemandPort, IStreamEnd, IRefEnd, IObservedEnd
{
    private const int MostMeanwhile = 64;

    private readonly Lock _gate = new();
    private readonly StreamHost _host;
    private readonly ElementCodec<T>? _codec;
    private readonly Func<SinkEnd<T>, WriterReport, StreamHost, Task<StreamJoined<T>?>>? _rejoin;
    private IElementPort<T> _producer;
    private readonly WriterCore<Element<T>> _core;
    private readonly InFlight _inFlight = new();
    private Signal _endReceived;
    private Signal _completion;
    private Signal _released;
    private TimeSpan _rejoinAt = TimeSpan.MaxValue;
    private bool _isRejoining;
    private List<Demand>? _meanwhile;   // what came while it was asking where its producer is
    private IDisposable? _watch;
    private Elsewhere? _elsewhere;
    private bool _saidBye;
    private bool _isReleased;

    public SinkEnd(StreamHost host, Guid id, string producer, WriterCore<Element<T>> core, IElementPort<T> port, ElementCodec<T>? codec,
        StreamJoined<T>? joined = null, Func<SinkEnd<T>, WriterReport, StreamHost, Task<StreamJoined<T>?>>? rejoin = null)
    {
        _host = host;
        Id = id;
        Producer = producer;
        _core = core;
        _producer = port;
        _codec = codec;
        _rejoin = rejoin;
        _elsewhere = Joining.Elsewhere(host, joined);
        _watch = Joining.Watch(host, joined, Rejoin);
        _meter = host.MeterOf(typeof(T), StreamRole.Sink);
    }

    public Guid Id { get; }

    /// <summary>The writer in whose place it joined; 0 where it took none (P-17).</summary>
    public long Replaces { get; init; }

    public string Producer { get; }

    public Task Completion => _completion.Task;

    /// <summary>Ends once the stream has nothing left to do here.</summary>
    public Task Released => _released.Task;

    /// <summary>From now on the end can be spoken to, and speaks.</summary>
    public void Start()
    {
        _host.Add(this);
        if (!_producer.IsLocal) _core.Announce();
        Schedule();
    }

    /// <summary>The writer has ended its part, however the stream itself ended.</summary>
    public bool HasEndedItself
    {
        get
        {
            lock (_gate) return _core.End is not null;
        }
    }

    /// <summary>Ends this writer's part; true if it had not ended.</summary>
    public bool TryEnd(StreamEnd end)
    {
        bool ended;
        lock (_gate)
        {
            Sync();
            ended = _core.TryEnd(end);
            Wake();
        }

        Schedule();
        return ended;
    }

    /// <summary>Ends once the producer holds everything, or the stream is over without it.</summary>
    public Task EndReceivedAsync(CancellationToken cancellationToken) => _endReceived.Task.WaitAsync(cancellationToken);

    /// <summary>The producer knows how this writer ended, or how the stream did before.</summary>
    public bool IsEndKnown
    {
        get
        {
            lock (_gate) return _core.IsEndReceived || _core.IsTold;
        }
    }

    /// <summary>How the stream ended for this writer; null while that is open.</summary>
    public StreamEnd? Outcome
    {
        get
        {
            lock (_gate) return _core.Outcome;
        }
    }

    /// <summary>Why the stream takes no more from this writer: what it said itself, or was told; null while it may put.</summary>
    public StreamEnd? Closing
    {
        get
        {
            lock (_gate) return _core.End ?? _core.Outcome;
        }
    }

    public ValueTask<DemandReply> OnDemandAsync(Demand demand)
    {
        bool isTaken = true;
        if (demand.IsMoved) isTaken = TryFollow(demand);
        else Apply(demand);
        Run();
        return new ValueTask<DemandReply>(new DemandReply(null, IsUnknown: !isTaken));
    }

    public bool LeavesFirst => false;   // whatever puts may want to complete it as it stops

    public async Task LetGoAsync(bool isHostStopping)
    {
        TryEnd(new StreamEnd(StreamEndReason.Abandoned, "The writer's host or grain stopped."));
        await _endReceived.Task.ConfigureAwait(false);
        if (!isHostStopping) return;

        Leave();
        await _released.Task.ConfigureAwait(false);   // at once, unless its producer is being looked for
    }

    /// <summary>This end stands in for a writer that is gone, until the stream's next producer has all that it put.</summary>
    public async Task HandOverAsync()
    {
        Rejoin();
        await _endReceived.Task.ConfigureAwait(false);
        Leave();
    }

    /// <summary>The producer is told that it is alone with what this writer put.</summary>
    private void Leave()
    {
        lock (_gate)
        {
            Sync();
            _core.Leave();
            Wake();
        }

        Run();
    }

    protected override void Drain()
    {
        while (true)
        {
            Frame<Element<T>> frame;
            IElementPort<T> producer;
            int ticket;
            long resent;
            lock (_gate)
            {
                producer = _producer;
                bool isBye = _core.Outcome is not null;
                if (!isBye && _inFlight.IsFull) break;   // whoever makes room has a turn taken
                Collect();
                Publish();
                var now = _host.Clock.Now;
                resent = _core.Resent;
                if (!_core.TryTakeFrame(FrameLimits.Elements, _host.MaxFrameSize, now, out frame)) break;
                resent = _core.Resent - resent;
                Follow(frame, now);
                _saidBye |= frame.Leaving;
                ticket = _inFlight.Take();
            }

            _meter.OnSent(frame.Batches, resent);
            Send(producer, frame, ticket);
        }

        TimeSpan deadline;
        bool isReleased;
        lock (_gate)
        {
            deadline = _core.NextDeadline < _rejoinAt ? _core.NextDeadline : _rejoinAt;
            isReleased = _core.Outcome is not null && _saidBye;
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
            Sync();
            _core.Settle(new StreamEnd(StreamEndReason.ProtocolViolation, violation));
            Wake();
        }

        Run();
    }

    protected override void OnReply(FrameReply reply, int ticket)
    {
        bool isCurrent;
        lock (_gate)
        {
            isCurrent = _inFlight.Return(ticket);
            if (isCurrent && reply is { IsUnknown: false, Demand: null })
            {
                Sync();
                _core.OnAnswered(_host.Clock.Now);
                Wake();
            }
        }

        if (reply.Demand is { IsMoved: true } farewell) TryFollow(farewell);
        else if (reply.Demand is { } demand) Apply(demand);
        else if (reply.IsUnknown && isCurrent) Rejoin();
    }

    /// <summary>
    /// The producer is silent, or does not know this writer: its grain knows how the stream goes on, or makes it go on (P-15).
    /// </summary>
    private void Rejoin()
    {
        WriterReport report;
        lock (_gate)
        {
            if (_core.Outcome is not null || _isRejoining) return;
            Sync();
            _isRejoining = _rejoin is not null;
            _rejoinAt = TimeSpan.MaxValue;
            report = _core.BeginRejoin(_host.Clock.Now);
            Publish();
        }

        if (_rejoin is null) Settle(new StreamEnd(StreamEndReason.Abandoned, "Its producer does not know this writer any more."));
        else _ = RejoinAsync(_rejoin, report);
    }

    /// <summary>
    /// The producer gives up its place and says so. False if this writer is still on its way to that one, and comes to ask it: it must be
    /// there to answer, or what it knew last would be known to nobody.
    /// </summary>
    private bool TryFollow(Demand farewell)
    {
        lock (_gate)
        {
            if (farewell.Stream != _core.Stream) return Joining.IsOlder(farewell.Stream, than: _core.Stream);
            _core.Keep(farewell.Roster, _host.Clock.Now);
        }

        Rejoin();
        return true;
    }

    private async Task RejoinAsync(Func<SinkEnd<T>, WriterReport, StreamHost, Task<StreamJoined<T>?>> rejoin, WriterReport report)
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

        (IElementPort<T> Producer, Elsewhere? Elsewhere)? left = null;
        lock (_gate)
        {
            Sync();
            var now = _host.Clock.Now;
            _isRejoining = false;
            if (joined is not null && Joining.IsOlder(joined, _core.Stream)) (joined, isAnswered) = (null, false);   // no sign of life of this one
            if (refusal is not null)
            {
                _core.Settle(refusal);
            }
            else if (joined is null)
            {
                if (isAnswered) _core.OnToldToWait(now);
                _rejoinAt = now + _core.Timings.Retry;
            }
            else
            {
                var before = (_producer, _elsewhere);
                _producer = Joining.Elements(_host, joined);
                _elsewhere = Joining.Elsewhere(_host, joined);
                if (joined.IsOpening) _rejoinAt = now + _core.Timings.Suspicion;   // the others may be elsewhere: it asks again
                _watch?.Dispose();
                _watch = _isReleased ? null : Joining.Watch(_host, joined, Rejoin);   // the answer may come too late
                if (_core.TryRejoin(new StreamKey(joined.Stream, joined.Incarnation), now)) left = before;
                else ApplyMeanwhile(now);
                _meanwhile = null;
                _inFlight.GiveUp();
                if (!_producer.IsLocal) EncodeHeld();
            }

            Wake();
        }

        if (left is var (producer, elsewhere))
        {
            TellRejoined();
            Joining.TellReplaced(_host, producer, elsewhere, _core.Stream);
        }

        Run();
    }

    /// <summary>Under the lock: it was the same producer after all.</summary>
    private void ApplyMeanwhile(TimeSpan now)
    {
        _core.OnAnswered(now);
        if (_meanwhile is not { } demands) return;
        _meanwhile = null;
        foreach (var demand in demands) Apply(demand);
    }

    /// <summary>The producer was in this process and is in another now.</summary>
    private void EncodeHeld()
    {
        try
        {
            _core.Convert(Fit);
            foreach (var waiter in _puts ?? []) waiter.Element = Fit(waiter.Element);
        }
        catch (Exception exception)
        {
            _core.Settle(new StreamEnd(StreamEndReason.Failed, "An element could not be serialised for the producer's new place.", exception));
        }
    }

    protected override void OnLost(Exception exception, int ticket)
    {
        lock (_gate) _inFlight.Return(ticket);
        OnTrouble(exception);
    }

    private void OnTrouble(Exception exception)
    {
        lock (_gate) _core.OnTrouble(exception, _host.Clock.Now);
        _host.Log.FrameLost(exception, Producer);
    }

    private void Apply(Demand demand)
    {
        TimeSpan? delivery;
        lock (_gate)
        {
            // A mere grant, as nearly all are, does not disturb whoever puts.
            if (_core.IsGrant(demand)) Collect();
            else Sync();
            var now = _host.Clock.Now;
            if (_core.OnDemand(demand, now, out string? violation) == Verdict.Violation)
            {
                _host.Log.Violation(Producer, violation!);
                _core.Settle(new StreamEnd(StreamEndReason.ProtocolViolation, violation));
            }

            delivery = _delivery.End(_core.Received, now);
            if (_core.IsReported && (_meanwhile ??= []).Count < MostMeanwhile) _meanwhile.Add(demand);
            Wake();
        }

        if (delivery is { } took) _meter.OnDelivered(took);
    }

    private void Settle(StreamEnd outcome)
    {
        lock (_gate)
        {
            Sync();
            _core.Settle(outcome);
            Wake();
        }
    }

    protected internal override void OnDue()
    {
        bool isLost;
        lock (_gate)
        {
            Sync();
            Rest();
            var now = _host.Clock.Now;
            if (_core.OnTick(now)) _inFlight.GiveUp();
            isLost = now >= _rejoinAt || _core.IsSuspicious(now);
            Wake();
        }

        if (isLost) Rejoin();
        Run();
    }

    /// <summary>
    /// Under the lock, before something is accepted: a process that was paused may get here before its timer, or any message, tells
    /// it that its lease is over.
    /// </summary>
    private void SeeLease()
    {
        if (_host.Clock.Coarse < _core.LeaseEnd) return;
        if (_core.OnTick(_host.Clock.Now)) _inFlight.GiveUp();
        Wake();
        Schedule();
    }

    /// <summary>Under the lock: serves who waits, in turn. Continuations run elsewhere.</summary>
    private void Wake()
    {
        while (_puts?.First is { Value: var waiter } && _core.TryPut(waiter.Element))
        {
            _puts.RemoveFirst();
            waiter.Node = null;
            waiter.TrySetResult();
        }

        if (!_core.IsOpen)
        {
            _isClosed = true;
            while (_puts?.First is { Value: var waiter })
            {
                _puts.RemoveFirst();
                waiter.Node = null;
                waiter.TrySetException(Closed());
            }

            _hasRoom?.TrySetResult(false);
            _hasRoom = null;
        }
        else if (!ArePutsWaiting && _core.Credit > 0)
        {
            _hasRoom?.TrySetResult(true);
            _hasRoom = null;
        }

        Tell();
        Publish();
        var outcome = _core.Outcome;
        if (_core.IsEndReceived || outcome is not null) _endReceived.TrySetResult();
        if (outcome is null || _completion.IsSet) return;

        if (outcome.Reason == StreamEndReason.Completed) _completion.TrySetResult();
        else _completion.TrySetException(StreamErrors.ForCompletion(Producer, outcome));
    }

    private void Tell() => _core.SetWaiting((_puts?.Count ?? 0) + _roomWaiters);

    private Exception Closed() => StreamErrors.ForPut(Producer, _core.Outcome ?? _core.End!);

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
        TellEnded();
    }
}
