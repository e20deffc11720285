using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>
/// The middle of one run of a stream: the shell around <see cref="ProducerCore{T}"/>. It belongs to its process, and the
/// producer grain's activation only borrows it: the ends talk to it through observers, or directly within the process.
/// </summary>
internal sealed partial class ProducerEnd<T> : FrameSender<T>, IElementPort<T>, IDemandPort, IProducerEnd, IObservedProducer, IStreamEnd
{
    private static readonly TimeSpan NoWriterWarning = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly StreamHost _host;
    private readonly ElementCodec<T>? _codec;
    private SlabWriter? _slab;   // where what is put here has to be serialised
    private readonly ProducerCore<Element<T>> _core;
    private readonly InFlight _inFlight = new();
    private FewMap<Guid, long> _writerNumbers;
    private FewMap<long, IWriterPort> _writers;
    private readonly StreamProducerOptions _options;
    private readonly IProducerHome<T>? _home;
    private StreamProducerOptions? _agreed;
    private IReaderPort<T>? _reader;
    private bool _isReaderReady;
    private TaskCompletionSource<long?>? _yielding;
    private List<(string Consumer, Task Joining)>? _joining;   // who is about to have its place
    private Exception? _spoilt;
    private TimeSpan _warnAt = TimeSpan.MaxValue;
    private Signal _released;
    private Signal _writersTold;
    private int _telling;
    private bool _isFree;

    /// <param name="host">The process.</param>
    /// <param name="name">The stream's name.</param>
    /// <param name="codec">Serialises elements; null where none is.</param>
    /// <param name="home">The activation that it belongs to; null where there is no cluster.</param>
    /// <param name="lost">The run of the stream and the producer's lifetime that this one takes the place of; null begins a run.</param>
    public ProducerEnd(StreamHost host, string name, ElementCodec<T>? codec, IProducerHome<T>? home = null, StreamKey? lost = null)
    {
        _host = host;
        Name = name;
        _codec = codec;
        _home = home;
        _options = host.ProducerDefaults;
        Timings = StreamTimings.For(host.Options.LeaseDuration);

        // Incarnations only grow, in any silo: the clock is one, and whoever takes a place goes beyond the one before.
        long incarnation = DateTime.UtcNow.Ticks;
        _core = lost is { } before
            ? ProducerCore<Element<T>>.Rebuild(before.Next(incarnation), Timings, host.Clock.Now, Element<T>.SizeOf, Element<T>.Pool)
            : new ProducerCore<Element<T>>(new StreamKey(Guid.CreateVersion7(), incarnation), _options.BufferSize!.Value,
                _options.SubscriptionTimeout!.Value, Timings, host.Clock.Now, Element<T>.SizeOf, pool: Element<T>.Pool);
        if (!_core.IsRebuilding) _opened.TrySetResult();
        _meter = host.MeterOf(typeof(T), StreamRole.Producer);
        _rebuildingSince = host.Traces.Begin();
        host.Add(this);
    }

    public Guid Id { get; } = Guid.NewGuid();

    public string Name { get; }

    public StreamTimings Timings { get; }

    public bool IsLocal => true;

    /// <summary>Ends once nobody needs to be answered about this stream any more.</summary>
    public Task Released => _released.Task;

    /// <summary>How many writers it could speak to.</summary>
    public int WriterCount
    {
        get
        {
            lock (_gate) return _writers.Count;
        }
    }

    /// <summary>The reader is in another process: elements will have to be serialised.</summary>
    public bool IsReaderRemote { get; private set; }

