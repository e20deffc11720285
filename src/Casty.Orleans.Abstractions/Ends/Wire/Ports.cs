using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>What a receiver answers to a frame.</summary>
/// <param name="Demand">Its newest demand; null where it has none for this sender.</param>
/// <param name="IsUnknown">The receiver is not there.</param>
/// <param name="IsFenced">The receiver belongs to a newer lifetime of the producer.</param>
internal readonly record struct FrameReply(Demand? Demand, bool IsUnknown = false, bool IsFenced = false);

/// <summary>What a sender answers to a demand.</summary>
/// <param name="End">To a reader that is not listened to any more: why; null where all is well.</param>
/// <param name="IsUnknown">The sender is not there.</param>
/// <param name="Moved">Where the sender has given up its place: who belonged to the stream then, if it knew.</param>
/// <param name="IsMoved">The sender has given up its place; the stream goes on elsewhere.</param>
internal readonly record struct DemandReply(StreamEnd? End, bool IsUnknown = false, Roster? Moved = null, bool IsMoved = false);

/// <summary>Where frames go: an end in this process, or a stand-in for one elsewhere.</summary>
internal interface IElementPort<T>
{
    /// <summary>Elements need not be serialised on this way.</summary>
    bool IsLocal { get; }

    ValueTask<FrameReply> OnFrameAsync(Frame<Element<T>> frame);
}

/// <summary>A reader, as its producer sees it.</summary>
internal interface IReaderPort<T> : IElementPort<T>
{
    /// <summary>The reader stops and says how many elements it was given; null where it is not there.</summary>
    ValueTask<long?> YieldAsync(long epoch);

    /// <summary>The reader's process; empty where it is this one.</summary>
    Guid Process { get; }
}

/// <summary>Where demand goes: an end in this process, or a stand-in for one elsewhere.</summary>
internal interface IDemandPort
{
    ValueTask<DemandReply> OnDemandAsync(Demand demand);
}

/// <summary>A producer, as those see it who do not know of its elements.</summary>
internal interface IProducerEnd
{
    /// <summary>An end has left it: the stream goes on in that lifetime.</summary>
    void OnReplaced(StreamKey by);

    /// <summary>The silo stops: whoever does not know yet how the stream came out is told.</summary>
    Task TellOutcomeAsync();
}

/// <summary>A writer, as its producer sees it.</summary>
internal interface IWriterPort : IDemandPort
{
    /// <summary>The writer's process; empty where it is this one.</summary>
    Guid Process { get; }
}
