using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>A reader in this process. It is looked up when it is first spoken to: it joins before it is made.</summary>
internal sealed class LocalReader<T>(StreamHost host, Guid end) : IReaderPort<T>
{
    private SourceEnd<T>? _reader;

    public bool IsLocal => true;

    public Guid Process => Guid.Empty;

    public ValueTask<FrameReply> OnFrameAsync(Frame<Element<T>> frame) =>
        TryFind(out var reader) ? reader.OnFrameAsync(frame) : new(new FrameReply(null, IsUnknown: true));

    public ValueTask<long?> YieldAsync(long epoch) => TryFind(out var reader) ? reader.YieldAsync(epoch) : new((long?)null);

    private bool TryFind(out SourceEnd<T> reader)
    {
        if (_reader is null && host.TryGet(end, out SourceEnd<T> found)) _reader = found;
        reader = _reader!;
        return reader is not null;
    }
}

/// <summary>A writer in this process. It is looked up when it is first spoken to: it joins before it is made.</summary>
internal sealed class LocalWriter(StreamHost host, Guid end) : IWriterPort
{
    public Guid Process => Guid.Empty;

    private IDemandPort? _writer;

    public ValueTask<DemandReply> OnDemandAsync(Demand demand)
    {
        if (_writer is null && host.TryGet(end, out IDemandPort found)) _writer = found;
        return _writer?.OnDemandAsync(demand) ?? new(new DemandReply(null, IsUnknown: true));
    }
}