    /// <summary>A writer joins.</summary>
    /// <param name="end">The writer's end; joining twice is joining once.</param>
    /// <param name="port">Where the writer hears of demand.</param>
    /// <param name="named">The options that the writer named.</param>
    /// <param name="defaults">The options of the writer's process.</param>
    /// <param name="replaces">The number of the writer whose place it is to take; 0 where it takes none.</param>
    /// <returns>What the writer is told first; null where this run of the stream is over and its name free, or where it goes on elsewhere.</returns>
    /// <exception cref="StreamClosedException">The stream takes no more, and its name is not free yet.</exception>
    /// <exception cref="StreamSupersededException">The writer whose place it is to take has put something, has ended, or is not there.</exception>
    /// <exception cref="ArgumentException">The stream has other options.</exception>
    public (Demand Demand, long JoinedAt, Roster? Roster)? Attach(
        Guid end, IWriterPort port, StreamProducerOptions named, StreamProducerOptions? defaults = null, long replaces = 0)
    {
        Demand demand;
        long joinedAt;
        Roster? roster;
        IWriterPort? dismissed = null;
        lock (_gate)
        {
            if (_isClosed || (replaces == 0 && (_core.IsOver || _isFree))) return null;

            var now = _host.Clock.Now;
            if (!_writerNumbers.TryGetValue(end, out long writer))
            {
                if (replaces != 0) CheckPlaceOf(replaces);
                else if (_core.End is { } ended) throw Refusal(ended, now);
                else Agree(named, defaults);

                writer = Random.Shared.NextInt64(1, long.MaxValue);   // unlike a count, it means the same to every lifetime
                _core.Attach(writer, now, port.Process);
                _writerNumbers.Add(end, writer);
                _writers.Add(writer, port);
                _warnAt = TimeSpan.MaxValue;
                dismissed = Replace(replaces);   // in the same turn: the stream is never without a writer in between
            }

            _core.TryTakeDemandFor(writer, out demand);
            joinedAt = _core.RosterVersion;
            roster = _core.RosterOnJoining(writer);
        }

        Dismiss(dismissed, replaces);
        Run();
        return (demand, joinedAt, roster);
    }

    /// <summary>A writer that has put nothing leaves as if it had never come.</summary>
    public void Withdraw(Guid end)
    {
        lock (_gate)
        {
            if (!_writerNumbers.Remove(end, out long writer)) return;
            _writers.Remove(writer);
            _core.Withdraw(writer, _host.Clock.Now);
            if (_writerNumbers.Count == 0 && _core.Next == 0) _agreed = null;
            if (_core.IsReaderAttached) ExpectWriter();
        }

        Run();
    }

    /// <summary>A reader joins; one of the same name that it finds is superseded.</summary>
    /// <param name="end">The reader's end; joining twice is joining once.</param>
    /// <param name="consumer">The subscription's name.</param>
    /// <param name="isNamed">The subscription outlives its reader.</param>
    /// <param name="maxBytes">What may be out and unconfirmed, in bytes.</param>
    /// <param name="port">Where the reader hears of elements.</param>
    /// <param name="replaces">The only end whose place it is to take; empty where it takes whosever it finds.</param>
    /// <param name="delivery">Whom it expects the elements to go to; null where it does not say.</param>
    /// <param name="start">Where it begins in a broadcast that others read already.</param>
    /// <param name="isReturning">It had joined a run of the stream that gave way to this one.</param>
    /// <returns>
    /// The stream, the reader's epoch and its first position; null where this run of the stream is over, or goes on elsewhere.
    /// </returns>
    /// <exception cref="StreamOccupiedException">The stream has a consumer of another name.</exception>
    /// <exception cref="StreamSupersededException">The end whose place it is to take has it no longer.</exception>
    /// <exception cref="StreamAbandonedException">It had joined another run, and would miss what others have been given in this one since.</exception>
    public Task<JoinedReader?> SubscribeAsync(
        Guid end, string consumer, bool isNamed, long maxBytes, IReaderPort<T> port, Guid replaces = default,
        StreamDelivery? delivery = null, StreamStart start = StreamStart.Latest, bool isReturning = false)
    {
        Task before;
        lock (_gate)
        {
            if (!_core.IsOver) AgreeOnDelivery(delivery);
            _joining?.RemoveAll(one => one.Joining.IsCompleted);
            before = _joining?.FindLast(one => one.Consumer == consumer).Joining ?? Task.CompletedTask;
        }

        var subscribing = InTurnAsync();
        lock (_gate)
        {
            if (!subscribing.IsCompleted) (_joining ??= []).Add((consumer, subscribing));
        }

        Subscribing = subscribing.IsCompleted ? Task.CompletedTask : subscribing;
        return subscribing;

        // The consumer grain lets in one after another, but it may be lost meanwhile. Who comes before the one before has its place would
        // not learn where that began.
        async Task<JoinedReader?> InTurnAsync()
        {
            await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            bool areSeveral;
            lock (_gate) areSeveral = _fan is not null;
            return await (areSeveral
                ? JoinConsumersAsync(end, consumer, isNamed, maxBytes, port, replaces, start, isReturning)
                : TakeOverAsync(end, consumer, isNamed, maxBytes, port, replaces, start, isReturning));
        }
    }

