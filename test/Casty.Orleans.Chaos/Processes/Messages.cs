using System.Text.Json;
using System.Text.Json.Serialization;
using Casty.Orleans.Chaos.Streams;

namespace Casty.Orleans.Chaos.Processes;

/// <summary>What the orchestrator tells a process: one line of JSON on its standard input.</summary>
/// <param name="End">The end that is meant, by its number in the process.</param>
[JsonDerivedType(typeof(OpenSink), "sink")]
[JsonDerivedType(typeof(OpenSource), "source")]
[JsonDerivedType(typeof(Go), "go")]
[JsonDerivedType(typeof(Cancel), "cancel")]
internal abstract record Order(int End);

/// <summary>Open a sink, and wait for <see cref="Go"/> before anything is put: a stream ends with its last attached writer.</summary>
internal sealed record OpenSink(int End, StreamPlan Plan, int Writer) : Order(End);

/// <summary>Open a source and read it.</summary>
/// <param name="IsFirst">Later readers of a name do not leave: they read to the end.</param>
internal sealed record OpenSource(int End, StreamPlan Plan, ConsumerPlan Consumer, bool IsFirst) : Order(End);

/// <summary>Every writer of the stream is attached.</summary>
internal sealed record Go(int End) : Order(End);

/// <summary>Leave: there is nothing to wait for.</summary>
internal sealed record Cancel(int End) : Order(End);

/// <summary>What has happened to an end, or to its process.</summary>
internal enum Happened
{
    /// <summary>The process has joined its cluster.</summary>
    Ready,

    /// <summary>The membership has a silo dead: its address.</summary>
    SiloDead,

    /// <summary>Opening failed, and is tried again.</summary>
    OpenFailed,

    Opened,

    /// <summary>A writer calls CompleteAsync (or FailAsync, or DisposeAsync) now.</summary>
    Ending,

    /// <summary>That has returned.</summary>
    Ended,

    /// <summary>A writer's Completion has succeeded.</summary>
    Finished,

    /// <summary>A reader's loop has ended by itself: the stream is complete.</summary>
    Completed,

    /// <summary>A reader has left as planned, or as ordered.</summary>
    Left,

    /// <summary>A reader has detached as planned.</summary>
    Detached,

    /// <summary>An exception ended this end.</summary>
    Failed,

    /// <summary>No element came for a while.</summary>
    Gap,

    /// <summary>Something came that must not come.</summary>
    Wrong,
}

/// <summary>What a process tells the orchestrator: one line of JSON on its standard output.</summary>
internal sealed record Report(int End, Happened What)
{
    /// <summary>The machine's clock, in milliseconds: all processes share it.</summary>
    public long At { get; init; } = Environment.TickCount64;

    /// <summary>When a gap began.</summary>
    public long Since { get; init; }

    /// <summary>The type of an exception, and its reason where it has one.</summary>
    public string? Error { get; init; }

    public string? Text { get; init; }
}

internal static class Lines
{
    private static readonly JsonSerializerOptions Options = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static string Of<T>(T message) => JsonSerializer.Serialize(message, Options);

    /// <summary>What a line says; null if its writer died over it.</summary>
    public static T? Parse<T>(string line)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
