namespace Casty.Orleans.Protocol;

/// <summary>What somebody sees who only looks.</summary>
internal sealed partial class ProducerCore<T>
{
    /// <summary>How far the reader has received.</summary>
    public long Received => Out.Received;

    /// <summary>How many elements have left for the reader that had left before.</summary>
    public long Resent => Out.Resent;

    /// <summary>Elements wait, and nobody asks for them.</summary>
    public bool IsStalled => Out.Sent < Out.Next && !Out.CanSend;

    /// <summary>How many elements have come from a writer that had come before, and how many batches before their turn.</summary>
    public (long Dropped, long Early) RepairsOf(long writer) => _writers.TryGetValue(writer, out var slot) ? (slot.In.Dropped, slot.In.Early) : default;
}
