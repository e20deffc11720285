using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How a producer speaks to several consumers (P-19). Everything here is guarded by the producer's lock, unless it says otherwise.</summary>
internal sealed partial class ProducerEnd<T>
{
    private List<ReaderLink> Links => field ??= [];
    private FanOut<Element<T>>? _fan;
    private Dictionary<long, TaskCompletionSource<long?>>? _yieldingInFan;

    /// <summary>Whom the elements go to, as far as that is decided.</summary>
    public StreamDelivery Delivery
    {
        get
        {
            lock (_gate) return _fan?.Delivery ?? StreamDelivery.Single;
        }
    }

    /// <summary>The first to say whom the elements go to decides it: a sink, or a source that names it before there is one.</summary>
    private void Decide(StreamDelivery delivery, StreamSlowConsumer? slowConsumer)
    {
        if (delivery == StreamDelivery.Single || _fan is not null) return;

        var (reader, isAttached, limit, epoch) = (_reader, _core.IsReaderAttached, _core.Requested, _core.Epoch);
        var (consumer, isNamed, end) = (_core.Consumer, _core.IsNamed, _core.Reader);
        if (isAttached) _core.Fence(_host.Clock.Now);
        _core.Reader = default;
        MakeFan(delivery, slowConsumer ?? _options.SlowConsumer ?? StreamSlowConsumer.Wait);
        if (!isAttached || reader is null) return;

        // Nothing was sent to it, as there has been no writer.
        _fan!.Adopt(consumer!, isNamed, end, reader.Process, _core.MaxBytes, epoch, limit, _host.Clock.Now);
        Links.Add(new ReaderLink(this, epoch, reader) { IsReady = _isReaderReady });
        _reader = null;
    }

    private void MakeFan(StreamDelivery delivery, StreamSlowConsumer slowConsumer) =>
        _fan = new FanOut<Element<T>>(_core, delivery, slowConsumer, Timings, Element<T>.SizeOf, Element<T>.Pool, isHandler: StreamNames.IsHandler);

    /// <summary>An end that comes to a producer in the place of a lost one knows that there were several consumers.</summary>
    private void MakeFanAgain(Roster? roster, StreamDelivery delivery = StreamDelivery.Single)
    {
        if (_fan is not null || !_core.IsRebuilding) return;
        if (roster?.Fan is { } fan) MakeFan(fan.Delivery, fan.SlowConsumer);
        else if (delivery != StreamDelivery.Single) MakeFan(delivery, StreamSlowConsumer.Wait);
    }

    /// <summary>What a reader expects, if it names it, is what the stream does, or what decides it.</summary>
    private void AgreeOnDelivery(StreamDelivery? expected)
    {
        bool isUndecided = _agreed is null && _fan is null && !_core.IsRebuilding;
        if (isUndecided && (expected is not null || _core.Consumer is null)) Decide(expected ?? _options.Delivery!.Value, slowConsumer: null);

        var actual = _fan?.Delivery ?? StreamDelivery.Single;
        if (expected is { } delivery && actual != delivery) throw new ArgumentException($"Stream '{Name}' has Delivery {actual}; this source expects {delivery}.");
    }