    /// <summary>Ends once the last reader to come has its place: where the one before stopped would be lost if this producer closed meanwhile.</summary>
    public Task Subscribing { get; private set; } = Task.CompletedTask;

    private async Task<JoinedReader?> TakeOverAsync(
        Guid end, string consumer, bool isNamed, long maxBytes, IReaderPort<T> port, Guid replaces, StreamStart start, bool isReturning)
    {
        long? position = null;
        IReaderPort<T>? before;
        var left = new TaskCompletionSource<long?>(TaskCreationOptions.RunContinuationsAsynchronously);
        long epoch, epochBefore;
        lock (_gate)
        {
            if (_isClosed || (replaces == Guid.Empty && (_core.IsOver || _isFree))) return null;
            if (_core.Consumer is { } other && other != consumer)
            {
                throw new StreamOccupiedException(
                    $"Stream '{Name}' has Delivery Single and is read by consumer '{other}'; '{consumer}' was refused. "
                    + $"Wait until '{other}' has left, read under its name to take over, or have the first sink name Broadcast or Balanced.", other);
            }

            if (_core.Reader == end && _core.IsReaderAttached) return new JoinedReader(_core.Stream, _core.Epoch, _core.Confirmed, _core.Roster, []);

            if (replaces != Guid.Empty) CheckPlaceOf(replaces, end);

            before = _core.IsReaderAttached ? _reader : null;
            epochBefore = _core.Epoch;
            _core.Fence(_host.Clock.Now);
            if (before is not null) _yielding = left;
        }

        if (before is not null) position = await await Task.WhenAny(YieldAsync(before, epochBefore), left.Task);

        long first = -1;
        Roster? roster;
        bool isReturn, areSeveral;
        lock (_gate)
        {
            _yielding = null;
            if (_core.IsOver || _isFree || _isClosed) return null;
            areSeveral = _fan is not null;   // a sink has come meanwhile, and decided so; nothing was sent to anybody
            if (!areSeveral)
            {
                if (!port.IsLocal) EncodeHeld();
                first = _core.Subscribe(consumer, isNamed, position, _host.Clock.Now, maxBytes, port.Process);
                if (first >= 0) _core.Reader = end;
                _reader = first < 0 ? null : port;
                _isReaderReady = false;
                IsReaderRemote = !port.IsLocal;
                _inFlight.GiveUp();
            }

            epoch = _core.Epoch;
            roster = _core.Roster;
            isReturn = first >= 0 && isNamed && epoch > 1 && replaces == Guid.Empty;
            ExpectWriter();
        }

        if (isReturn) _meter.OnResumed(StreamTags.Return);
        Run();

        // It could not be asked, but may be made by now, and would only learn at its next word that it is not listened to.
        if (before is not null && position is null) _ = YieldAsync(before, epochBefore);
        if (areSeveral) return await JoinConsumersAsync(end, consumer, isNamed, maxBytes, port, Guid.Empty, start, isReturning);
        if (first < 0) return null;

        await KeptAsync(ProducerCore<Element<T>>.ReaderItself).ConfigureAwait(false);
        return new JoinedReader(_core.Stream, epoch, first, roster, []);
    }

