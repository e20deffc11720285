using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Roles;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>Judges a stream when all of its ends are over: what holds always, and what must hold for what became of its ends.</summary>
/// <param name="run">The stream.</param>
/// <param name="lease">The lease of its ends.</param>
/// <param name="siloFates">What befell silos: any of them may have held the stream's producer.</param>
internal sealed class Verifier(TrackedStream run, TimeSpan lease, IReadOnlyList<Fate> siloFates)
{
    private const string Abandoned = nameof(StreamAbandonedException);
    private const string Closed = nameof(StreamClosedException);
    private const string Planned = "PlannedException";

    /// <summary>What a machine that is busy may take beyond the leases.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(15);

    private readonly List<string> _violations = [];
    private readonly StreamPlan _plan = run.Plan;

    public IReadOnlyList<string> Violations => _violations;

    public Verdict Judge()
    {
        Always();
        var verdict = Classify();
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

        return verdict;
    }

    private Verdict Classify()
    {
        if (run.Ends.All(end => end.IsLost)) return Verdict.AllLost;
        if (run.Ends.Any(end => end.Fate is { Until: < long.MaxValue }) || IsBesideAPause) return Verdict.Paused;
        if (run.Writers.Any(writer => writer.IsLost)) return Verdict.WriterLost;
        if (_plan.Consumer is null && run.Readers.Any(reader => reader.IsLost)) return Verdict.ReaderLost;
        if (run.Readers.Any(reader => reader.IsLost)) return Verdict.Resumed;
        if (run.Writers.Exists(IsApart)) return Verdict.Apart;
        return _plan.Intent is Intent.Leave or Intent.Fail or Intent.Abandon ? Verdict.EndedAsPlanned : Verdict.Exact;
    }

    /// <summary>
    /// It opened with a producer that died before the reader came, so that nobody alive knew of it, and it learnt so only after the
    /// others had completed a stream of their own. Nothing of it was delivered, and it was told.
    /// </summary>
    private bool IsApart(TrackedEnd writer) => writer.Opened is not null && run.Delivered(writer.Index) == 0
        && ((writer is { IsLost: false } && writer.FailedWith(Abandoned)
                && run.Readers.Find(reader => reader.HasCompleted) is { Opened: { } joined } reader && reader.OverAt < writer.OverAt
                && SiloDied(run.StartedAt, joined.At))
            || (IsBesideAPause && (writer.IsLost || writer.FailedWith(Abandoned))));

    /// <summary>
    /// A silo stood still meanwhile, or not long before. It may have held the producer, and for a while after it goes on there are two, of
    /// which one knows of the run before this one. A client that spoke to the cluster through it is cut off: Orleans looks for another
    /// gateway only when a connection breaks. Whoever is on the wrong side has to be told.
    /// </summary>
    private bool IsBesideAPause { get; } = siloFates.Any(fate => fate.IsPause && fate.From <= run.Ends.Max(end => end.OverAt)
        && fate.Until >= run.StartedAt - 2 * lease.TotalMilliseconds);

    /// <summary>It was lost with everybody who knew of it, and with the producer: those who came later began another stream.</summary>
    private bool IsForgotten(TrackedEnd writer) =>
        writer is { IsLost: true, Opened: not null } && run.Delivered(writer.Index) == 0 && SiloDied(run.StartedAt, writer.Fate!.From)
        && run.Ends.Where(end => end.Opened?.At <= writer.Fate!.From).All(end => end.IsLost && end.Fate!.From <= writer.Fate!.From);

    private void Always()
    {
        foreach (var end in run.Ends)
        {
            foreach (var wrong in end.Wrongs) Violated($"{run.NameOf(end)}: {wrong.Text}");
            if (end.Fate is null && end.Outcome is { What: Happened.Failed, Error: { } error } && !IsKnown(error))
            {
                Violated($"{run.NameOf(end)} ended with {error}: {end.Outcome.Text}");
            }
        }

        foreach (var writer in run.Writers)
        {
            long delivered = run.Delivered(writer.Index), count = _plan.Counts[writer.Index];
            if (delivered > writer.Putting) Violated($"{delivered} elements of {run.NameOf(writer)} came, but it put {writer.Putting}.");
            if (writer.HasFinished && delivered < count && !(writer.Index == 0 && _plan.Intent is Intent.Fail or Intent.Abandon))
            {
                Violated($"{run.NameOf(writer)} was told that its {count} elements are finished, but {delivered} were given to anybody.");
            }

            if (!run.Readers.Exists(reader => reader.HasCompleted)) continue;
            bool mayHaveJoined = (writer.Opened is not null && !IsApart(writer) && !IsForgotten(writer)) || delivered > 0;
            if (mayHaveJoined && delivered < count) Violated($"The reader saw completion after {delivered} of {count} elements of {run.NameOf(writer)}.");
            if (mayHaveJoined && writer.Ending is null) Violated($"The reader saw completion, but {run.NameOf(writer)} never completed.");
        }

        for (int i = 0; i < run.Readers.Count; i++)
        {
            // Readers that were given nothing left the place where the one before them stopped.
            int last = run.Readers.FindLastIndex(Math.Max(0, i - 1), i, reader => run.DeliveredTo(reader) > 0);
            Boundary(run.Readers[Math.Max(0, last)..i], run.Readers[i]);
        }
    }

