using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>What a process has of a stream.</summary>
internal enum StreamRole
{
    Producer,
    Sink,
    Source,
}

/// <summary>The names and values of what is measured and traced.</summary>
internal static class StreamTags
{
    public const string ElementType = "casty.element.type";
    public const string Role = "casty.stream.role";
    public const string Reason = "casty.stream.reason";
    public const string Resume = "casty.stream.resume";

    // On activities alone: there are as many values as streams.
    public const string Name = "casty.stream.name";
    public const string Consumer = "casty.stream.consumer";
    public const string Id = "casty.stream.id";
    public const string Incarnation = "casty.stream.incarnation";
    public const string ErrorType = "error.type";

    public const string Detached = "detached";

    /// <summary>A producer took the place of one that was lost.</summary>
    public const string Rebuild = "rebuild";

    /// <summary>A sink or a source goes on with a producer that is rebuilt.</summary>
    public const string Rejoin = "rejoin";

    /// <summary>A named reader goes on where the one before it stopped.</summary>
    public const string Return = "return";

    public static string Of(StreamRole role) => role switch
    {
        StreamRole.Producer => "producer",
        StreamRole.Sink => "sink",
        _ => "source",
    };

    public static string Of(StreamEndReason reason) => reason switch
    {
        StreamEndReason.Completed => "completed",
        StreamEndReason.Failed => "failed",
        StreamEndReason.Cancelled => "cancelled",
        StreamEndReason.Abandoned => "abandoned",
        StreamEndReason.Superseded => "superseded",
        StreamEndReason.Occupied => "occupied",
        StreamEndReason.ProtocolViolation => "protocol_violation",
        StreamEndReason.Terminated => "terminated",
        _ => "none",
    };
}
