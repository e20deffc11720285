using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>A receiver of elements in another process.</summary>
internal sealed class RemoteElements<T>(StreamHost host, IStreamElementObserver<T> observer, Guid process, Guid end) : IReaderPort<T>
{
    public Guid Process => process;

    public bool IsLocal => false;

    public async ValueTask<FrameReply> OnFrameAsync(Frame<Element<T>> frame)
    {
        var reply = await observer.OnNextAsync(WireFormat.ToWire(frame, end, host)).ConfigureAwait(false);
        return new FrameReply(reply.Demand is { } demand ? WireFormat.FromWire(demand) : null, reply.IsUnknown, reply.IsFenced);
    }

    public ValueTask<long?> YieldAsync(long epoch) => observer.YieldAsync(end, epoch);
}

/// <summary>A receiver of demand in another process.</summary>
internal sealed class RemoteDemand(StreamHost host, IStreamDemandObserver observer, Guid process, Guid end) : IWriterPort
{
    public Guid Process => process;

    public async ValueTask<DemandReply> OnDemandAsync(Demand demand)
    {
        var reply = await observer.OnDemandAsync(WireFormat.ToWire(demand, end, host)).ConfigureAwait(false);
        return new DemandReply(WireFormat.FromWire(reply.End), reply.IsUnknown, WireFormat.FromWire(reply.Moved), reply.IsMoved);
    }
}
