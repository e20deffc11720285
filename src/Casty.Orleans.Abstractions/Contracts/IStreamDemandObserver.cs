using Orleans;
using Orleans.Concurrency;

namespace Casty.Orleans;

/// <summary>
/// Through which demand, confirmation and cancel reach a sender: the producer's silo, or a writer's process. One per process;
/// a demand names the end that it is for. Part of the protocol, not meant to be called by applications.
/// </summary>
[Alias("casty.IStreamDemandObserver")]
public interface IStreamDemandObserver : IGrainObserver
{
    /// <summary>Takes a demand. Never waits for user code.</summary>
    /// <param name="demand">What a receiver has, and asks for.</param>
    /// <returns>Whether the end that it is for is known, and goes on.</returns>
    [AlwaysInterleave, ResponseTimeout(FrameLimits.ResponseTimeout), Alias("demand")]
    ValueTask<StreamDemandReply> OnDemandAsync(StreamDemand demand);

    /// <summary>Is that process there?</summary>
    /// <param name="process">Whom the caller expects here: a silo that was restarted is another one.</param>
    /// <returns>True from that one.</returns>
    [AlwaysInterleave, ResponseTimeout(FrameLimits.ResponseTimeout), Alias("ping")]
    ValueTask<bool> PingAsync(Guid process);

    /// <summary>Tells a producer that an end of its stream has gone on elsewhere: it gives up its place, and its other ends follow.</summary>
    /// <param name="to">The producer's end.</param>
    /// <param name="stream">The run of the stream.</param>
    /// <param name="incarnation">The newer lifetime.</param>
    [AlwaysInterleave, ResponseTimeout(FrameLimits.ResponseTimeout), Alias("replaced")]
    ValueTask ReplacedAsync(Guid to, Guid stream, long incarnation);
}