    /// <summary>Under the lock: a reader is there, and is not to wait long for a writer without a word.</summary>
    private void ExpectWriter()
    {
        if (_core.Writers == 0 && _core.End is null) _warnAt = _host.Clock.Now + NoWriterWarning;
    }

    /// <summary>A reader that never came leaves as if it had not asked.</summary>
    public void Unsubscribe(Guid end)
    {
        lock (_gate)
        {
            if (_fan?.FindReader(end) is { } one)
            {
                _fan.Unsubscribe(one, _host.Clock.Now);
            }
            else if (_core.Reader == end)
            {
                _reader = null;
                _core.Unsubscribe(_host.Clock.Now);
            }
        }

        Run();
    }

    public ValueTask<FrameReply> OnFrameAsync(Frame<Element<T>> frame)
    {
        FrameReply reply;
        Arrival arrival;
        lock (_gate)
        {
            if (_isClosed) return new ValueTask<FrameReply>(new FrameReply(Farewell(frame.Peer)));
            if (IsReaderRemote) Encode(frame);
            var now = _host.Clock.Now;
            var before = Look(frame.Peer);
            int batches = frame.Batches.Length;
            var verdict = _core.OnFrame(frame, now, out string? violation);
            arrival = ArrivalSince(before, frame.Peer, batches > 0 && verdict is Verdict.Accepted or Verdict.Duplicate, now);
            if (verdict == Verdict.Violation) _host.Log.Violation(Name, violation!);
            FailWhatIsSpoilt();
            if (frame.Leaving && verdict != Verdict.Stale) Forget(frame.Peer);
            if (verdict == Verdict.Stale || !_core.TryTakeDemandFor(frame.Peer, out var demand))
            {
                reply = new FrameReply(null, IsUnknown: verdict == Verdict.Stale || !_core.IsRebuilding);
            }
            else if (_host.EchoDemand)
            {
                reply = new FrameReply(demand);
            }
            else
            {
                reply = default;
                if (_writers.TryGetValue(frame.Peer, out var port))
                {
                    _telling++;
                    _ = TellWriterAsync(port, demand);
                }
            }
        }

        _meter.OnReceived(arrival);
        Run();
        return new ValueTask<FrameReply>(reply);
    }

    public ValueTask<DemandReply> OnDemandAsync(Demand demand)
    {
        DemandReply reply;
        bool isLast;
        TimeSpan? delivery;
        lock (_gate)
        {
            if (_isClosed) return new ValueTask<DemandReply>(Moved);
            reply = _fan is null ? OnReaderDemand(demand) : OnConsumerDemand(demand);
            delivery = _delivery.End(_core.Received, _host.Clock.Now);
            isLast = _core.IsOver && !_writersTold.IsSet && demand.Leave == Leave.None && demand.Stream == _core.Stream && (_fan is not null || demand.Peer == _core.Epoch);
        }

        if (delivery is { } took) _meter.OnDelivered(took);
        Run();
        if (demand.Leave == Leave.Detach) return DetachedAsync(reply);
        return isLast ? AfterWritersAsync(reply) : new ValueTask<DemandReply>(reply);
    }

    /// <summary>Under the lock.</summary>
    private DemandReply OnReaderDemand(Demand demand)
    {
        var verdict = _core.OnDemand(demand, _host.Clock.Now, out string? violation);
        if (verdict == Verdict.Violation) _host.Log.Violation(Name, violation!);
        _isReaderReady |= verdict is Verdict.Accepted or Verdict.Duplicate;

        // Who is being asked where it stopped must not go away before it could answer, unless it says so as it goes.
        bool isYielding = _yielding is not null && demand.Stream == _core.Stream && demand.Peer == _core.Epoch;
        bool isAtEnd = _core.End is not null && demand.Confirmed > _core.Next;
        if (isYielding && (isAtEnd || demand.Leave != Leave.None)) _yielding!.TrySetResult(Math.Min(demand.Confirmed, _core.Next));
        _isExpired |= verdict == Verdict.Accepted && demand is { Leave: Leave.Cancel, End.Reason: StreamEndReason.Abandoned };
        return new DemandReply(verdict switch
        {
            Verdict.Stale when demand.Leave == Leave.None && !isYielding => _core.AnswerStale(demand),
            Verdict.Violation => _core.End,
            _ => null,
        });
    }

