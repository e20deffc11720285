namespace Casty.Orleans.Protocol;

/// <summary>How the place of an end whose handle was handed over goes to another one, and to one only (P-17).</summary>
internal sealed partial class ProducerCore<T>
{
    private Guid _readerBefore;   // the roster names it as the reader, and it has not come since the producer was lost

    /// <summary>The end that has the reader's place, or had it when the stream was over; empty where nobody has.</summary>
    public Guid Reader { get; set; }

    /// <summary>That end has the reader's place, as far as is known.</summary>
    public bool IsReader(Guid end) => end != Guid.Empty && (IsReaderAttached ? Reader : _readerBefore) == end;

    /// <summary>That writer belongs to the stream and has put nothing: another may have its place.</summary>
    public bool IsIdle(long writer) => _writers.TryGetValue(writer, out var slot)
        ? slot is { IsEnded: false, In.Received: 0 }
        : _past is not null && _past.Missing.TryGetValue(writer, out var entry) && entry.Outcome == StreamEndReason.None;

    /// <summary>Another writer has joined in the place of that one, which is not missed and does not come back.</summary>
    public void Replace(long writer, TimeSpan now)
    {
        if (IsRebuilding || now < _openAt) Displace(writer);   // else it could not come back
        else _past?.Missing.Remove(writer);
        if (IsRebuilding)
        {
            OpenIfAllReported(now);
        }
        else if (_writers.TryGetValue(writer, out var slot) && IsIdle(writer))
        {
            Remove(slot);
            ShareCredit(now);
        }
    }

    private void Displace(long writer)
    {
        Before.Joined.Add(writer);
        Before.Reports.Remove(writer);
        Before.Missing.Remove(writer);
    }
}
