using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Roles;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>Judges a stream when all of its ends are over: what holds always, and what must hold for what became of its ends.</summary>
/// <param name="run">The stream.</param>
/// <param name="lease">The lease of its ends.</param>
/// <param name="siloFates">What befell silos: any of them may have held the stream's producer.</param>
internal abstract class Verifier(TrackedStream run, TimeSpan lease, IReadOnlyList<Fate> siloFates)
{
    protected const string Abandoned = nameof(StreamAbandonedException);
    protected const string Closed = nameof(StreamClosedException);
    protected const string Superseded = nameof(StreamSupersededException);
    protected const string Planned = nameof(PlannedException);

    /// <summary>What a machine that is busy may take beyond the leases.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(15);

    private readonly List<string> _violations = [];

    public static Verifier Of(TrackedStream run, TimeSpan lease, IReadOnlyList<Fate> siloFates) => run.Plan.Delivery switch
    {
        StreamDelivery.Broadcast => new BroadcastVerifier(run, lease, siloFates),
        StreamDelivery.Balanced => new BalancedVerifier(run, lease, siloFates),
        _ => new SingleVerifier(run, lease, siloFates),
    };

    public IReadOnlyList<string> Violations => _violations;

    protected TrackedStream Run => run;

    protected StreamPlan Plan => run.Plan;

    public Verdict Judge()
    {
        Always();
        var verdict = Classify();
        Judge(verdict);
        return verdict;
    }

    /// <summary>What must hold for what became of the ends.</summary>
    protected abstract void Judge(Verdict verdict);

    /// <summary>What the verdict is where readers were lost, and no writer.</summary>
    protected abstract Verdict ClassifyLostReader();

    /// <summary>How many different elements of a writer's were given to anybody.</summary>
    protected abstract long DeliveredOf(TrackedEnd writer);

    /// <summary>A reader that saw completion was given so much of a writer, or whoever shares with it; null if it need not have been given anything.</summary>
    protected abstract long? HadAtCompletion(TrackedConsumer consumer, TrackedEnd writer);

    /// <summary>A writer knows that it is finished: what must have been given, was.</summary>
    protected abstract bool IsFinished(TrackedEnd writer);

    private Verdict Classify()
    {
        if (run.Ends.All(end => end.IsLost)) return Verdict.AllLost;
        if (run.Ends.Any(end => end.Fate is { Until: < long.MaxValue }) || IsBesideAPause) return Verdict.Paused;
        if (run.Writers.Any(writer => writer.IsLost)) return Verdict.WriterLost;
        if (run.Readers.Any(reader => reader.IsLost)) return ClassifyLostReader();
        if (run.Writers.Exists(IsApart)) return Verdict.Apart;
        bool isPlain = Plan.Intent is not (Intent.Leave or Intent.Fail or Intent.Abandon) && run.Consumers.TrueForAll(one => one.Plan.Intent != Intent.Leave);
        return isPlain ? Verdict.Exact : Verdict.EndedAsPlanned;
    }

    /// <summary>
    /// It opened with a producer that died before the reader came, so that nobody alive knew of it, and it learnt so only after the
    /// others had completed a stream of their own. Nothing of it was delivered, and it was told.
    /// </summary>
    protected bool IsApart(TrackedEnd writer) => writer.Opened is not null && run.Delivered(writer.Index) == 0
        && ((writer is { IsLost: false } && writer.FailedWith(Abandoned)
                && run.Readers.FirstOrDefault(reader => reader.HasCompleted) is { Opened: { } joined } reader && reader.OverAt < writer.OverAt
                && SiloDied(run.StartedAt, joined.At))
            || (IsBesideAPause && (writer.IsLost || writer.FailedWith(Abandoned))));

    /// <summary>
    /// A silo stood still meanwhile, or not long before. It may have held the producer, and for a while after it goes on there are two, of
    /// which one knows of the run before this one. A client that spoke to the cluster through it is cut off: Orleans looks for another
    /// gateway only when a connection breaks. Whoever is on the wrong side has to be told.
    /// </summary>
    protected bool IsBesideAPause { get; } = siloFates.Any(fate => fate.IsPause && fate.From <= run.Ends.Max(end => end.OverAt)
        && fate.Until >= run.StartedAt - 2 * lease.TotalMilliseconds);

    /// <summary>It was lost with everybody who knew of it, and with the producer: those who came later began another stream.</summary>
    protected bool IsForgotten(TrackedEnd writer) =>
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
            long delivered = DeliveredOf(writer), count = Plan.Counts[writer.Index];
            if (delivered > writer.Putting) Violated($"{delivered} elements of {run.NameOf(writer)} came, but it put {writer.Putting}.");
            if (writer.HasFinished && !IsFinished(writer) && !(writer.Index == 0 && Plan.Intent is Intent.Fail or Intent.Abandon))
            {
                Violated($"{run.NameOf(writer)} was told that its {count} elements are finished, but {delivered} were given to anybody.");
            }

