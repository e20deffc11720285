namespace Casty.Orleans.Protocol;

/// <summary>What somebody sees who only looks.</summary>
internal sealed partial class WriterCore<T>
{
    /// <summary>How many elements the producer has.</summary>
    public long Received => _out.Received;

    /// <summary>How many elements have left that had left before.</summary>
    public long Resent => _out.Resent;
}
