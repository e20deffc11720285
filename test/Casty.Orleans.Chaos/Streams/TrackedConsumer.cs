using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>One consumer of a stream: the readers that read for it, one after the other.</summary>
/// <param name="plan">What it is to do.</param>
/// <param name="index">Which of the stream's consumers it is.</param>
internal sealed class TrackedConsumer(ConsumerPlan plan, int index)
{
    public ConsumerPlan Plan => plan;

    public int Index => index;

    public List<TrackedEnd> Readers { get; } = [];

    public TrackedEnd? Reader => Readers.LastOrDefault();

    public long? NextReaderAt { get; set; }

    public bool HasBeenTakenOver { get; set; }

    /// <summary>Another consumer came in its place.</summary>
    public bool IsReplaced { get; set; }

    /// <summary>Nobody reads for it any more, nor was it told how the stream ended.</summary>
    public bool IsGone => Reader is null or { IsLost: true } or { IsCancelled: true } or { Opened: null } or { Outcome.What: Happened.Left or Happened.Detached };

    /// <summary>The number after the last element of a writer's that the first of its readers were given.</summary>
    /// <param name="writer">The writer.</param>
    /// <param name="before">How many of the readers count.</param>
    /// <returns>Null if they were given nothing of it.</returns>
    public long? Stopped(int writer, int before) => Readers.Take(before).LastOrDefault(reader => reader.First(writer) is not null)?.Next(writer);
}
