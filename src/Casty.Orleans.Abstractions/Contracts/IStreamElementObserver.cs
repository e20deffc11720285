using Orleans;
using Orleans.Concurrency;

namespace Casty.Orleans;

/// <summary>
/// Through which elements and the end reach a receiver: a reader's process, or the producer's silo. One per process and
/// element type; a frame names the end that it is for. Part of the protocol, not meant to be called by applications.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[Alias("casty.IStreamElementObserver`1")]
public interface IStreamElementObserver<T> : IGrainObserver
{
    /// <summary>Takes a frame and answers with the receiver's newest demand. Never waits for user code.</summary>
    /// <param name="frame">Elements, an end, or a probe.</param>
    /// <returns>What the receiver has, and asks for.</returns>
    [AlwaysInterleave, ResponseTimeout(FrameLimits.ResponseTimeout), Alias("next")]
    ValueTask<StreamFrameReply> OnNextAsync(StreamFrame frame);

    /// <summary>The reader's name was taken by another: it stops.</summary>
    /// <param name="to">The reader's end.</param>
    /// <param name="epoch">Its epoch: one that has joined anew since is not meant.</param>
    /// <returns>After how many elements it stopped; null where it had stopped before, or is not known here.</returns>
    [AlwaysInterleave, ResponseTimeout(FrameLimits.ResponseTimeout), Alias("yield")]
    ValueTask<long?> YieldAsync(Guid to, long epoch);
}