            bool mayHaveJoined = (writer.Opened is not null && !IsApart(writer) && !IsForgotten(writer)) || delivered > 0;
            foreach (var consumer in run.Consumers.Where(one => one.Readers.Exists(reader => reader.HasCompleted)))
            {
                long? had = HadAtCompletion(consumer, writer);
                string name = run.NameOf(consumer.Readers.Find(reader => reader.HasCompleted)!);
                if (mayHaveJoined && had < count) Violated($"{name} saw completion after {had} of {count} elements of {run.NameOf(writer)}.");
                if (mayHaveJoined && writer.Ending is null) Violated($"{name} saw completion, but {run.NameOf(writer)} never completed.");
            }
        }
    }

    /// <summary>Where one reader of a name stopped, the next one goes on: never behind it, and hardly before it.</summary>
    /// <param name="consumer">Whose readers they are.</param>
    /// <param name="slack">How many elements may come again beside a window, where not everybody could say where it stopped.</param>
    /// <param name="isFromStart">It is there from the stream's first element on.</param>
    protected void Boundaries(TrackedConsumer consumer, long slack, bool isFromStart)
    {
        var readers = consumer.Readers;
        for (int i = 0; i < readers.Count; i++)
        {
            // Readers that were given nothing left the place where the one before them stopped.
            int last = readers.FindLastIndex(Math.Max(0, i - 1), i, reader => run.DeliveredTo(reader) > 0);
            Boundary(consumer, readers[Math.Max(0, last)..i], readers[i], consumer.Plan.Window + slack, isFromStart);
        }
    }

    /// <param name="consumer">Whose readers they are.</param>
    /// <param name="before">The last one that was given anything, and whoever was given nothing since.</param>
    /// <param name="after">The next one.</param>
    /// <param name="most">How many elements may come again.</param>
    /// <param name="isFromStart">It is there from the stream's first element on.</param>
    private void Boundary(TrackedConsumer consumer, List<TrackedEnd> before, TrackedEnd after, long most, bool isFromStart)
    {
        long again = 0;
        for (int writer = 0; writer < Plan.Counts.Length; writer++)
        {
            if (after.First(writer) is not { } first) continue;
            if ((consumer.Stopped(writer, after.Index) ?? (isFromStart ? 0 : null)) is not { } expected) continue;
            if (first > expected) Violated($"{run.NameOf(after)} began at element {first} of writer {writer}; {expected} was next.");
            else again += expected - first;
        }

        // Whoever stops in good order, while nothing else goes wrong, knows to the element where.
        bool isOrderly = before.TrueForAll(reader => reader.Fate is null or { IsGraceful: true } && reader.Outcome is not null)
            && !SiloDied(run.StartedAt, after.Opened?.At ?? long.MaxValue);
        long allowed = isOrderly ? 0 : most;
        if (again > allowed) Violated($"{run.NameOf(after)} was given {again} elements again; at most {allowed} are allowed.");
    }

    protected void NoticedInTime(TrackedEnd end, IEnumerable<TrackedEnd> lost, TimeSpan more = default)
    {
        long since = Math.Max(run.LastProgress, lost.Max(one => one.Fate!.From));
        var limit = 2 * lease + Slack + more + (SiloDied(run.StartedAt, end.OverAt) ? lease + Slack : TimeSpan.Zero);
        if (lost.Any(one => one.Opened is null || one.Fate!.From <= end.Opened?.At)) limit += Plan.SubscriptionTimeout;   // they may never have met

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

    /// <summary>A silo was killed or stood still within that time, or so shortly before that it was still felt.</summary>
    protected bool SiloDied(long from, long until) => siloFates.Any(fate => !fate.IsGraceful && IsFelt(fate, from, until));

    /// <summary>A silo was lost in any way while the stream lived.</summary>
    protected bool SiloLeft => siloFates.Any(fate => IsFelt(fate, run.StartedAt, long.MaxValue));

    private bool IsFelt(Fate fate, long from, long until) =>
        fate.From <= until && (fate.IsPause ? fate.Until : fate.From + 2 * lease.TotalMilliseconds) >= from;

    protected void Violated(string what) => _violations.Add(what);

    /// <summary>
    /// A reader that gave way to the next one of its name did so in good order. One that never came takes nobody's place; nor does one that
    /// opened while the producer was lost and went on waiting under that name: when it was let in, this run was over. Nor does one that was
    /// asked for when the first had come to the end, and died before it could say so.
    /// </summary>
    protected void GaveWay(TrackedConsumer consumer)
    {
        foreach (var before in consumer.Readers.Where(before => before.Fate is null && consumer.Readers.Skip(before.Index + 1).Any(next => next.StartedAt <= before.OverAt && WasHere(next))))
        {
            bool gaveWay = before.Outcome?.What == Happened.Detached || before.FailedWith(Superseded)
                || (before.HasCompleted && consumer.Readers.Skip(before.Index + 1).All(next => run.DeliveredTo(next) == 0));   // it was there first
            if (!gaveWay) Violated($"{run.NameOf(before)} gave way to the next reader, but ended with {before.Outcome?.Error}: {before.Outcome?.Text}");
        }
    }

    private bool WasHere(TrackedEnd reader) => run.DeliveredTo(reader) > 0 || reader.Outcome?.What is Happened.Completed or Happened.Failed or Happened.Detached;

    private static bool IsKnown(string error) => error.StartsWith("Stream", StringComparison.Ordinal) || error == Planned;
}
