using System.Globalization;
using Casty.Orleans.Protocol;
using Orleans;

namespace Casty.Orleans;

/// <summary>
/// One observer of a process, made for its first user and deleted some time after its last: what its peers had on their way to it
/// would find nobody, which Orleans logs as an error and leaves without an answer. Orleans holds observers weakly; this holds it.
/// </summary>
internal sealed class ObserverHandle<TObserver>(IGrainFactory grains, StreamClock clock, IGrainObserver target)
    where TObserver : class, IGrainObserver
{
    /// <summary>As long as a call waits for its answer: whoever called before knows by then.</summary>
    private static readonly TimeSpan Linger = TimeSpan.Parse(FrameLimits.ResponseTimeout, CultureInfo.InvariantCulture);

    private readonly Lock _gate = new();
    private Task<TObserver>? _reference;
    private ITimer? _idle;
    private int _users;

    public bool IsCreated
    {
        get
        {
            lock (_gate) return _reference is not null;
        }
    }

    public Task<TObserver> AcquireAsync()
    {
        lock (_gate)
        {
            _users++;
            _idle?.Dispose();
            _idle = null;

            // On the thread pool: Orleans refuses to create an observer in a grain's turn.
            return _reference ??= Task.Run(() => grains.CreateObjectReference<TObserver>(target));
        }
    }

    public void Release()
    {
        lock (_gate)
        {
            if (--_users == 0) _idle = clock.CreateTimer(static handle => ((ObserverHandle<TObserver>)handle!).OnIdle(), this, Linger);
        }
    }

    private void OnIdle()
    {
        Task<TObserver> reference;
        lock (_gate)
        {
            if (_idle is null) return;
            _idle.Dispose();
            _idle = null;
            reference = _reference!;
            _reference = null;
        }

        reference.ContinueWith(
            created => grains.DeleteObjectReference<TObserver>(created.Result),
            CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }
}

/// <summary>Where this process takes elements, for all its readers and producers of one type.</summary>
internal sealed class ElementEndpoint<T>(StreamHost host) : IStreamElementObserver<T>
{
    public ValueTask<StreamFrameReply> OnNextAsync(StreamFrame frame)
    {
        if (frame is null || !host.TryGet(frame.To, out IElementPort<T> end)) return new(new StreamFrameReply { IsUnknown = true });

        // Ends in this process answer at once.
        var reply = end.OnFrameAsync(WireFormat.FromWire<T>(frame, host, mayHaveHoles: end is SourceEnd<T>)).Result;
        return new(new StreamFrameReply
        {
            Demand = reply.Demand is { } demand ? WireFormat.ToWire(demand, Guid.Empty, host) : null,
            IsUnknown = reply.IsUnknown,
            IsFenced = reply.IsFenced,
        });
    }

    public ValueTask<long?> YieldAsync(Guid to, long epoch) =>
        host.TryGet(to, out IReaderPort<T> reader) ? reader.YieldAsync(epoch) : new((long?)null);
}

/// <summary>Where this process takes demand, for all its writers and producers.</summary>
internal sealed class DemandEndpoint(StreamHost host) : IStreamDemandObserver
{
    public async ValueTask<StreamDemandReply> OnDemandAsync(StreamDemand demand)
    {
        if (demand is null || !host.TryGet(demand.To, out IDemandPort end)) return new StreamDemandReply { IsUnknown = true };

        var reply = await end.OnDemandAsync(WireFormat.FromWire(demand)).ConfigureAwait(false);
        return new StreamDemandReply
        {
            End = WireFormat.ToWire(reply.End, host),
            IsUnknown = reply.IsUnknown,
            Moved = WireFormat.ToWire(reply.Moved),
            IsMoved = reply.IsMoved,
        };
    }

    public ValueTask ReplacedAsync(Guid to, Guid stream, long incarnation)
    {
        if (host.TryGet(to, out IProducerEnd producer)) producer.OnReplaced(new StreamKey(stream, incarnation));
        return default;
    }

    public ValueTask<bool> PingAsync(Guid process) => new(process == host.Process);
}