    /// <summary>
    /// How far it was must outlive this producer before a reader that detaches is gone. Where this one gives up its place before that, the
    /// reader tells the next one.
    /// </summary>
    private async ValueTask<DemandReply> DetachedAsync(DemandReply reply)
    {
        await KeptAsync().ConfigureAwait(false);
        lock (_gate) return _isClosed ? Moved : reply;
    }

    private DemandReply Moved => new(null, IsUnknown: true, _lastRoster, IsMoved: true);

    /// <summary>
    /// A reader at the end is not let go before the writers have been told: were this producer lost in between, nobody else could tell them
    /// how it came out. In real time: it is about processes.
    /// </summary>
    private async ValueTask<DemandReply> AfterWritersAsync(DemandReply reply)
    {
        await _writersTold.Task.WaitAsync(Timings.Suspicion).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return reply;
    }

    public bool LeavesFirst => false;

    public bool IsTied => false;

    public Task LetGoAsync(bool isHostStopping) => Task.CompletedTask;

    protected override void Drain()
    {
        lock (_gate) _fan?.Feed(_host.Clock.Now);
        while (TryTakeDemand(out var port, out var demand) || (_fan is null ? SendFrame() : SendToConsumers()))
        {
            if (port is not null) _ = TellWriterAsync(port, demand);
        }

        Rest();
    }

    protected override void OnBug(Exception exception)
    {
        _host.Log.EndFailed(exception, Name);
        Fail($"An internal error: {exception.Message}");
    }

    /// <summary>An error in here must not leave the stream hanging.</summary>
    private void Fail(string violation)
    {
        _host.Log.Violation(Name, violation);
        lock (_gate) _core.EndStream(new StreamEnd(StreamEndReason.ProtocolViolation, violation), _host.Clock.Now);
        Run();
    }

    private bool TryTakeDemand(out IWriterPort? port, out Demand demand)
    {
        port = null;
        lock (_gate)
        {
            if (!_core.TryTakeDemand(out demand)) return false;
            if (_writers.TryGetValue(demand.Peer, out port)) _telling++;
            return true;
        }
    }

    private bool SendFrame()
    {
        Frame<Element<T>> frame;
        IReaderPort<T> reader;
        int ticket;
        long resent;
        lock (_gate)
        {
            // A reader joins before it is made: whatever comes before its first demand would find nobody.
            if (_inFlight.IsFull || _reader is null || !_isReaderReady || _isClosed) return false;
            var now = _host.Clock.Now;
            resent = _core.Resent;
            if (!_core.TryTakeFrame(FrameLimits.Elements, _host.MaxFrameSize, now, out frame)) return false;
            resent = _core.Resent - resent;
            OnLeft(frame, resent, now);
            reader = _reader;
            ticket = _inFlight.Take();
        }

        _meter.OnSent(frame.Batches, resent);
        Send(reader, frame, ticket);
        return true;
    }

    protected override void OnReply(FrameReply reply, int ticket)
    {
        bool isFenced;
        TimeSpan? delivery;
        lock (_gate)
        {
            _inFlight.Return(ticket);
            isFenced = reply.IsFenced;
            var now = _host.Clock.Now;
            if (!_isClosed && reply.Demand is { } demand && _core.OnDemand(demand, now, out string? violation) == Verdict.Violation)
            {
                _host.Log.Violation(Name, violation!);
            }

            delivery = _delivery.End(_core.Received, now);
        }

        if (delivery is { } took) _meter.OnDelivered(took);
        if (isFenced) CloseAsReplaced();
    }

    protected override void OnLost(Exception exception, int ticket)
    {
        lock (_gate) _inFlight.Return(ticket);
        _host.Log.FrameLost(exception, Name);
    }

