using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>Judges a stream that has several consumers: a lost one ends itself, and the others go on.</summary>
internal abstract class FanVerifier(TrackedStream run, TimeSpan lease, IReadOnlyList<Fate> siloFates) : Verifier(run, lease, siloFates)
{
    protected override void Judge(Verdict verdict)
    {
        Elements();
        if (verdict is Verdict.AllLost or Verdict.Paused or Verdict.Apart) return;

        var lost = Run.Writers.Where(writer => writer.IsLost).ToArray();
        foreach (var writer in Run.Writers.Except(lost)) Writer(writer, lost.Length > 0);
        foreach (var consumer in Run.Consumers)
        {
            GaveWay(consumer);
            if (consumer.Reader is { IsLost: false, IsCancelled: false } reader && reader.Outcome?.What is Happened.Completed or Happened.Failed) Reader(reader, lost);
        }
    }

    protected override Verdict ClassifyLostReader() => Verdict.ConsumersLost;

    /// <summary>What must hold of the elements, whatever became of the ends.</summary>
    protected abstract void Elements();

    /// <summary>A loss may have taken elements along that had been given out.</summary>
    protected virtual bool MayBeCut => false;

    /// <summary>It was there before anything was put, and is known to the run of the stream that goes on.</summary>
    protected bool IsFromStart(TrackedConsumer consumer) => consumer.Readers is [{ Opened: { } opened } first, ..] && opened.At <= Run.WentAt && !IsLeftBehind(first);

    private void Writer(TrackedEnd writer, bool isOneLost)
    {
        bool wasLeft = Run.Consumers.TrueForAll(consumer => consumer.IsGone);   // nobody came in time
        bool wasLate = isOneLost && Run.Readers.All(reader => reader.IsLost || writer.Opened?.At > reader.Outcome?.At);   // it came when all was over
        bool isRight = writer.HasFinished || wasLate
            || ((wasLeft || MayBeCut) && (writer.FailedWith(Abandoned) || writer.FailedWith(Closed)))
            || (Plan.Intent == Intent.Fail && (writer.FailedWith(Planned) || writer.FailedWith(Closed)))
            || (Plan.Intent == Intent.Abandon && writer.Index == 0 && (writer.FailedWith(Abandoned) || writer.FailedWith(Closed)));
        if (!isRight) Violated($"{(isOneLost ? "Another writer was lost" : "Every writer lived")}, but {Run.NameOf(writer)} ended with {writer.Outcome?.Error}: {writer.Outcome?.Text}");
    }

    private void Reader(TrackedEnd reader, TrackedEnd[] lost)
    {
        // What a lost writer had completed, and what one put that failed the stream, the producer holds, as long as it lives.
        bool hasSiloDied = SiloDied(Run.StartedAt, long.MaxValue);
        bool mayComplete = Plan.Intent is not (Intent.Fail or Intent.Abandon)
            && Array.TrueForAll(lost, writer => writer.Ending is not null || writer.Opened is null || IsForgotten(writer));
        bool mayBeAbandoned = MayBeCut || Plan.Intent == Intent.Abandon || (Plan.Intent == Intent.Fail && hasSiloDied)
            || Array.Exists(lost, writer => writer.Ended is null || hasSiloDied);
        bool isRight = IsLeftBehind(reader) || IsRefused(reader) || (mayComplete && reader.HasCompleted) || (mayBeAbandoned && reader.FailedWith(Abandoned)) || (Plan.Intent == Intent.Fail && reader.FailedWith(Planned));
        if (!isRight)
        {
            Violated($"{(lost.Length > 0 ? "A writer was lost" : "Every writer lived")}, but {Run.NameOf(reader)} ended with {reader.Outcome?.What} {reader.Outcome?.Error}: {reader.Outcome?.Text}");
        }

        // A named consumer that nobody reads for holds the others up for as long as its place is kept.
        bool isHeldUp = Run.Consumers.Exists(one => one.IsGone && one.Plan.Name is not null);
        if (lost.Length > 0) NoticedInTime(reader, lost, isHeldUp ? Plan.SubscriptionTimeout : TimeSpan.Zero);
    }

    /// <summary>Its producer was lost before anything came of it, and another run had given out elements when it came there: it was told.</summary>
    private bool IsLeftBehind(TrackedEnd reader) => reader.FailedWith(Abandoned) && Run.DeliveredTo(reader) == 0 && SiloDied(Run.StartedAt, long.MaxValue);

    /// <summary>All who knew what kind of stream it is were lost, and somebody who did not say came first: with one consumer, it takes no other.</summary>
    private bool IsRefused(TrackedEnd reader) =>
        reader.FailedWith(nameof(StreamException)) && Run.DeliveredTo(reader) == 0 && Run.Writers.All(writer => writer.IsLost);
}
