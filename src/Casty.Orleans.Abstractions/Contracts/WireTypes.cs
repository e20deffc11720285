using Orleans;

namespace Casty.Orleans;

/// <summary>On the wire: how a stream, or a writer's part of it, ended.</summary>
[GenerateSerializer, Immutable, Alias("casty.end")]
public sealed class StreamEndInfo
{
    /// <summary>The kind of end; never <see cref="StreamEndReason.None"/>.</summary>
    [Id(0)]
    public StreamEndReason Reason { get; init; }

    /// <summary>What happened, or null where the reason says it all.</summary>
    [Id(1)]
    public string? Message { get; init; }

    /// <summary>The exception that a writer or a reader gave, or null.</summary>
    [Id(2)]
    public Exception? Cause { get; init; }
}

/// <summary>On the wire: consecutive elements of one writer, serialised one by one, each behind its length in 4 bytes.</summary>
[GenerateSerializer, Immutable, Alias("casty.batch")]
public sealed class StreamBatch
{
    /// <summary>The leg's position of the first element, from 0.</summary>
    [Id(0)]
    public long First { get; init; }

    /// <summary>The number of the writer that put the elements.</summary>
    [Id(1)]
    public long Writer { get; init; }

    /// <summary>The writer's own position of the first element.</summary>
    [Id(2)]
    public long WriterFirst { get; init; }

    /// <summary>How many elements there are.</summary>
    [Id(3)]
    public int Count { get; init; }

    /// <summary>The elements.</summary>
    [Id(4)]
    public ReadOnlyMemory<byte> Elements { get; init; }
}

/// <summary>On the wire: what a sender of elements says. See <c>docs/protocol.md</c>.</summary>
[GenerateSerializer, Immutable, Alias("casty.frame")]
public sealed class StreamFrame
{
    /// <summary>The end that the frame is for, within the receiver's process.</summary>
    [Id(0)]
    public Guid To { get; init; }

    /// <summary>The run of the stream.</summary>
    [Id(1)]
    public Guid Stream { get; init; }

    /// <summary>The lifetime of the stream's producer.</summary>
    [Id(2)]
    public long Incarnation { get; init; }

    /// <summary>The writer's number, or the reader's epoch.</summary>
    [Id(3)]
    public long Peer { get; init; }

    /// <summary>The elements; null for none.</summary>
    [Id(4)]
    public StreamBatch[]? Batches { get; init; }

    /// <summary>The position of the end; −1 where the frame carries none.</summary>
    [Id(5)]
    public long EndAt { get; init; } = -1;

    /// <summary>How the sender ended; null where the frame carries no end.</summary>
    [Id(6)]
    public StreamEndInfo? End { get; init; }

    /// <summary>From a writer: the position up to which it would put if it could.</summary>
    [Id(7)]
    public long Wanted { get; init; }

    /// <summary>From a writer: the newest grant that it has seen.</summary>
    [Id(8)]
    public long Grant { get; init; }

    /// <summary>From a writer: the credit limit that it holds under that grant.</summary>
    [Id(9)]
    public long Held { get; init; }

    /// <summary>From a writer: it has learnt its outcome and will not ask again.</summary>
    [Id(10)]
    public bool Leaving { get; init; }

    /// <summary>To a reader: more elements are there, and wait for demand alone.</summary>
    [Id(11)]
    public bool IsHeldBack { get; init; }

    /// <summary>From a writer: counts its frames, so that what was overtaken is not taken for its latest word.</summary>
    [Id(12)]
    public long Number { get; init; }

    /// <summary>To a reader: who belongs to the stream, where it does not know yet.</summary>
    [Id(13)]
    public StreamRoster? Roster { get; init; }

    /// <summary>From a writer: the version of the newest roster that it has.</summary>
    [Id(14)]
    public long RosterSeen { get; init; }

    /// <summary>To a reader: this lifetime of the producer is over; its grain knows how the stream goes on.</summary>
    [Id(15)]
    public bool IsMoved { get; init; }

    /// <summary>From a writer: as far as it knows, the reader has finished its elements before this position.</summary>
    [Id(16)]
    public long Finished { get; init; }

