namespace Casty.Orleans.Chaos.Soaking;

/// <summary>The ways in which a stream of the soak ends.</summary>
internal enum Ending
{
    Completed,
    CompletedUnread,
    Failed,
    BrokenOff,
    CancelledByToken,
    Abandoned,
    SourceDisposed,
    Detached,
    TakenOver,
    OneOfThreeAbandons,
    SinkWithdrawn,
    SourceWithdrawn,
    SinkCollected,
    SourceCollected,
    Refused,
}