    /// <summary>Lost demand is not sent again from here: a writer that waits for it asks (P-05).</summary>
    private async Task TellWriterAsync(IDemandPort port, Demand demand)
    {
        try
        {
            await port.OnDemandAsync(demand).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _host.Log.FrameLost(exception, Name);
        }

        bool isLast;
        lock (_gate) isLast = --_telling == 0 && _core.IsOver;
        if (isLast) Run();
    }

    protected internal override void OnDue()
    {
        lock (_gate)
        {
            if (_isClosed) return;
            var now = _host.Clock.Now;
            _fan?.Settle(now);
            _fan?.OnTick(now, one => LinkOf(one.Epoch)?.InFlight.GiveUp());   // before the producer's own: to it, they are its reader, and there
            if (_core.OnTick(now)) _inFlight.GiveUp();
            _fan?.Settle(now);
            _slab?.Rest();
            if (_writers.Count > _core.Writers) ForgetLost();
            if (now >= _warnAt)
            {
                _warnAt = TimeSpan.MaxValue;
                _host.Log.NoWriter(Name, typeof(T).ToString(), NoWriterWarning);
            }
        }

        Run();
    }

    /// <summary>After a turn: frees the name, forgets the stream, or waits.</summary>
    private void Rest()
    {
        bool free, release, isTorn, isRebuilt, isEnded;
        TimeSpan deadline;
        lock (_gate)
        {
            isRebuilt = !_core.IsRebuilding && _opened.TrySetResult();
            isEnded = _core.IsOver && !_isEndTold;
            _isEndTold |= isEnded;
            if (isRebuilt && _core.HasHadWriters)
            {
                // A stream that goes on has the options that its ends remember.
                _agreed = new StreamProducerOptions
                {
                    BufferSize = _core.BufferSize,
                    SubscriptionTimeout = _core.SubscriptionTimeout,
                    Delivery = _fan?.Delivery ?? StreamDelivery.Single,
                    SlowConsumer = _fan?.SlowConsumer ?? StreamSlowConsumer.Wait,
                };
            }

            TellKept();
            if (_core is { IsOver: true, HasDemand: false } && _telling == 0) _writersTold.TrySetResult();
            if (_isClosed) return;
            LimitSilence();
            free = !_isFree && (_core.IsOver || (_core.IsUnused && !_core.IsReaderAttached));
            _isFree |= free;
            release = _isFree && (_core.IsForgotten || (_core.Writers == 0 && !_isExpired && _fan?.IsEmpty != false)) && !_released.IsSet;
            isTorn = _core.IsTorn && !_core.IsOver;
            deadline = _core.NextDeadline;
            if (_fan is not null && _fan.NextDeadline < deadline) deadline = _fan.NextDeadline;
            if (_warnAt < deadline) deadline = _warnAt;
        }

        if (isRebuilt) TellRebuilt();
        if (isEnded) TellEnded();
        if (isTorn)
        {
            Close();
        }
        else if (release)
        {
            _host.Clock.Deadlines.Remove(this);
            _silence?.Dispose();
            Release();
        }
        else if (deadline != TimeSpan.MaxValue)
        {
            _host.Clock.Deadlines.Arm(this, deadline);
        }

        if (free) _host.FreeName(this);
    }

    private void Release()
    {
        _host.Remove(this);
        if (!_released.TrySetResult() || _home is null) return;
        _host.Forget(this);
        _home.OnReleased(this);
        Joining.Release<T>(_host);
    }

    private async Task<long?> YieldAsync(IReaderPort<T> reader, long epoch)
    {
        try
        {
            // A reader that cannot say where it is must not keep its successor waiting: that one goes on after what was confirmed.
            return await reader.YieldAsync(epoch).AsTask().WaitAsync(Timings.Retry * 5, _host.Clock.Provider).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _host.Log.FrameLost(exception, Name);
            return null;
        }
    }