    /// <summary>To a reader: whom the elements go to, where there may be several.</summary>
    [Id(17)]
    public StreamDelivery? Delivery { get; init; }

    /// <summary>To a reader of a balanced stream: before this position it need not remember what it has finished.</summary>
    [Id(18)]
    public long Settled { get; init; }

    /// <summary>To a reader of a broadcast: how many elements were dropped for it, as it was too slow for the others.</summary>
    [Id(19)]
    public long Dropped { get; init; }

    /// <summary>To a reader: the stream is over at once, and the end stands at no position.</summary>
    [Id(20)]
    public bool IsOver { get; init; }
}

/// <summary>On the wire: what a receiver of elements says. See <c>docs/protocol.md</c>.</summary>
[GenerateSerializer, Immutable, Alias("casty.demand")]
public sealed class StreamDemand
{
    /// <summary>The end that the demand is for, within the receiver's process.</summary>
    [Id(0)]
    public Guid To { get; init; }

    /// <summary>The run of the stream.</summary>
    [Id(1)]
    public Guid Stream { get; init; }

    /// <summary>The lifetime of the stream's producer.</summary>
    [Id(2)]
    public long Incarnation { get; init; }

    /// <summary>The writer's number, or the reader's epoch.</summary>
    [Id(3)]
    public long Peer { get; init; }

    /// <summary>Everything before this position has arrived; the end counts as one position.</summary>
    [Id(4)]
    public long Received { get; init; }

    /// <summary>Everything before this position is finished: the sender may forget it.</summary>
    [Id(5)]
    public long Confirmed { get; init; }

    /// <summary>Elements before this position may be sent.</summary>
    [Id(6)]
    public long Limit { get; init; }

    /// <summary>To a writer: the number of the grant; a higher one may lower the limit.</summary>
    [Id(7)]
    public long Grant { get; init; }

    /// <summary>To a writer: how the stream ended, once it has. From a reader that cancels: why.</summary>
    [Id(8)]
    public StreamEndInfo? End { get; init; }

    /// <summary>From a reader: 0 it stays, 1 it cancels the stream, 2 it detaches.</summary>
    [Id(9)]
    public int Leave { get; init; }

    /// <summary>To a writer: who belongs to the stream, where it is to know.</summary>
    [Id(10)]
    public StreamRoster? Roster { get; init; }

    /// <summary>From a reader: the version of the newest roster that it has.</summary>
    [Id(11)]
    public long RosterSeen { get; init; }

    /// <summary>To a writer: this lifetime of the producer is over; its grain knows how the stream goes on.</summary>
    [Id(12)]
    public bool IsMoved { get; init; }

    /// <summary>To a writer: somebody waits for it to know this.</summary>
    [Id(13)]
    public bool IsAsking { get; init; }
}

/// <summary>On the wire: the answer to a <see cref="StreamFrame"/>.</summary>
[GenerateSerializer, Immutable, Alias("casty.frame-reply")]
public sealed class StreamFrameReply
{
    /// <summary>The receiver's newest demand; null where it has none for this sender.</summary>
    [Id(0)]
    public StreamDemand? Demand { get; init; }

    /// <summary>The receiving process does not know the end that the frame was for.</summary>
    [Id(1)]
    public bool IsUnknown { get; init; }

    /// <summary>From a reader: it belongs to a newer lifetime of the producer; this one is over.</summary>
    [Id(2)]
    public bool IsFenced { get; init; }
}

/// <summary>On the wire: the answer to a <see cref="StreamDemand"/>.</summary>
[GenerateSerializer, Immutable, Alias("casty.demand-reply")]
public sealed class StreamDemandReply
{
    /// <summary>To a reader that is not listened to any more: why; null where all is well.</summary>
    [Id(0)]
    public StreamEndInfo? End { get; init; }

    /// <summary>The receiving process does not know the end that the demand was for.</summary>
    [Id(1)]
    public bool IsUnknown { get; init; }

    /// <summary>Who belonged to the stream when the sender gave up its place, if it knew.</summary>
    [Id(2)]
    public StreamRoster? Moved { get; init; }

    /// <summary>The sender has given up its place: the stream goes on elsewhere.</summary>
    [Id(3)]
    public bool IsMoved { get; init; }
}
