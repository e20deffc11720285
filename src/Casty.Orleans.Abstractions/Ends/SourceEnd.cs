using System.Diagnostics.CodeAnalysis;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>
/// The reader's end behind a <see cref="SourceRef{T}"/>: the shell around <see cref="ReaderCore{T}"/>. Any thread may call it.
/// It outlives the handle until the producer knows that the reader is done, and never refers to it.
/// </summary>
internal sealed class SourceEnd<T> : Pump, IReaderPort<T>, IStreamEnd
{
    private readonly Lock _gate = new();
    private readonly StreamHost _host;
    private readonly ElementCodec<T>? _codec;
    private readonly IDemandPort _producer;
    private readonly ReaderCore<Element<T>> _core;
    private readonly DeadlineTimer _timer;
    private readonly bool _isNamed;
    private readonly Action? _onReleased;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _arrival;
    private StreamEnd? _left;
    private Demand _toSay;
    private bool _hasToSay;

    public SourceEnd(StreamHost host, Guid id, string producer, string consumer, bool isNamed, ReaderCore<Element<T>> core,
        IDemandPort port, ElementCodec<T>? codec, Action? onReleased)
    {
        _host = host;
        Id = id;
        Producer = producer;
        Consumer = consumer;
        _isNamed = isNamed;
        _core = core;
        _producer = port;
        _codec = codec;
        _onReleased = onReleased;
        _timer = new DeadlineTimer(host.Clock, OnTimer);
    }

    public Guid Id { get; }

    public string Producer { get; }

    public string Consumer { get; }

    public bool IsLocal => true;

    public bool IsNamed => _isNamed;

    /// <summary>Ends when no more elements will be given out: well, faulted with why not, or cancelled if the reader left.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Ends once the stream has nothing left to do here.</summary>
    public Task Released => _released.Task;

    /// <summary>From now on the end can be spoken to, and asks for elements.</summary>
    public void Start()
    {
        _host.Add(this);
        lock (_gate) TakeDemand();
        Schedule();
    }

    /// <summary>How many elements wait to be taken.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return (int)_core.Waiting;
        }
    }

    /// <summary>How many elements are asked for and not given to the reader.</summary>
    public long Outstanding
    {
        get
        {
            lock (_gate) return _core.Outstanding;
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

    /// <summary>Ends when there may be something to take: true, or false once there will be nothing more.</summary>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<bool>(cancellationToken);

        Task? arrival;
        bool speak;
        lock (_gate)
        {
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

    /// <summary>The reader leaves. Nothing happens if the stream has ended for it.</summary>
    public void Leave(Leave leave, StreamEnd? cause = null)
    {
        lock (_gate)
        {
            if (_core.TryLeave(leave, cause)) _left = cause ?? new StreamEnd(StreamEndReason.Cancelled, "The reader left.");
            TakeDemand();
            Settle();
            WakeAll();
        }

        Schedule();
    }

    public ValueTask<FrameReply> OnFrameAsync(Frame<Element<T>> frame)
    {
        FrameReply reply;
        lock (_gate)
        {
            var now = _host.Clock.Now;
            var verdict = _core.OnFrame(frame, now, out string? violation);
            if (verdict == Verdict.Violation) Break(violation!);
            if (verdict == Verdict.Stale)
            {
                reply = new FrameReply(null, IsUnknown: true);
            }
            else if (_core.IsOver)
            {
                // A farewell goes by itself: an echo would let the producer go, and nobody would be left to answer this end.
                reply = new FrameReply(null);
            }
            else if (!_host.EchoDemand)
            {
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
        }

        Run();
        return new ValueTask<FrameReply>(reply);
    }

    public ValueTask<long?> YieldAsync(long epoch)
    {
        long? given;
        lock (_gate)
        {
            given = epoch == _core.Epoch && !_core.IsSettled ? _core.Given : null;
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

    public Task LetGoAsync()
    {
        Leave(_isNamed ? Protocol.Leave.Detach : Protocol.Leave.Cancel,
            new StreamEnd(StreamEndReason.Cancelled, "The reader's host or grain stopped."));
        return _released.Task;
    }

    protected override void Drain()
    {
        while (true)
        {
            Demand demand;
            lock (_gate)
            {
                TakeDemand();
                if (!_hasToSay) break;
                demand = _toSay;
                _hasToSay = false;
            }

            Send(demand);
        }

        TimeSpan deadline;
        bool isReleased;
        lock (_gate)
        {
            Settle();
            deadline = _core.NextDeadline;
            isReleased = _core.IsSettled;
        }

        if (isReleased) Release();
        else if (deadline != TimeSpan.MaxValue) _timer.Arm(deadline);
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
        if (_codec is null) return element.Value;
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

    /// <summary>Under the lock: takes the newest demand if it is worth a message. A later one says all that an earlier one did.</summary>
    private bool TakeDemand() => TakeDemand(_host.Clock.Now);

    private bool TakeDemand(TimeSpan now)
    {
        if (!_core.TryTakeDemand(now, out var demand)) return false;
        _toSay = demand;
        return _hasToSay = true;
    }

    private void Send(Demand demand)
    {
        ValueTask<DemandReply> reply;
        try
        {
            reply = _producer.OnDemandAsync(demand);
        }
        catch (Exception exception)
        {
            _host.Log.FrameLost(exception, Producer);
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
                self._host.Log.FrameLost(exception, self.Producer);
            }

            self.Run();
        }
    }

    private void OnReply(Demand demand, DemandReply reply)
    {
        lock (_gate)
        {
            if (reply.IsUnknown) _core.Stop(new StreamEnd(StreamEndReason.Abandoned, "Its producer does not know this reader any more."));
            else if (reply.End is { } end) _core.Stop(end);
            else _core.OnAnswered(demand, _host.Clock.Now);

            Settle();
            if (_core.IsOver) WakeAll();
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            _core.OnTick(_host.Clock.Now);
            Settle();
            if (_core.IsOver) WakeAll();
        }

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
        if (_core.TryLeave(Protocol.Leave.Cancel, end)) _left = end;
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
        if (_completion.Task.IsCompleted) return;

        if (_left is { Reason: StreamEndReason.Cancelled })
        {
            _completion.TrySetCanceled();
        }
        else if ((_left ?? _core.End) is { } end)
        {
            if (StreamErrors.ForReader(Producer, Consumer, end) is { } error)
            {
                _completion.TrySetException(error);
                _ = _completion.Task.Exception;   // faults, observed or not
            }
            else
            {
                _completion.TrySetResult();
            }
        }
    }

    private void Release()
    {
        if (_released.Task.IsCompleted) return;
        _timer.Dispose();
        _host.Remove(this);
        _released.TrySetResult();
        _onReleased?.Invoke();
    }
}
