using Orleans;

namespace Casty.Orleans;

/// <summary>On the wire: one writer of a stream, as its other ends know it.</summary>
/// <param name="Writer">The writer's number.</param>
/// <param name="EndAt">How many elements it put in all; −1 while it has not ended.</param>
/// <param name="Outcome">How it ended; <see cref="StreamEndReason.None"/> while it has not.</param>
/// <param name="Finished">How many of its elements the reader had finished when the roster was written.</param>
[GenerateSerializer, Immutable, Alias("casty.roster-entry")]
public readonly record struct StreamRosterEntry(
    [property: Id(0)] long Writer, [property: Id(1)] long EndAt, [property: Id(2)] StreamEndReason Outcome, [property: Id(3)] long Finished = 0);

/// <summary>On the wire: a state of the roster.</summary>
/// <param name="Incarnation">The producer's lifetime that wrote it.</param>
/// <param name="Version">Only grows within a lifetime.</param>
[GenerateSerializer, Immutable, Alias("casty.roster-mark")]
public readonly record struct StreamRosterMark([property: Id(0)] long Incarnation, [property: Id(1)] long Version);

/// <summary>On the wire: who belongs to a stream. The producer's other ends carry it, for the case that it is lost.</summary>
[GenerateSerializer, Immutable, Alias("casty.roster")]
public sealed class StreamRoster
{
    /// <summary>The producer's lifetime that wrote it.</summary>
    [Id(7)]
    public long Incarnation { get; init; }

    /// <summary>Only grows within a lifetime of the producer.</summary>
    [Id(0)]
    public long Version { get; init; }

    /// <summary>The writers that have not ended, or that do not know yet what became of their elements.</summary>
    [Id(1)]
    public required StreamRosterEntry[] Writers { get; init; }

    /// <summary>The subscription's name; null while there is none.</summary>
    [Id(2)]
    public string? Consumer { get; init; }

    /// <summary>The subscription outlives its reader.</summary>
    [Id(3)]
    public bool IsNamed { get; init; }

    /// <summary>The newest reader's epoch.</summary>
    [Id(4)]
    public long Epoch { get; init; }

    /// <summary>The stream's buffer size.</summary>
    [Id(5)]
    public int BufferSize { get; init; }

    /// <summary>The stream's subscription timeout.</summary>
    [Id(6)]
    public TimeSpan SubscriptionTimeout { get; init; }

    /// <summary>What earlier lifetimes' rosters went into it.</summary>
    [Id(8)]
    public StreamRosterMark[] Basis { get; init; } = [];

    /// <summary>The subscription has a reader now.</summary>
    [Id(9)]
    public bool IsRead { get; init; }

    /// <summary>Nobody joins after it without being known to who was given it, unless that end falls silent.</summary>
    [Id(10)]
    public bool IsCertain { get; init; }

    /// <summary>For how long nobody had read, where a producer gave up its place.</summary>
    [Id(11)]
    public TimeSpan UnreadFor { get; init; }

    /// <summary>The end that has the reader's place; empty where nobody has.</summary>
    [Id(12)]
    public Guid Reader { get; init; }

    /// <summary>Whom the elements go to, where there may be several consumers.</summary>
    [Id(13)]
    public StreamDelivery? Delivery { get; init; }

    /// <summary>What a slow consumer of several does to the others.</summary>
    [Id(14)]
    public StreamSlowConsumer SlowConsumer { get; init; } = StreamSlowConsumer.Wait;

    /// <summary>The consumers, where there may be several.</summary>
    [Id(15)]
    public StreamSubscriptionEntry[] Subscriptions { get; init; } = [];
}

/// <summary>On the wire: one consumer of several.</summary>
[GenerateSerializer, Immutable, Alias("casty.subscription-entry")]
public sealed class StreamSubscriptionEntry
{
    /// <summary>Its name.</summary>
    [Id(0)]
    public required string Consumer { get; init; }

    /// <summary>It outlives its reader.</summary>
    [Id(1)]
    public bool IsNamed { get; init; }

    /// <summary>It has a reader now.</summary>
    [Id(2)]
    public bool IsRead { get; init; }

    /// <summary>The epoch of its newest reader.</summary>
    [Id(3)]
    public long Epoch { get; init; }

    /// <summary>The end that reads; empty where none does.</summary>
    [Id(4)]
    public Guid Reader { get; init; }

    /// <summary>How far it is with each writer, where nobody reads who could say so.</summary>
    [Id(5)]
    public StreamWriterPosition[] Positions { get; init; } = [];

    /// <summary>It holds elements of which the writers were told that they are finished.</summary>
    [Id(6)]
    public bool IsOvertaken { get; init; }

    /// <summary>It was sent away, and its next reader is to hear of that.</summary>
    [Id(7)]
    public bool IsDismissed { get; init; }
}
