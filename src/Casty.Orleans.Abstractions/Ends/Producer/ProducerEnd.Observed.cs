using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>What is measured, traced and told of a producer, and how it is ended from outside.</summary>
internal sealed partial class ProducerEnd<T>
{
    /// <summary>In real time: it is about a caller.</summary>
    private static readonly TimeSpan OpeningPatience = TimeSpan.FromSeconds(5);

    private readonly EndMeter _meter;
    private readonly DateTimeOffset _rebuildingSince;
    private DeliveryProbe _delivery = new();
    private string? _trace;        // what opened the first end of this stream, or was the first to ask how it goes on
    private TimeSpan _heldSince;   // since then elements have been waiting at every moment, if any do
    private TimeSpan _leftAt;      // something new left for the reader last
    private bool _isEndTold;

    public StreamRole Role => StreamRole.Producer;

    public string ElementType => typeof(T).ToString();

    public bool IsLive => Observe() is not null;

    public StreamFacts? Observe()
    {
        lock (_gate)
        {
            if (_isClosed || _isFree || _core.IsOver) return null;

            var since = _heldSince > _leftAt ? _heldSince : _leftAt;
            var (consumers, count, isRead) = ObserveConsumers();
            return new StreamFacts(
                consumers, count, isRead, _core.Writers, _core.BufferSize,
                _core.Next - _core.Sent, _core.Sent - _core.Confirmed, Math.Max(0, _core.Requested - _core.Sent),
                _core.IsStalled ? _host.Clock.Now - since : null, _core.IsRebuilding);
        }
    }

    /// <summary>Under the lock. One that was sent away gets the rest of what it asked for, and is none any more.</summary>
    private (string[] Names, int Count, bool IsRead) ObserveConsumers()
    {
        if (_fan is null) return _core.Consumer is { } only ? ([only], 1, _core.IsReaderAttached) : ([], 0, false);

        var consumers = _fan.Subscriptions.Where(one => one.Dismissal is null);
        return ([.. consumers.Take(StreamInfo.MaxConsumers).Select(one => one.Consumer)], consumers.Count(), consumers.Any(one => one.IsAttached));
    }

    public async Task<bool> TerminateAsync(StreamEnd end)
    {
        await Opened.WaitAsync(OpeningPatience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_opened.IsSet) throw new TimeoutException($"Stream '{Name}' is being rebuilt, and cannot be ended before it is known who belongs to it. Try again.");

        (IReaderPort<T> Port, long Epoch)[] readers;
        lock (_gate)
        {
            if (_isClosed || _isFree || _core.IsOver) return false;
            readers = Readers();
            _core.Terminate(end, _host.Clock.Now);
            end = _core.End!;
            _isExpired = readers.Length > 0;   // until they have been told, they may have to ask
        }

        _host.Log.Terminated(Name, ElementType, end.Message);
        Schedule();
        if (readers.Length > 0) _ = CutAsync(readers, end);
        return true;
    }

    /// <summary>The activity that everything else of this stream leads to; null where nobody traces.</summary>
    public string? Trace => _trace;

    /// <summary>An end asks how the stream goes on, or has joined it.</summary>
    public void OnAsked(string? asker)
    {
        if (asker is not null && _trace is null && StreamTraces.Parse(asker) != default) Interlocked.CompareExchange(ref _trace, asker, null);
    }

    /// <summary>An end has joined the stream, or gone on with it.</summary>
    public void OnJoined(StreamRole role, string? asker, DateTimeOffset since)
    {
        OnAsked(asker);
        _host.Traces.OnJoined(Name, ElementType, Stream, role, asker, _trace, since);
    }

    private async Task CutAsync((IReaderPort<T> Port, long Epoch)[] readers, StreamEnd end)
    {
        bool[] areTold = await Task.WhenAll(readers.Select(reader =>
        {
            var frame = new Frame<Element<T>>(_core.Stream, reader.Epoch, [], End: end, IsOver: true);
            return IsToldAsync(() => reader.Port.OnFrameAsync(frame).AsTask(), static _ => true);
        })).ConfigureAwait(false);
        if (!areTold.All(isTold => isTold)) return;
        lock (_gate) _isExpired = false;
        Run();
    }

    /// <summary>Under the lock, before a writer's frame is taken.</summary>
    private Glance Look(long writer)
    {
        bool isRepairWanted = _meter.IsRepairWanted;
        return new Glance(_core.Next, _core.Next > _core.Sent, isRepairWanted, isRepairWanted ? _core.RepairsOf(writer) : default);
    }

    /// <summary>Under the lock, after it was.</summary>
    private Arrival ArrivalSince(Glance before, long writer, bool hasElements, TimeSpan now)
    {
        long elements = _core.Next - before.Next;
        if (elements > 0)
        {
            if (!before.IsHolding) _heldSince = now;
            if (_meter.IsDeliveryWanted && !_delivery.IsOut) _delivery.Begin(_core.Next, now);
        }

        var repairs = before.IsRepairWanted ? _core.RepairsOf(writer) : default;
        return new Arrival(hasElements, elements, repairs.Dropped - before.Repairs.Dropped, repairs.Early > before.Repairs.Early);
    }

    /// <summary>Under the lock. What is sent again does not make a stream move.</summary>
    private void OnLeft(in Frame<Element<T>> frame, long resent, TimeSpan now)
    {
        long elements = 0;
        foreach (var batch in frame.Batches) elements += batch.Elements.Count;
        if (elements > resent) _leftAt = now;
    }

    private void TellRebuilt()
    {
        _meter.OnResumed(StreamTags.Rebuild);
        _host.Traces.OnRebuilt(Name, ElementType, _core.Stream, _trace, _rebuildingSince);
        _host.Log.Rebuilt(Name, ElementType, _core.Stream.Incarnation);
    }

    private void TellEnded()
    {
        if (_core.End is not { } end) return;
        string reason = StreamTags.Of(end.Reason);
        _meter.OnEnded(reason);
        _host.Traces.OnEnded(Role, Name, ElementType, _core.Stream, TraceLinks.To(_trace), reason, end);
        _host.Log.Ended(Name, ElementType, "producer", reason, end.Message);
    }

    private readonly record struct Glance(long Next, bool IsHolding, bool IsRepairWanted, (long Dropped, long Early) Repairs);
}
