using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>Judges a stream that has one consumer.</summary>
internal sealed class SingleVerifier(TrackedStream run, TimeSpan lease, IReadOnlyList<Fate> siloFates) : Verifier(run, lease, siloFates)
{
    private TrackedConsumer Consumer => Run.Consumers[0];

    protected override void Judge(Verdict verdict)
    {
        Boundaries(Consumer, slack: 0, isFromStart: true);
        switch (verdict)
        {
            case Verdict.Exact or Verdict.EndedAsPlanned or Verdict.Resumed:
                AsIntended();
                break;
            case Verdict.WriterLost:
                WithoutWriter();
                break;
            case Verdict.ReaderLost:
                WithoutReader();
                break;
        }
    }

    protected override Verdict ClassifyLostReader() => Consumer.Plan.Name is null ? Verdict.ReaderLost : Verdict.Resumed;

    protected override long DeliveredOf(TrackedEnd writer) => Run.Delivered(writer.Index);

    protected override long? HadAtCompletion(TrackedConsumer consumer, TrackedEnd writer) => DeliveredOf(writer);

    protected override bool IsFinished(TrackedEnd writer) => DeliveredOf(writer) >= Plan.Counts[writer.Index];

    /// <summary>Every writer lived, and so did the reader, or its successors.</summary>
    private void AsIntended()
    {
        if (Consumer.Reader is not { } reader)
        {
            Violated("It never had a reader.");
            return;
        }

        bool isUnread = reader.IsLost;   // the last of them died when nobody was left to write for it
        bool hasLeft = Consumer.Readers.Exists(one => one.Outcome?.What == Happened.Left && !one.IsCancelled);
        foreach (var writer in Run.Writers)
        {
            bool isAsIntended = writer.HasFinished
                || (hasLeft && writer.Outcome is { What: Happened.Failed, Error: $"{Closed}/{nameof(StreamEndReason.Cancelled)}" })
                || (Plan.Intent == Intent.Fail && (writer.FailedWith(Planned) || writer.FailedWith(Closed)))
                || (Plan.Intent == Intent.Abandon && writer.Index == 0 && (writer.FailedWith(Abandoned) || writer.FailedWith(Closed)));
            if (!isAsIntended) Violated($"Every end lived, but {Run.NameOf(writer)} ended with {writer.Outcome?.Error}: {writer.Outcome?.Text}");
        }

        // A writer that failed the stream has left: what the producer held of it dies with the producer's silo.
        bool mayBeCut = Plan.Intent == Intent.Fail && reader.FailedWith(Abandoned) && SiloDied(Run.StartedAt, long.MaxValue);
        bool isReadAsIntended = mayBeCut || isUnread || reader.HasCompleted || reader.IsCancelled || hasLeft
            || (Plan.Intent == Intent.Fail && reader.FailedWith(Planned))
            || (Plan.Intent == Intent.Abandon && reader.FailedWith(Abandoned));
        if (!isReadAsIntended) Violated($"Every end lived, but {Run.NameOf(reader)} ended with {reader.Outcome?.Error}: {reader.Outcome?.Text}");
        if (reader.HasCompleted && Plan.Intent is Intent.Fail or Intent.Abandon) Violated("The reader saw completion of a stream that was not completed.");

        // A writer that fails does not wait for the others, so of those a part may be missing.
        if (hasLeft || isUnread || mayBeCut) return;
        foreach (var writer in Run.Writers.Where(writer => Plan.Intent != Intent.Fail || writer.Index == 0))
        {
            if (Run.Delivered(writer.Index) < Plan.Counts[writer.Index])
            {
                Violated($"Every end lived, but of {Run.NameOf(writer)} only {Run.Delivered(writer.Index)} of {Plan.Counts[writer.Index]} elements came.");
            }
        }

        GaveWay(Consumer);
    }

    private void WithoutWriter()
    {
        // It had completed, and the producer held everything: only who loses the producer as well loses the rest.
        bool mayBeWhole = Run.Writers.TrueForAll(writer => !writer.IsLost || writer.Ending is not null || writer.Opened is null || IsForgotten(writer));
        bool mustBeWhole = Run.Writers.TrueForAll(writer => !writer.IsLost || writer.Ended is not null)
            && !SiloDied(Run.StartedAt, long.MaxValue) && Plan.Intent is not (Intent.Fail or Intent.Abandon or Intent.Leave);
        if (Consumer.Reader is { IsLost: false, Opened: not null, Outcome.What: not Happened.Detached } reader)
        {
            bool isRight = (!mustBeWhole && reader.FailedWith(Abandoned)) || (mayBeWhole && reader.HasCompleted) || reader.IsCancelled
                || (Plan.Intent == Intent.Leave && reader.Outcome?.What == Happened.Left)
                || (Plan.Intent == Intent.Fail && reader.FailedWith(Planned));
            if (!isRight) Violated($"A writer was lost{(mustBeWhole ? " after it had completed" : "")}, and {Run.NameOf(reader)} ended with {reader.Outcome?.What} {reader.Outcome?.Error}: {reader.Outcome?.Text}");
            NoticedInTime(reader, Run.Writers.Where(writer => writer.IsLost));
        }

        if (Consumer.Reader is null or { IsLost: true } or { Outcome.What: Happened.Detached }) return;
        foreach (var writer in Run.Writers.Where(writer => !writer.IsLost && !writer.HasFinished))
        {
            bool isRight = Plan.Intent is Intent.Leave or Intent.Fail ? writer.FailedWith(Closed) || writer.FailedWith(Planned)
                : (Plan.Intent == Intent.Abandon && writer.Index == 0) || writer.Opened?.At > Consumer.Reader!.Outcome?.At;   // it came when all was over
            if (!isRight) Violated($"Another writer was lost, but {Run.NameOf(writer)} ended with {writer.Outcome?.Error}: {writer.Outcome?.Text}");
        }
    }

    private void WithoutReader()
    {
        foreach (var writer in Run.Writers.Where(writer => !writer.HasFinished))
        {
            bool isRight = writer.FailedWith(Abandoned) || writer.FailedWith(Closed) || (Plan.Intent == Intent.Fail && writer.FailedWith(Planned));
            if (!isRight) Violated($"The reader was lost, and {Run.NameOf(writer)} ended with {writer.Outcome?.Error}: {writer.Outcome?.Text}");
            NoticedInTime(writer, Consumer.Readers.Where(reader => reader.IsLost));
        }
    }
}
