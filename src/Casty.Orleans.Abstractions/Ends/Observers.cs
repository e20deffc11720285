using Casty.Orleans.Protocol;
using Orleans;

namespace Casty.Orleans;

/// <summary>
/// One observer of a process, made for its first user and deleted after its last. Orleans holds observers weakly; this holds it.
/// </summary>
internal sealed class ObserverHandle<TObserver>(IGrainFactory grains, IGrainObserver target)
    where TObserver : class, IGrainObserver
{
    private readonly Lock _gate = new();
    private Task<TObserver>? _reference;
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
            // On the thread pool: Orleans refuses to create an observer in a grain's turn.
            return _reference ??= Task.Run(() => grains.CreateObjectReference<TObserver>(target));
        }
    }

    public void Release()
    {
        Task<TObserver> reference;
        lock (_gate)
        {
            if (--_users > 0) return;
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
        if (!host.TryGet(frame.To, out IElementPort<T> end)) return new(new StreamFrameReply { IsUnknown = true });

        FrameReply reply;
        try
        {
            // Ends in this process answer at once.
            reply = end.OnFrameAsync(WireFormat.FromWire<T>(frame)).Result;
        }
        catch (FormatException exception)
        {
            ((IStreamEnd)end).OnMalformed(exception.Message);
            return new(new StreamFrameReply());
        }

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
    public ValueTask<StreamDemandReply> OnDemandAsync(StreamDemand demand)
    {
        if (!host.TryGet(demand.To, out IDemandPort end)) return new(new StreamDemandReply { IsUnknown = true });

        var reply = end.OnDemandAsync(WireFormat.FromWire(demand)).Result;
        return new(new StreamDemandReply { End = WireFormat.ToWire(reply.End, host), IsUnknown = reply.IsUnknown });
    }
}