    /// <summary>Where one reader of a name stopped, the next one goes on: never behind it, and hardly before it.</summary>
    /// <param name="before">The last one that was given anything, and whoever was given nothing since.</param>
    /// <param name="after">The next one.</param>
    private void Boundary(List<TrackedEnd> before, TrackedEnd after)
    {
        long again = 0;
        for (int writer = 0; writer < _plan.Counts.Length; writer++)
        {
            if (after.First(writer) is not { } first) continue;
            long expected = Stopped(writer, after);
            if (first > expected) Violated($"{run.NameOf(after)} began at element {first} of writer {writer}; {expected} was next.");
            else again += expected - first;
        }

        // Whoever stops in good order, while nothing else goes wrong, knows to the element where.
        bool isOrderly = before.TrueForAll(reader => reader.Fate is null or { IsGraceful: true } && reader.Outcome is not null)
            && !SiloDied(run.StartedAt, after.Opened?.At ?? long.MaxValue);
        long allowed = isOrderly ? 0 : _plan.Window;
        if (again > allowed) Violated($"{run.NameOf(after)} was given {again} elements again; at most {allowed} are allowed.");
    }

    /// <summary>The number after the last element of a writer's that the readers before this one were given.</summary>
    private long Stopped(int writer, TrackedEnd after) =>
        run.Readers.Take(after.Index).LastOrDefault(reader => reader.First(writer) is not null)?.Next(writer) ?? 0;

    /// <summary>Every writer lived, and so did the reader, or its successors.</summary>
    private void AsIntended()
    {
        if (run.Reader is not { } reader)
        {
            Violated("It never had a reader.");
            return;
        }

        bool isUnread = reader.IsLost;   // the last of them died when nobody was left to write for it
        bool hasLeft = run.Readers.Exists(one => one.Outcome?.What == Happened.Left && !one.IsCancelled);
        foreach (var writer in run.Writers)
        {
            bool isAsIntended = writer.HasFinished
                || (hasLeft && writer.Outcome is { What: Happened.Failed, Error: $"{Closed}/{nameof(StreamEndReason.Cancelled)}" })
                || (_plan.Intent == Intent.Fail && (writer.FailedWith(Planned) || writer.FailedWith(Closed)))
                || (_plan.Intent == Intent.Abandon && writer.Index == 0 && (writer.FailedWith(Abandoned) || writer.FailedWith(Closed)));
            if (!isAsIntended) Violated($"Every end lived, but {run.NameOf(writer)} ended with {writer.Outcome?.Error}: {writer.Outcome?.Text}");
        }

        // A writer that failed the stream has left: what the producer held of it dies with the producer's silo.
        bool mayBeCut = _plan.Intent == Intent.Fail && reader.FailedWith(Abandoned) && SiloDied(run.StartedAt, long.MaxValue);
        bool isReadAsIntended = mayBeCut || isUnread || reader.HasCompleted || reader.IsCancelled || hasLeft
            || (_plan.Intent == Intent.Fail && reader.FailedWith(Planned))
            || (_plan.Intent == Intent.Abandon && reader.FailedWith(Abandoned));
        if (!isReadAsIntended) Violated($"Every end lived, but {run.NameOf(reader)} ended with {reader.Outcome?.Error}: {reader.Outcome?.Text}");
        if (reader.HasCompleted && _plan.Intent is Intent.Fail or Intent.Abandon) Violated("The reader saw completion of a stream that was not completed.");

        // A writer that fails does not wait for the others, so of those a part may be missing.
        if (hasLeft || isUnread || mayBeCut) return;
        foreach (var writer in run.Writers.Where(writer => _plan.Intent != Intent.Fail || writer.Index == 0))
        {
            if (run.Delivered(writer.Index) < _plan.Counts[writer.Index])
            {
                Violated($"Every end lived, but of {run.NameOf(writer)} only {run.Delivered(writer.Index)} of {_plan.Counts[writer.Index]} elements came.");
            }
        }

        foreach (var before in run.Readers.SkipLast(1).Where(before => before.Fate is null))
        {
            bool gaveWay = before.Outcome?.What == Happened.Detached || before.FailedWith(nameof(StreamSupersededException))
                || (before.HasCompleted && run.Readers.Skip(before.Index + 1).All(next => run.DeliveredTo(next) == 0));   // it was there first
            if (!gaveWay) Violated($"{run.NameOf(before)} gave way to the next reader, but ended with {before.Outcome?.Error}: {before.Outcome?.Text}");
        }
    }

