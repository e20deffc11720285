namespace Casty.Orleans;

/// <summary>Under which names a process' streams can be observed. What there is to see is in <c>docs/observability.md</c>.</summary>
public static class StreamDiagnostics
{
    /// <summary>The name of the meter: <c>AddMeter(StreamDiagnostics.MeterName)</c>. Each silo and client has one of its own.</summary>
    public const string MeterName = "Casty.Orleans";

    /// <summary>The name of the activity source: <c>AddSource(StreamDiagnostics.ActivitySourceName)</c>. Each silo and client has one of its own.</summary>
    public const string ActivitySourceName = "Casty.Orleans";

    /// <summary>The category of the log.</summary>
    public const string LogCategory = "Casty.Orleans";

    /// <summary>The version of what is measured and traced: it changes when a name or a meaning does.</summary>
    internal const string Version = "1.0.0";
}
