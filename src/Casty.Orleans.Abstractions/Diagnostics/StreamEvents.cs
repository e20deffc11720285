namespace Casty.Orleans;

/// <summary>The ids of what streams log, all in one place. An id is never given to anything else.</summary>
internal static class StreamEvents
{
    public const int NoWriter = 1;
    public const int Violation = 2;
    public const int FrameLost = 3;
    public const int EndFailed = 4;
    public const int Collected = 5;
    public const int CallLost = 6;
    public const int Rejoined = 7;
    public const int ObserverThrew = 8;
    public const int Unused = 9;
    public const int Opened = 10;
    public const int Ended = 11;
    public const int Rebuilt = 12;
    public const int Terminated = 13;

    // Grains that handle streams.
    public const int Retrying = 20;
    public const int Skipped = 21;
    public const int FailedStream = 22;
    public const int Stopped = 23;
    public const int EndUnhandled = 24;
    public const int HandlerCallLost = 25;
    public const int CannotRead = 26;
    public const int HandlingFailed = 27;
    public const int CannotReach = 28;
}
