using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>Judges a balanced stream: somebody gets each element, and somebody else as well only if the first was lost over it.</summary>
internal sealed class BalancedVerifier : FanVerifier
{
    /// <summary>So far may finished elements be ahead of one that is not before nobody holds it but the producer and its consumer (P-18).</summary>
    private const int MostOvertaken = 16 * 1024;

    private readonly Dictionary<TrackedEnd, Receipt[]> _receipts;
    private readonly long[] _delivered;

    public BalancedVerifier(TrackedStream run, TimeSpan lease, IReadOnlyList<Fate> siloFates)
        : base(run, lease, siloFates)
    {
        _receipts = run.Readers.ToDictionary(reader => reader, reader => reader.Receipts());
        _delivered = [.. run.Plan.Counts.Select((_, writer) => _receipts.Values.SelectMany(one => one).Where(one => one.Writer == writer).Select(one => one.Number).Distinct().LongCount())];
    }

    protected override bool MayBeCut => Run.Readers.Any(reader => reader.IsLost) && SiloDied(Run.StartedAt, long.MaxValue) && Plan.Total > MostOvertaken;

    protected override long DeliveredOf(TrackedEnd writer) => _delivered[writer.Index];

    protected override long? HadAtCompletion(TrackedConsumer consumer, TrackedEnd writer) => DeliveredOf(writer);

    /// <summary>What a lost consumer held is finished for the writer once so much more is; the producer may be lost before another one has it.</summary>
    protected override bool IsFinished(TrackedEnd writer)
    {
        long missing = Plan.Counts[writer.Index] - DeliveredOf(writer);
        return missing <= (MayBeCut ? Run.Consumers.Where(consumer => consumer.Readers.Exists(reader => reader.IsLost)).Sum(consumer => consumer.Plan.Window) : 0);
    }

    protected override void Elements()
    {
        GivenTwice();
        InOrder();

        long completed = Run.Readers.Where(reader => reader.HasCompleted).Select(reader => reader.Outcome!.At).DefaultIfEmpty(long.MaxValue).Min();
        foreach (var (reader, receipts) in _receipts)
        {
            int late = receipts.Count(one => one.At > completed);
            if (late > 0) Violated($"{Run.NameOf(reader)} was given {late} elements after another reader had seen completion.");
        }
    }

    private void GivenTwice()
    {
        var owners = new Dictionary<(int Writer, long Number), TrackedEnd>();
        var again = new Dictionary<TrackedEnd, int>();
        foreach (var (reader, receipts) in _receipts)
        {
            foreach (var one in receipts)
            {
                var key = (one.Writer, one.Number);
                if (owners.TryAdd(key, reader)) continue;

                var other = owners[key];
                var lost = other == reader ? null : MayHaveUnfinished(other) ? other : MayHaveUnfinished(reader) ? reader : null;
                if (lost is null)
                {
                    Violated($"Element {one.Number} of writer {one.Writer} was given to {Run.NameOf(other)} and to {Run.NameOf(reader)}.");
                    return;
                }

                if (lost == other) owners[key] = reader;
                again[lost] = again.GetValueOrDefault(lost) + 1;
            }
        }

        // Where the producer lives, it knows what a lost consumer had confirmed.
        if (SiloDied(Run.StartedAt, long.MaxValue)) return;
        foreach (var consumer in Run.Consumers)
        {
            foreach (var reader in consumer.Readers.Where(reader => again.GetValueOrDefault(reader) > consumer.Plan.Window))
            {
                Violated($"{again[reader]} elements that {Run.NameOf(reader)} had been given were given to others again; at most {consumer.Plan.Window} are allowed.");
            }
        }
    }

    /// <summary>It was lost; or it left the loop, with an element in hand; or it left otherwise, and its farewell may have been lost.</summary>
    private bool MayHaveUnfinished(TrackedEnd reader) => reader.Fate is not null || reader.IsCancelled || reader.Outcome?.What is Happened.Left
        || ((reader.Outcome?.What is Happened.Detached || reader.FailedWith(Superseded)) && SiloDied(Run.StartedAt, long.MaxValue));

    /// <summary>Where nothing comes back from anybody, and the producer stays, each reader gets what it gets in the order in which it was put.</summary>
    private void InOrder()
    {
        bool isQuiet = !SiloLeft && Run.Readers.All(reader => reader is { Fate: null, IsCancelled: false } && reader.Outcome?.What == Happened.Completed);
        if (!isQuiet) return;

        foreach (var (reader, receipts) in _receipts)
        {
            long[] next = new long[Plan.Counts.Length];
            foreach (var one in receipts)
            {
                if (one.Number < next[one.Writer])
                {
                    Violated($"{Run.NameOf(reader)} was given element {one.Number} of writer {one.Writer} behind {next[one.Writer] - 1}.");
                    return;
                }

                next[one.Writer] = one.Number + 1;
            }
        }
    }
}
