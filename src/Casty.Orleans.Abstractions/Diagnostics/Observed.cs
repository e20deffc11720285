using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>An end, as somebody sees it who counts them.</summary>
internal interface IObservedEnd
{
    StreamRole Role { get; }

    string ElementType { get; }

    /// <summary>It goes on, and does not only wait to be forgotten.</summary>
    bool IsLive { get; }
}

/// <summary>A producer, as somebody sees it who asks how its stream is, or ends it.</summary>
internal interface IObservedProducer : IObservedEnd
{
    StreamKey Stream { get; }

    string Name { get; }

    /// <summary>How the stream is; null once it is over, or goes on elsewhere.</summary>
    StreamFacts? Observe();

    /// <summary>The stream is over at once, whatever it holds. False if it was before, or goes on elsewhere.</summary>
    Task<bool> TerminateAsync(StreamEnd end);
}

/// <summary>How a stream is.</summary>
/// <param name="Consumers">The names of its consumers, in the order in which they came; not all where there are many.</param>
/// <param name="ConsumerCount">How many consumers it has.</param>
/// <param name="IsRead">A reader is there.</param>
/// <param name="Writers">How many writers it has.</param>
/// <param name="BufferSize">How many elements it may hold that nobody asked for; 0 for any number.</param>
/// <param name="Buffered">How many elements have not left.</param>
/// <param name="Unfinished">How many elements left and are not finished.</param>
/// <param name="Demand">How many elements are asked for and have not left.</param>
/// <param name="StalledFor">For how long elements have been there that nobody asks for; null where there are none.</param>
/// <param name="IsRebuilding">Its producer was lost, and not all its ends have reported yet.</param>
internal readonly record struct StreamFacts(
    string[] Consumers, int ConsumerCount, bool IsRead, int Writers, int BufferSize, long Buffered, long Unfinished, long Demand, TimeSpan? StalledFor, bool IsRebuilding);
