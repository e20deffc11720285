namespace Casty.Orleans;

/// <summary>Why a stream, or one end of it, is over.</summary>
public enum StreamEndReason
{
    /// <summary>Not over. Never the reason of an exception.</summary>
    None = 0,

    /// <summary>Every writer completed and the reader has received everything.</summary>
    Completed = 1,

    /// <summary>A writer failed the stream, or something that the stream needs failed.</summary>
    Failed = 2,

    /// <summary>The reader left the stream before its end.</summary>
    Cancelled = 3,

    /// <summary>An end vanished, or let go, without a word.</summary>
    Abandoned = 4,

    /// <summary>Another reader took this consumer's name.</summary>
    Superseded = 5,

    /// <summary>The stream has a consumer of another name.</summary>
    Occupied = 6,

    /// <summary>A peer sent what the protocol does not allow.</summary>
    ProtocolViolation = 7,

    /// <summary>Somebody ended the stream from outside, by <c>IStreamManagementGrain.EndAsync</c>.</summary>
    Terminated = 8,
}
