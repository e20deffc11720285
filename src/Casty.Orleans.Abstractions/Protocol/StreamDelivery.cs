namespace Casty.Orleans;

/// <summary>Whom a stream's elements go to.</summary>
public enum StreamDelivery
{
    /// <summary>One consumer reads the stream; another is refused.</summary>
    Single = 1,

    /// <summary>Every consumer gets every element. <see cref="StreamProducerOptions.SlowConsumer"/> says what a slow one does to the others.</summary>
    Broadcast = 2,

    /// <summary>
    /// Every element goes to one consumer, one that has asked for it (work pulling). What a consumer had not finished when it left or was
    /// lost goes to another, the element in hand included: at least once, then.
    /// </summary>
    Balanced = 3,
}

/// <summary>What a broadcast does for a consumer that asks for less than the others.</summary>
public enum StreamSlowConsumer
{
    /// <summary>Everybody waits for it: nothing leaves the buffer that not every consumer has asked for.</summary>
    Wait = 1,

    /// <summary>
    /// The fastest sets the pace. What a slower consumer has not asked for waits for it, <see cref="StreamProducerOptions.BufferSize"/>
    /// elements at most; then the oldest of them are dropped for that consumer, and counted (<see cref="SourceRef{T}.Dropped"/>).
    /// </summary>
    DropOldest = 2,

    /// <summary>As with <see cref="DropOldest"/>, but a consumer for which elements would have to be dropped is sent away instead, with a <see cref="StreamAbandonedException"/>.</summary>
    Disconnect = 3,
}

/// <summary>Where a consumer begins that comes to a broadcast which others read already. The first one gets everything in any case.</summary>
public enum StreamStart
{
    /// <summary>With the first element that has not been handed to any consumer.</summary>
    Latest = 1,

    /// <summary>With the oldest element that is still held for any consumer.</summary>
    Earliest = 2,
}