    private async Task<JoinedReader?> JoinConsumersAsync(
        Guid end, string consumer, bool isNamed, long maxBytes, IReaderPort<T> port, Guid replaces, StreamStart start, bool isReturning)
    {
        long? position = null;
        IReaderPort<T>? before = null;
        long epochBefore = 0;
        JoinedReader result;
        var left = new TaskCompletionSource<long?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_isClosed || (replaces == Guid.Empty && (_core.IsOver || _isFree))) return null;
            if (replaces != Guid.Empty) CheckPlaceOf(replaces, end);
            if (isReturning && _fan!.WouldMiss(consumer)) throw Gone("reader");
            if (_fan!.Find(consumer) is { IsAttached: true } present)
            {
                if (present.Reader == end) return new JoinedReader(_core.Stream, present.Epoch, present.Leg.Out.Confirmed, _core.Roster, _fan.StartOf(present));

                epochBefore = present.Epoch;
                before = LinkOf(epochBefore)?.Port;
                _fan.Fence(present, _host.Clock.Now);
                (_yieldingInFan ??= []).Add(epochBefore, left);
            }
        }

        if (before is not null) position = await await Task.WhenAny(YieldAsync(before, epochBefore), left.Task);

        lock (_gate)
        {
            _yieldingInFan?.Remove(epochBefore);
            if (_core.IsOver || _isFree || _isClosed) return null;
            if (!port.IsLocal && !IsReaderRemote)
            {
                IsReaderRemote = true;
                EncodeHeld();
            }

            var joined = _fan.Subscribe(consumer, isNamed, position, start, end, port.Process, maxBytes, _host.Clock.Now);
            result = new JoinedReader(_core.Stream, joined.Epoch, joined.Leg.Out.Confirmed, _core.Roster, _fan.StartOf(joined));
            Links.Add(new ReaderLink(this, joined.Epoch, port));
            ExpectWriter();
        }

        Run();
        if (before is not null && position is null) _ = YieldAsync(before, epochBefore);
        await KeptAsync(ConsumerItself(result.Epoch)).ConfigureAwait(false);
        return result;
    }

    private DemandReply OnConsumerDemand(Demand demand)
    {
        var verdict = _fan!.OnDemand(demand, _host.Clock.Now, out string? violation);
        if (verdict == Verdict.Violation) _host.Log.Violation(Name, violation!);
        if (verdict is Verdict.Accepted or Verdict.Duplicate && LinkOf(demand.Peer) is { } link) link.IsReady = true;

        TaskCompletionSource<long?>? yielding = null;
        bool isYielding = demand.Stream == _core.Stream && _yieldingInFan?.TryGetValue(demand.Peer, out yielding) == true;
        if (isYielding && demand.Leave != Leave.None) yielding!.TrySetResult(demand.Confirmed);
        return new DemandReply(verdict switch
        {
            Verdict.Stale when demand.Leave == Leave.None && !isYielding => _fan.AnswerStale(demand),
            Verdict.Violation => new StreamEnd(StreamEndReason.ProtocolViolation, violation),
            _ => null,
        });
    }

    /// <summary>A consumer's reader goes on with this producer, which takes the place of a lost one.</summary>
    private bool RejoinConsumer(Guid end, IReaderPort<T> port, ReaderReport report, long maxBytes)
    {
        if (_fan!.Find(report.Epoch) is { } present && present.Reader == end) return true;   // it asks again
        if (!port.IsLocal && !IsReaderRemote)
        {
            IsReaderRemote = true;
            EncodeHeld();
        }

        if (!_fan.Report(report, maxBytes, port.Process, end, _host.Clock.Now)) return false;

        Links.RemoveAll(link => link.Epoch == report.Epoch);
        Links.Add(new ReaderLink(this, report.Epoch, port) { IsReady = true });
        return true;
    }

    /// <summary>Takes the lock. Sends one consumer what it has asked for; false if there is nothing to send to any.</summary>
    private bool SendToConsumers()
    {
        ReaderLink? link = null;
        Frame<Element<T>> frame = default;
        int ticket = 0;
        long resent = 0;
        lock (_gate)
        {
            var now = _host.Clock.Now;
            if (_fan is null || _isClosed) return false;
            for (int i = Links.Count - 1; i >= 0 && link is null; i--)
            {
                var one = Links[i];
                if (_fan.Find(one.Epoch) is not { } subscription)
                {
                    if (!_core.IsRebuilding) Links.RemoveAt(i);
                }
                else if (one.IsReady && !one.InFlight.IsFull)
                {
                    resent = subscription.Leg.Out.Resent;
                    if (!_fan.TryTakeFrame(subscription, FrameLimits.Elements, _host.MaxFrameSize, now, out frame)) continue;
                    resent = subscription.Leg.Out.Resent - resent;
                    OnLeft(frame, resent, now);
                    link = one;
                    ticket = one.InFlight.Take();
                }
            }
        }

        if (link is null) return false;

        _meter.OnSent(frame.Batches, resent);
        link.Send(frame, ticket);
        return true;
    }

    /// <summary>Who reads now, one or several.</summary>
    private (IReaderPort<T> Port, long Epoch)[] Readers() => _fan is not null
        ? [.. Links.Where(link => _core.IsRebuilding || _fan.Find(link.Epoch) is not null).Select(link => (link.Port, link.Epoch))]
        : _core.IsReaderAttached && _reader is not null ? [(_reader, _core.Epoch)] : [];

    private ReaderLink? LinkOf(long epoch) => Links.Find(link => link.Epoch == epoch);

    private static long ConsumerItself(long epoch) => -1 - epoch;

    /// <summary>Another process than that of whom it is about knows the roster, if there is one that could.</summary>
    private bool IsKept(long version, long about) =>
        _fan is not null && about < ProducerCore<Element<T>>.ReaderItself ? _fan.IsKept(version, -1 - about) : _core.IsKept(version, about);

    /// <summary>The way to one consumer's reader. What comes back makes the producer go on.</summary>
    private sealed class ReaderLink(ProducerEnd<T> owner, long epoch, IReaderPort<T> port) : FrameSender<T>
    {
        public long Epoch => epoch;

        public IReaderPort<T> Port => port;

        public InFlight InFlight { get; } = new();

        /// <summary>The reader has spoken: it joins before it is made.</summary>
        public bool IsReady { get; set; }

        public void Send(Frame<Element<T>> frame, int ticket) => Send(port, frame, ticket);

        protected override void Drain() => owner.Run();

        protected override void OnReply(FrameReply reply, int ticket)
        {
            lock (owner._gate)
            {
                InFlight.Return(ticket);
                if (!owner._isClosed && reply.Demand is { } demand && owner._fan!.OnDemand(demand, owner._host.Clock.Now, out string? violation) == Verdict.Violation)
                {
                    owner._host.Log.Violation(owner.Name, violation!);
                }
            }

            if (reply.IsFenced) owner.CloseAsReplaced();
        }

        protected override void OnLost(Exception exception, int ticket)
        {
            lock (owner._gate) InFlight.Return(ticket);
            owner._host.Log.FrameLost(exception, owner.Name);
        }

        protected override void OnBug(Exception exception) => owner.OnBug(exception);
    }
}
