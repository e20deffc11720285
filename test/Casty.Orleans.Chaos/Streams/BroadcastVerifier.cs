using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>Judges a broadcast: everybody gets everything, from wherever it began.</summary>
internal sealed class BroadcastVerifier(TrackedStream run, TimeSpan lease, IReadOnlyList<Fate> siloFates) : FanVerifier(run, lease, siloFates)
{
    protected override void Elements()
    {
        foreach (var consumer in Run.Consumers) Boundaries(consumer, Plan.BufferSize ?? StreamProducerOptions.DefaultBufferSize, IsFromStart(consumer));
    }

    protected override long DeliveredOf(TrackedEnd writer) => Run.Delivered(writer.Index);

    protected override long? HadAtCompletion(TrackedConsumer consumer, TrackedEnd writer) =>
        consumer.Stopped(writer.Index, consumer.Readers.Count) ?? (IsFromStart(consumer) ? 0 : null);

    /// <summary>What was on its way to somebody who is gone need not be with one who came later.</summary>
    protected override bool IsFinished(TrackedEnd writer) =>
        DeliveredOf(writer) >= Plan.Counts[writer.Index] || !Run.Consumers.Exists(consumer => IsFromStart(consumer) && !consumer.IsGone);
}
