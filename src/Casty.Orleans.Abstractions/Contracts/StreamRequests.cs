using Orleans;

namespace Casty.Orleans;

/// <summary>On the wire: a writer asks to join a stream.</summary>
[GenerateSerializer, Immutable, Alias("casty.attach")]
public sealed class StreamAttachRequest
{
    /// <summary>The writer's process.</summary>
    [Id(0)]
    public Guid Process { get; init; }

    /// <summary>The writer's end in that process. Asking again with the same one changes nothing.</summary>
    [Id(1)]
    public Guid End { get; init; }

    /// <summary>Where the writer hears of demand.</summary>
    [Id(2)]
    public required IStreamDemandObserver Observer { get; init; }

    /// <summary>The buffer size that the writer named, or null.</summary>
    [Id(3)]
    public int? BufferSize { get; init; }

    /// <summary>The subscription timeout that the writer named, or null.</summary>
    [Id(4)]
    public TimeSpan? SubscriptionTimeout { get; init; }

    /// <summary>The buffer size of the writer's process where a writer names none, or null.</summary>
    [Id(5)]
    public int? DefaultBufferSize { get; init; }

    /// <summary>The subscription timeout of the writer's process where a writer names none, or null.</summary>
    [Id(6)]
    public TimeSpan? DefaultSubscriptionTimeout { get; init; }

    /// <summary>The number of the writer whose place it takes: that of a sink that was handed over. 0 where it takes none.</summary>
    [Id(7)]
    public long Replaces { get; init; }

    /// <summary>The run of the stream that the place is in; empty where it takes none.</summary>
    [Id(8)]
    public Guid Stream { get; init; }

    /// <summary>For how long it has asked for that place.</summary>
    [Id(9)]
    public TimeSpan AskedFor { get; init; }

    /// <summary>The delivery that the writer named, or null.</summary>
    [Id(10)]
    public StreamDelivery? Delivery { get; init; }

    /// <summary>What the writer named for slow consumers, or null.</summary>
    [Id(11)]
    public StreamSlowConsumer? SlowConsumer { get; init; }

    /// <summary>The delivery of the writer's process where a writer names none, or null.</summary>
    [Id(12)]
    public StreamDelivery? DefaultDelivery { get; init; }

    /// <summary>What holds for slow consumers in the writer's process where a writer names nothing, or null.</summary>
    [Id(13)]
    public StreamSlowConsumer? DefaultSlowConsumer { get; init; }

    /// <summary>The activity that asks, as a W3C <c>traceparent</c>; null where nobody traces.</summary>
    [Id(14)]
    public string? Trace { get; init; }

    /// <summary>What the writer named.</summary>
    internal StreamProducerOptions Named => new() { BufferSize = BufferSize, SubscriptionTimeout = SubscriptionTimeout, Delivery = Delivery, SlowConsumer = SlowConsumer };

    /// <summary>What holds in the writer's process where it named nothing.</summary>
    internal StreamProducerOptions Defaults => new() { BufferSize = DefaultBufferSize, SubscriptionTimeout = DefaultSubscriptionTimeout, Delivery = DefaultDelivery, SlowConsumer = DefaultSlowConsumer };
}

/// <summary>On the wire: a reader asks to join a stream.</summary>
[GenerateSerializer, Immutable, Alias("casty.subscribe`1")]
public sealed class StreamSubscribeRequest<T>
{
    /// <summary>The reader's process.</summary>
    [Id(0)]
    public Guid Process { get; init; }

    /// <summary>The reader's end in that process. Asking again with the same one changes nothing.</summary>
    [Id(1)]
    public Guid End { get; init; }

    /// <summary>Where the reader hears of elements.</summary>
    [Id(2)]
    public required IStreamElementObserver<T> Observer { get; init; }

    /// <summary>The stream's name.</summary>
    [Id(3)]
    public required string Producer { get; init; }

