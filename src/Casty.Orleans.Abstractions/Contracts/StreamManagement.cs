using Orleans;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>Which streams to list. What is left out does not narrow it.</summary>
[GenerateSerializer, Immutable, Alias("casty.stream-query")]
public sealed record StreamQuery
{
    /// <summary>The largest <see cref="PageSize"/>: even with names of the greatest length, a page stays below the 100 MB that a message may have by default.</summary>
    public const int MaxPageSize = 1000;

    /// <summary>How the names of the streams begin, compared by ordinal; null for any.</summary>
    [Id(0)]
    public string? NamePrefix { get; init; }

    /// <summary>The type of the elements as <see cref="StreamInfo.ElementType"/> has it, such as <c>System.Int32</c>; null for any.</summary>
    [Id(1)]
    public string? ElementType { get; init; }

    /// <summary>Only streams that have held elements for longer than this that nobody asks for; null for any. Not negative.</summary>
    [Id(2)]
    public TimeSpan? StalledLongerThan
    {
        get;
        init => field = value is null || value >= TimeSpan.Zero ? value : throw new ArgumentOutOfRangeException(nameof(StalledLongerThan), value, "It must not be negative.");
    }

    /// <summary>How many streams a page has at most: 1 to 1,000. Default: 100.</summary>
    [Id(3)]
    public int PageSize
    {
        get;
        init => field = value is >= 1 and <= MaxPageSize ? value : throw new ArgumentOutOfRangeException(nameof(PageSize), value, $"A page has 1 to {MaxPageSize} streams.");
    }
    = 100;

    /// <summary>Where to go on: <see cref="StreamPage.Next"/> of the page before. Null begins.</summary>
    [Id(4)]
    public string? After { get; init; }
}

/// <summary>Some of the streams that live in a cluster.</summary>
[GenerateSerializer, Immutable, Alias("casty.stream-page")]
public sealed record StreamPage
{
    /// <summary>The streams.</summary>
    [Id(0)]
    public required IReadOnlyList<StreamInfo> Streams { get; init; }

    /// <summary>Where the next page begins, for <see cref="StreamQuery.After"/>; null where there is none. A page may be short, or empty, and not be the last.</summary>
    [Id(1)]
    public string? Next { get; init; }

    /// <summary>The silos that were to be asked for this page and did not answer: their streams are left out.</summary>
    [Id(2)]
    public required IReadOnlyList<SiloAddress> Unanswered { get; init; }
}

/// <summary>How one stream was when it was asked for.</summary>
[GenerateSerializer, Immutable, Alias("casty.stream-info")]
public sealed record StreamInfo
{
    /// <summary>The most <see cref="Consumers"/> that are named.</summary>
    public const int MaxConsumers = 16;

    /// <summary>This run of the stream: the next one under its name has another.</summary>
    [Id(0)]
    public required Guid Id { get; init; }

    /// <summary>The stream's name.</summary>
    [Id(1)]
    public required string Producer { get; init; }

    /// <summary>The type of the elements, with its namespace. Two streams of one name and different types are two streams.</summary>
    [Id(2)]
    public required string ElementType { get; init; }

    /// <summary>The silo that its producer is in.</summary>
    [Id(3)]
    public required SiloAddress Silo { get; init; }

    /// <summary>The lifetime of its producer: a greater one takes the place of one that was lost.</summary>
    [Id(4)]
    public required long Incarnation { get; init; }

    /// <summary>
    /// The names of its consumers, in the order in which they came; the first <see cref="MaxConsumers"/> where there are more. One that
    /// begins with <c>~</c> was made up for a reader that gave none.
    /// </summary>
    [Id(5)]
    public IReadOnlyList<string> Consumers { get; init; } = [];

    /// <summary>How many consumers it has, those included that detached and whose place is kept.</summary>
    [Id(6)]
    public int ConsumerCount { get; init; }

    /// <summary>A reader is there now: of one consumer at least. One that detached, or is not heard of, is not.</summary>
    [Id(7)]
    public bool IsRead { get; init; }

    /// <summary>How many writers belong to it, those that have ended and whose elements are not finished included.</summary>
    [Id(8)]
    public int Writers { get; init; }

    /// <summary>Its <see cref="StreamProducerOptions.BufferSize"/>; 0 is unbounded.</summary>
    [Id(9)]
    public int BufferSize { get; init; }

    /// <summary>
    /// How many elements wait at the producer for the reader to ask for them. With several consumers, those that were handed to none.
    /// </summary>
    [Id(10)]
    public long Buffered { get; init; }

    /// <summary>
    /// How many elements have left for the reader and are not finished. Of a broadcast, by every consumer; of a balanced stream, those from
    /// the first on that is not.
    /// </summary>
    [Id(11)]
    public long Unfinished { get; init; }

    /// <summary>
    /// How many elements the reader asks for that have not left. Of a broadcast, the consumer that asks for least, or for most where
    /// <see cref="StreamProducerOptions.SlowConsumer"/> is not <see cref="StreamSlowConsumer.Wait"/>; of a balanced stream, all together.
    /// </summary>
    [Id(12)]
    public long Demand { get; init; }

    /// <summary>Since when it has held elements that nobody asks for, by its silo's clock; null where it holds none.</summary>
    [Id(13)]
    public DateTimeOffset? StalledSince { get; init; }

    /// <summary>Its producer was lost, and not all its ends have reported to the one that takes its place: the other numbers are not known yet.</summary>
    [Id(14)]
    public bool IsRebuilding { get; init; }
}
