namespace Casty.Orleans.Protocol;

/// <summary>What somebody sees who only looks.</summary>
internal sealed partial class ReaderCore<T>
{
    /// <summary>How many elements have arrived in order.</summary>
    public long Arrived => Given + _waitingElements;

    /// <summary>How many elements have come that had come before, and how many batches before their turn.</summary>
    public (long Dropped, long Early) Repairs => (_in.Dropped, _in.Early);

    /// <summary>The reader has detached.</summary>
    public bool IsDetached => _leave == Leave.Detach;
}