    /// <summary>The subscription's name.</summary>
    [Id(4)]
    public required string Consumer { get; init; }

    /// <summary>The subscription outlives its reader.</summary>
    [Id(5)]
    public bool IsNamed { get; init; }

    /// <summary>How many bytes may be outstanding.</summary>
    [Id(6)]
    public long MaxDemandBytes { get; init; }

    /// <summary>Grows from request to request of a process: an older one that comes late must not take over from a newer one.</summary>
    [Id(7)]
    public long Number { get; init; }

    /// <summary>The end whose place it takes, and no other's: that of a source that was handed over. Empty where it takes whosever it finds.</summary>
    [Id(8)]
    public Guid Replaces { get; init; }

    /// <summary>The run of the stream that the place is in; empty where it takes whatever it finds.</summary>
    [Id(9)]
    public Guid Stream { get; init; }

    /// <summary>For how long it has asked for that place.</summary>
    [Id(10)]
    public TimeSpan AskedFor { get; init; }

    /// <summary>The delivery that the reader expects, or null.</summary>
    [Id(11)]
    public StreamDelivery? Delivery { get; init; }

    /// <summary>Where it begins in a broadcast that others read already.</summary>
    [Id(12)]
    public StreamStart Start { get; init; } = StreamStart.Latest;

    /// <summary>The activity that asks, as a W3C <c>traceparent</c>; null where nobody traces.</summary>
    [Id(13)]
    public string? Trace { get; init; }
}

/// <summary>On the wire: what an end is told when it has joined.</summary>
[GenerateSerializer, Immutable, Alias("casty.joined`1")]
public sealed class StreamJoined<T>
{
    /// <summary>The run of the stream.</summary>
    [Id(0)]
    public Guid Stream { get; init; }

    /// <summary>The lifetime of the stream's producer.</summary>
    [Id(1)]
    public long Incarnation { get; init; }

    /// <summary>The writer's number, or the reader's epoch.</summary>
    [Id(2)]
    public long Peer { get; init; }

    /// <summary>To a reader: the position of its first element.</summary>
    [Id(3)]
    public long Position { get; init; }

    /// <summary>To a writer: its first credit limit.</summary>
    [Id(4)]
    public long Limit { get; init; }

    /// <summary>To a writer: the number of that grant.</summary>
    [Id(5)]
    public long Grant { get; init; }

    /// <summary>The producer's process.</summary>
    [Id(6)]
    public Guid Process { get; init; }

    /// <summary>The producer's end in that process.</summary>
    [Id(7)]
    public Guid End { get; init; }

    /// <summary>Where the producer takes elements.</summary>
    [Id(8)]
    public required IStreamElementObserver<T> Elements { get; init; }

    /// <summary>Where the producer takes demand.</summary>
    [Id(9)]
    public required IStreamDemandObserver Demand { get; init; }

    /// <summary>The lease that holds for this stream.</summary>
    [Id(10)]
    public TimeSpan Lease { get; init; }

    /// <summary>The roster's version when the end joined.</summary>
    [Id(11)]
    public long RosterVersion { get; init; }

    /// <summary>Who belongs to the stream; null where the end is not to carry it.</summary>
    [Id(12)]
    public StreamRoster? Roster { get; init; }

    /// <summary>It is not known yet how the stream goes on: the end is to ask again if it does not hear of it.</summary>
    [Id(13)]
    public bool IsOpening { get; init; }

    /// <summary>To a reader: whom the elements go to.</summary>
    [Id(14)]
    public StreamDelivery Delivery { get; init; } = StreamDelivery.Single;

    /// <summary>The activity that opened the first end of the stream, as a W3C <c>traceparent</c>; null where nobody traced.</summary>
    [Id(15)]
    public string? Trace { get; init; }

    /// <summary>To a reader of a broadcast: where it begins with each writer; with those that are not named, at their first element.</summary>
    [Id(16)]
    public StreamWriterPosition[] Positions { get; init; } = [];
}