    private void Agree(StreamProducerOptions named, StreamProducerOptions? defaults)
    {
        if (_agreed is null)
        {
            _agreed = named.Or(defaults ?? _options).Or(_options);
            if (_fan is not null && named.Delivery is { } one && one != _fan.Delivery)
            {
                _agreed = null;
                throw new ArgumentException($"Stream '{Name}' has Delivery {_fan.Delivery}, set by its first source; this sink names {one}.");
            }

            _core.Configure(_agreed.BufferSize!.Value, _agreed.SubscriptionTimeout!.Value);
            Decide(_agreed.Delivery!.Value, _agreed.SlowConsumer);
            if (_fan is not null) _agreed = new StreamProducerOptions { Delivery = _fan.Delivery }.Or(_agreed);
            return;
        }

        if (named.Delivery is { } delivery && delivery != _agreed.Delivery)
        {
            throw new ArgumentException($"Stream '{Name}' has Delivery {_agreed.Delivery}, set by its first sink; this sink names {delivery}.");
        }

        if (named.SlowConsumer is { } slow && slow != _agreed.SlowConsumer)
        {
            throw new ArgumentException($"Stream '{Name}' has SlowConsumer {_agreed.SlowConsumer}, set by its first sink; this sink names {slow}.");
        }

        // The caller adds the parameter's name: Orleans does not carry it.
        if (named.BufferSize is { } size && size != _agreed.BufferSize)
        {
            throw new ArgumentException($"Stream '{Name}' has a BufferSize of {_agreed.BufferSize}, set by its first sink; this sink names {size}.");
        }

        if (named.SubscriptionTimeout is { } timeout && timeout != _agreed.SubscriptionTimeout)
        {
            throw new ArgumentException($"Stream '{Name}' has a SubscriptionTimeout of {_agreed.SubscriptionTimeout}, set by its first sink; this sink names {timeout}.");
        }
    }

    private StreamClosedException Refusal(StreamEnd end, TimeSpan now)
    {
        string when = _core.UnreadDeadline == TimeSpan.MaxValue
            ? "once its reader has received what it holds"
            : $"once it has been read, or in {_core.UnreadDeadline - now}, when its subscription timeout ends";
        return new StreamClosedException($"Stream '{Name}' has ended ({end.Reason}) and takes no more writers; its name is free {when}.", end.Reason, end.Cause);
    }

    /// <summary>Who was lost says no farewell.</summary>
    private void ForgetLost()
    {
        foreach (var (end, number) in _writerNumbers)
        {
            if (_core.Knows(number)) continue;
            _writerNumbers.Remove(end);
            _writers.Remove(number);
        }
    }

    private void Forget(long writer)
    {
        _writers.Remove(writer);
        foreach (var (end, number) in _writerNumbers)
        {
            if (number != writer) continue;
            _writerNumbers.Remove(end);
            break;
        }
    }

    /// <summary>What a local writer put is serialised once its reader turns out to be elsewhere.</summary>
    private void Encode(Frame<Element<T>> frame)
    {
        foreach (var batch in frame.Batches)
        {
            foreach (ref var element in batch.Elements.AsSpan())
            {
                if (!element.IsEncoded) element = Encode(element);
            }
        }
    }

    private void EncodeHeld()
    {
        if (_codec is not null)
        {
            _core.Convert(Encode);
            _fan?.Convert(Encode);
        }

        FailWhatIsSpoilt();
    }

    private Element<T> Encode(Element<T> element)
    {
        if (element.IsEncoded || _codec is null) return element;
        try
        {
            return _codec.Encode(element.Value, _slab ??= new SlabWriter());
        }
        catch (Exception exception)
        {
            // Only here could it be known: the writer put it when no reader was elsewhere. Its neighbours go on.
            _spoilt ??= exception;
            return Element<T>.Hole;
        }
    }

    private void FailWhatIsSpoilt()
    {
        if (_spoilt is null) return;
        _core.Spoil(new StreamEnd(StreamEndReason.Failed, "An element could not be serialised for its reader.", _spoilt), _host.Clock.Now);
        _spoilt = null;
    }
}
