using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How elements come into a sink.</summary>
internal sealed partial class SinkEnd<T>
{
    private readonly Lock _putting = new();   // taken after the gate, where both are
    private SlabWriter? _slab;              // for what has to be serialised
    private LinkedList<PutWaiter>? _puts;   // while some wait
    private Element<T>[] _staged = [];   // what was put since the core was looked at, within the room that it had then
    private Element<T>[] _spare = [];    // for what is put while the other one is taken; under the gate
    private int _stagedCount;
    private long _room;
    private long _leaseEnd;
    private bool _isAsked;    // the pump will take what is put
    private bool _isClosed;   // nothing more can be put
    private TaskCompletionSource<bool>? _hasRoom;
    private int _roomWaiters;

    public bool TryPut(T value)
    {
        if (TryStage(value)) return true;
        lock (_gate)
        {
            Sync();
            SeeLease();
            Publish();
            if (ArePutsWaiting || _core.Credit <= 0) return false;
        }

        return TryStage(value);
    }

    /// <summary>The way that nearly every put takes: one short lock, which the pump holds only to take all that was put together.</summary>
    private bool TryStage(T value)
    {
        bool speak;
        lock (_putting)
        {
            if (_stagedCount >= _room || _host.Clock.Coarse.Ticks >= _leaseEnd) return false;
            var element = Prepare(value);
            if (_stagedCount == _staged.Length) Array.Resize(ref _staged, Math.Max(4, 2 * _stagedCount));
            _staged[_stagedCount++] = element;
            speak = !_isAsked;
            _isAsked = true;
        }

        if (speak) Schedule();
        return true;
    }

    public ValueTask PutAsync(T value, object owner, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);

        try
        {
            if (TryStage(value)) return default;
            return PutOrWaitAsync(value, owner, cancellationToken);
        }
        catch (Exception exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    private ValueTask PutOrWaitAsync(T value, object owner, CancellationToken cancellationToken)
    {
        // Who has ended does not hear of what is wrong with the element.
        if (Volatile.Read(ref _isClosed)) ThrowClosed();
        Element<T> element;
        lock (_putting) element = Prepare(value);

        PutWaiter? waiter = null;
        lock (_gate)
        {
            Sync();
            SeeLease();
            ThrowIfParked();
            if (!_core.IsOpen) throw Closed();
            element = Fit(element);
            if (ArePutsWaiting || !_core.TryPut(element))
            {
                waiter = new PutWaiter(element, owner);
                waiter.Node = (_puts ??= new()).AddLast(waiter);
                Tell();
            }

            Publish();
        }

        Schedule();
        if (waiter is null) return default;
        var wait = cancellationToken.CanBeCanceled ? waiter.WaitAsync(this, cancellationToken) : waiter.Task;
        return new ValueTask(_meter.IsWaitWanted ? MeasureAsync(wait) : wait);
    }

    /// <summary>Under the lock, now and then: what a burst took is given back.</summary>
    private void Rest()
    {
        lock (_putting)
        {
            _slab?.Rest();
            _staged = _spare = [];
        }

        if (!ArePutsWaiting) _puts = null;
    }

    private bool ArePutsWaiting => _puts is { Count: > 0 };

    /// <summary>Under the lock, before anything else: the core has all that was put, and no more is until <see cref="Publish"/>.</summary>
    private void Sync() => TakeStaged(closes: true);

    /// <summary>
    /// Under the lock: the core has what was put so far, and more may be put meanwhile, within the room that there was. For what neither
    /// takes credit back nor ends the writer's part.
    /// </summary>
    private void Collect() => TakeStaged(closes: false);

    private void TakeStaged(bool closes)
    {
        Element<T>[] taken;
        int count;
        lock (_putting)
        {
            count = _stagedCount;
            _room = closes ? 0 : _room - count;
            _isAsked = false;
            if (count == 0) return;
            taken = _staged;
            _staged = _spare;
            _stagedCount = 0;
        }

        _core.PutAll(taken.AsSpan(0, count));
        Array.Clear(taken, 0, count);
        _spare = taken;
    }

    /// <summary>Under the lock, after everything else: as much may be put as there is credit for, if nobody waits for it.</summary>
    private void Publish()
    {
        lock (_putting)
        {
            _room = _isParked || ArePutsWaiting ? 0 : Math.Max(0, _core.Credit);
            _leaseEnd = _core.LeaseEnd.Ticks;
        }
    }

    public async ValueTask<bool> WaitToPutAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            Task<bool> room;
            lock (_gate)
            {
                Sync();
                SeeLease();
                Publish();
                ThrowIfParked();
                if (!_core.IsOpen) return false;
                if (!ArePutsWaiting && _core.Credit > 0) return true;
                room = (_hasRoom ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
                _roomWaiters++;
                Tell();
            }

            Schedule();
            try
            {
                if (_meter.IsWaitWanted) await MeasureAsync(room.WaitAsync(cancellationToken)).ConfigureAwait(false);
                if (!await room.WaitAsync(cancellationToken).ConfigureAwait(false)) return false;
            }
            finally
            {
                lock (_gate)
                {
                    _roomWaiters--;
                    Tell();
                }
            }
        }
    }

    private Element<T> Prepare(T value)
    {
        if (_codec is null) return new Element<T>(value);

        // What will have to be serialised is so at its put, where an element that cannot be hurts nobody else.
        return _producer is ProducerEnd<T> { IsReaderRemote: false } ? _codec.Copy(value) : _codec.Encode(value, _slab ??= new());
    }

    /// <summary>Under the lock: the producer may have gone to another process since the element was prepared.</summary>
    private Element<T> Fit(Element<T> element)
    {
        if (_producer.IsLocal || element.IsEncoded || _codec is null) return element;
        lock (_putting) return _codec.Encode(element.Value, _slab ??= new());
    }

    private void ThrowClosed()
    {
        lock (_gate) throw Closed();
    }

    private bool TryWithdraw(PutWaiter waiter)
    {
        lock (_gate)
        {
            if (waiter.Node is null) return false;
            Sync();
            waiter.Node.List!.Remove(waiter.Node);
            waiter.Node = null;
            Wake();
        }

        Schedule();
        return true;
    }

    /// <summary>A put that waits for credit. It keeps the handle alive: a sink that is waited on is not abandoned.</summary>
    private sealed class PutWaiter(Element<T> element, object owner) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Element<T> Element { get; set; } = element;

        public object Owner => owner;

        public LinkedListNode<PutWaiter>? Node { get; set; }

        /// <summary>Cancelling takes the put back, unless it has happened: then it succeeds.</summary>
        public async Task WaitAsync(SinkEnd<T> sink, CancellationToken cancellationToken)
        {
            var registration = cancellationToken.UnsafeRegister(
                static (state, token) =>
                {
                    var (sink, waiter) = ((SinkEnd<T>, PutWaiter))state!;
                    if (sink.TryWithdraw(waiter)) waiter.TrySetCanceled(token);
                },
                (sink, this));
            await using (registration.ConfigureAwait(false))
            {
                await Task.ConfigureAwait(false);
            }
        }
    }
}