    private void WithoutWriter()
    {
        // It had completed, and the producer held everything: only who loses the producer as well loses the rest.
        bool mayBeWhole = run.Writers.TrueForAll(writer => !writer.IsLost || writer.Ending is not null || writer.Opened is null || IsForgotten(writer));
        bool mustBeWhole = run.Writers.TrueForAll(writer => !writer.IsLost || writer.Ended is not null)
            && !SiloDied(run.StartedAt, long.MaxValue) && _plan.Intent is not (Intent.Fail or Intent.Abandon or Intent.Leave);
        if (run.Reader is { IsLost: false, Opened: not null, Outcome.What: not Happened.Detached } reader)
        {
            bool isRight = (!mustBeWhole && reader.FailedWith(Abandoned)) || (mayBeWhole && reader.HasCompleted) || reader.IsCancelled
                || (_plan.Intent == Intent.Leave && reader.Outcome?.What == Happened.Left)
                || (_plan.Intent == Intent.Fail && reader.FailedWith(Planned));
            if (!isRight) Violated($"A writer was lost{(mustBeWhole ? " after it had completed" : "")}, and {run.NameOf(reader)} ended with {reader.Outcome?.What} {reader.Outcome?.Error}: {reader.Outcome?.Text}");
            NoticedInTime(reader, run.Writers.Where(writer => writer.IsLost));
        }

        if (run.Reader is null or { IsLost: true } or { Outcome.What: Happened.Detached }) return;
        foreach (var writer in run.Writers.Where(writer => !writer.IsLost && !writer.HasFinished))
        {
            bool isRight = _plan.Intent is Intent.Leave or Intent.Fail ? writer.FailedWith(Closed) || writer.FailedWith(Planned)
                : (_plan.Intent == Intent.Abandon && writer.Index == 0) || writer.Opened?.At > run.Reader.Outcome?.At;   // it came when all was over
            if (!isRight) Violated($"Another writer was lost, but {run.NameOf(writer)} ended with {writer.Outcome?.Error}: {writer.Outcome?.Text}");
        }
    }

    private void WithoutReader()
    {
        foreach (var writer in run.Writers.Where(writer => !writer.HasFinished))
        {
            bool isRight = writer.FailedWith(Abandoned) || writer.FailedWith(Closed) || (_plan.Intent == Intent.Fail && writer.FailedWith(Planned));
            if (!isRight) Violated($"The reader was lost, and {run.NameOf(writer)} ended with {writer.Outcome?.Error}: {writer.Outcome?.Text}");
            NoticedInTime(writer, run.Readers.Where(reader => reader.IsLost));
        }
    }

    private void NoticedInTime(TrackedEnd end, IEnumerable<TrackedEnd> lost)
    {
        long since = Math.Max(run.LastProgress, lost.Max(one => one.Fate!.From));
        var limit = 2 * lease + Slack + (SiloDied(run.StartedAt, end.OverAt) ? lease + Slack : TimeSpan.Zero);
        if (lost.Any(one => one.Opened is null || one.Fate!.From <= end.Opened?.At)) limit += _plan.SubscriptionTimeout;   // they may never have met

        // A silo that dies meanwhile may have held the producer again: then the wait begins anew.
        foreach (var fate in siloFates.Where(fate => !fate.IsGraceful).OrderBy(fate => fate.From))
        {
            if (fate.From > since && fate.From <= since + limit.TotalMilliseconds) since = fate.From;
        }

        if (end.OverAt - since > limit.TotalMilliseconds)
        {
            Violated($"{run.NameOf(end)} noticed the loss of the other end after {end.OverAt - since} ms; at most {limit.TotalMilliseconds} are allowed.");
        }
    }

    private bool SiloDied(long from, long until) => siloFates.Any(fate => !fate.IsGraceful && fate.From <= until && fate.Until >= from);

    private static bool IsKnown(string error) => error.StartsWith("Stream", StringComparison.Ordinal) || error == Planned;

    private void Violated(string what) => _violations.Add(what);
}
