using Orleans;

namespace Casty.Orleans;

/// <summary>On the wire: consecutive elements of one writer at consecutive positions of the reader's leg.</summary>
/// <param name="First">The leg's position of the first element.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Writer">The writer's number.</param>
/// <param name="WriterFirst">The writer's own position of the first element.</param>
[GenerateSerializer, Immutable, Alias("casty.run")]
public readonly record struct StreamRun(
    [property: Id(0)] long First, [property: Id(1)] long Count, [property: Id(2)] long Writer, [property: Id(3)] long WriterFirst);

/// <summary>On the wire: how far a reader has got with one writer.</summary>
/// <param name="Writer">The writer's number.</param>
/// <param name="Next">The writer's position of the next element that the reader expects.</param>
[GenerateSerializer, Immutable, Alias("casty.writer-position")]
public readonly record struct StreamWriterPosition([property: Id(0)] long Writer, [property: Id(1)] long Next);

/// <summary>On the wire: what a writer tells a producer that does not know it.</summary>
[GenerateSerializer, Immutable, Alias("casty.writer-report")]
public sealed class StreamWriterReport
{
    /// <summary>The run of the stream that the writer belongs to.</summary>
    [Id(0)]
    public Guid Stream { get; init; }

    /// <summary>The lifetime of the producer that it last knew.</summary>
    [Id(1)]
    public long Incarnation { get; init; }

    /// <summary>The writer's number.</summary>
    [Id(2)]
    public long Writer { get; init; }

    /// <summary>The writer still has everything from here on.</summary>
    [Id(3)]
    public long Confirmed { get; init; }

    /// <summary>How many elements it has put.</summary>
    [Id(4)]
    public long Put { get; init; }

    /// <summary>The credit limit that it holds: it may have put so much by the time it is answered.</summary>
    [Id(5)]
    public long Held { get; init; }

    /// <summary>How it ended, or null.</summary>
    [Id(6)]
    public StreamEndInfo? End { get; init; }

    /// <summary>The newest roster that it has, or null.</summary>
    [Id(7)]
    public StreamRoster? Roster { get; init; }

    /// <summary>The state of the roster when it joined.</summary>
    [Id(8)]
    public StreamRosterMark JoinedAt { get; init; }

    /// <summary>The last lifetime that it has heard of when it was not being rebuilt.</summary>
    [Id(9)]
    public long Opened { get; init; }
}

/// <summary>On the wire: what a reader tells a producer that does not know it.</summary>
[GenerateSerializer, Immutable, Alias("casty.reader-report")]
public sealed class StreamReaderReport
{
    /// <summary>The run of the stream that the reader belongs to.</summary>
    [Id(0)]
    public Guid Stream { get; init; }

    /// <summary>The lifetime of the producer that it last knew.</summary>
    [Id(1)]
    public long Incarnation { get; init; }

    /// <summary>The reader's epoch.</summary>
    [Id(2)]
    public long Epoch { get; init; }

    /// <summary>How many elements have reached it.</summary>
    [Id(3)]
    public long Received { get; init; }

    /// <summary>How many of them are finished.</summary>
    [Id(4)]
    public long Finished { get; init; }

    /// <summary>Whose the others are.</summary>
    [Id(5)]
    public required StreamRun[] Unfinished { get; init; }

    /// <summary>How far it is with each writer.</summary>
    [Id(6)]
    public required StreamWriterPosition[] Positions { get; init; }

    /// <summary>The stream's end, if that has reached it.</summary>
    [Id(7)]
    public StreamEndInfo? End { get; init; }

    /// <summary>The newest roster that it has, or null.</summary>
    [Id(8)]
    public StreamRoster? Roster { get; init; }

    /// <summary>The last lifetime that it has heard of when it was not being rebuilt.</summary>
    [Id(9)]
    public long Opened { get; init; }

    /// <summary>Whom the stream's elements go to.</summary>
    [Id(10)]
    public StreamDelivery Delivery { get; init; } = StreamDelivery.Single;
}
