namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>Of a stream with one consumer.</summary>
internal sealed class SingleLedger(World world) : Ledger(world)
{
    private readonly List<Item> _given = [];
    private readonly long[] _next = new long[4];
    private bool _isRebased;
    private bool _readerChanged;

    public override void OnSubscribed(ReaderEnd reader, ReaderEnd? old)
    {
        if (old is null || World.Faults > 0) return;

        _readerChanged = true;
        bool isExact = old.Fate is ReaderFate.Detach or ReaderFate.Takeover;
        long start = reader.Core.Given, before = isExact ? old.StoodAt : old.Core.Given;
        World.Expect(start <= old.Core.Given && start >= old.Core.Finished - old.MaxDemand - old.MaxInHand && (!isExact || start == before),
            $"{reader} began at {start}, but the one before stood at {before}");
    }

    /// <summary>What docs/guarantees.md promises a named reader, whatever became of the producer; elements of each writer are counted, as positions do not outlive a lifetime.</summary>
    public override void OnResumed(ReaderEnd reader, ReaderEnd? old, bool isTheirs)
    {
        if (old is null) reader.MayRepeat = 0;
        if (old?.Stood is not { } stood || World.WasSplit) return;

        foreach (var (writer, next) in stood.Next) reader.Begins[writer] = next;
        bool isHeard = World.Scenario is { CutsMilliseconds: 0, Wires: { Loss: 0, Stragglers: 0 } };
        bool isExact = old.Fate switch
        {
            ReaderFate.Detach => old is { IsDetachKept: true, IsDead: false } && World.Faults - stood.Faults <= 1,
            ReaderFate.Takeover => reader.BeganAt is not null && isTheirs,
            _ => false,
        };

        // Its process was lost alone; or with the producer in it, and nothing else before or since.
        bool isWindow = (World.Faults == stood.Faults && isTheirs) || (isHeard && old.IsDead && !old.HasLeft && World.Faults == 1 && stood.Faults == 1);
        // Where it was given nothing of a writer, it may itself have begun before.
        if (isExact) reader.MayRepeat = old.MayRepeat ?? 0;
        else if (isWindow) reader.MayRepeat = old.MaxDemand + old.MaxInHand + (old.MayRepeat ?? 0);
    }

    private void CheckRepeated(ReaderEnd reader, Item item)
    {
        if (reader.MayRepeat is not { } most || item.Number >= reader.Begins.GetValueOrDefault(item.Writer)) return;

        World.Expect(most > 0, $"{reader} was given {item} again, and the one before had finished all before {reader.Begins[item.Writer]}");
        reader.MayRepeat = most - 1;
    }

    public override void OnGiven(ReaderEnd reader, long position, Item item)
    {
        CheckRepeated(reader, item);
        if (World.Faults > 0 || _isRebased)
        {
            // Positions of the reader's leg mean nothing any more to another lifetime's other reader; each writer's own do.
            _isRebased = true;
            long next = _next[item.Writer];
            bool isNext = reader.Next.TryGetValue(item.Writer, out long expected) ? item.Number == expected : item.Number <= next;
            World.Expect(isNext && item.Number <= next, $"{reader} was given {item}, but the next was {(reader.Next.TryGetValue(item.Writer, out expected) ? expected : next)}");
            reader.Next[item.Writer] = item.Number + 1;
            _next[item.Writer] = Math.Max(next, item.Number + 1);
            return;
        }

        reader.Next[item.Writer] = item.Number + 1;
        if (position < _given.Count)
        {
            World.Expect(_given[(int)position] == item, $"{reader} was given {item} again, but at {position} stood {_given[(int)position]}");
            return;
        }

        World.Expect(position == _given.Count, $"{reader} was given {item} at {position}, but only {_given.Count} were given before");
        World.Expect(item.Number == _next[item.Writer], $"{reader} was given {item}, but the next was {_next[item.Writer]}");
        _next[item.Writer]++;
        _given.Add(item);
    }

    public override void CheckBounds()
    {
        if (World.Producer.IsGone) return;
        var producer = World.Producer.Core;
        World.Expect(producer.IsOver || producer.Sent <= producer.Requested + (producer.End is null ? 0 : 1),
            $"the producer sent more than was asked for");

        var reader = World.Readers.Count == 0 ? null : World.Readers[^1];
        if (reader is { IsDead: false, Core.IsOver: false })
        {
            CheckDemand(reader);
            CheckResume(reader);
        }

        if (World.Scenario.BufferSize == 0 || World.Faults > 0) return;

        // What a former reader asked for was granted: its window, and one window that is given again, come on top until drained.
        long outstanding = _readerChanged || reader is { Core.IsOver: true } || reader is { IsDead: true }
            ? 2 * World.Scenario.MaxDemand + World.Scenario.MaxInHand + 1
            : reader?.Core.Outstanding ?? 0;
        long held = Puts - (reader?.Core.Given ?? 0);
        foreach (var writer in World.Writers)
        {
            // What a writer took with it into death is held by nobody.
            if (writer is { IsDead: true, Fate: not WriterFate.CompleteAndGo }) held -= writer.Core.Put - _next[writer.Index];
        }

        World.Expect(held <= World.Scenario.BufferSize + outstanding, $"{held} elements are held with {outstanding} asked for");
    }

    /// <summary>Should a named reader be lost now, and the producer with it, the writers elsewhere would give at most a window again, and the element in hand.</summary>
    private void CheckResume(ReaderEnd reader)
    {
        // A writer that does not hear is not waited for: not where messages are lost.
        bool isHeard = World.Scenario is { CutsMilliseconds: 0, Wires.Loss: 0 };
        if (!isHeard || !reader.Consumer.IsNamed || World.Faults > 0 || reader.Home != World.Producer.Process) return;

        long again = 0;
        foreach (var writer in World.Writers)
        {
            bool isElsewhere = writer is { IsDead: false, IsDone: false, Core.Outcome: null } && writer.Home != World.Producer.Process;
            if (isElsewhere && reader.Next.TryGetValue(writer.Index, out long next)) again += Math.Max(0, next - writer.Core.Finished);
        }

        World.Expect(again <= reader.MaxDemand + reader.MaxInHand, $"{again} elements would be given again, with a window of {reader.MaxDemand}");
    }

    protected override bool IsWhole(WriterEnd writer, ReaderEnd reader) => IsWhole(writer);

    protected override bool IsWhole(WriterEnd writer) => writer.Core.Put == _next[writer.Index];

    protected override void CheckOutcome(StreamEndReason end)
    {
        var last = World.Readers[^1];
        if (last.HasLeft || last.IsDead)
        {
            var expected = last.Fate switch
            {
                ReaderFate.Cancel or ReaderFate.CancelWithCause => StreamEndReason.Cancelled,
                _ => StreamEndReason.Abandoned,
            };

            // Who left first wins: a writer's failure that reached the producer before stands.
            World.Expect(end == expected || end == StreamEndReason.Failed, $"the stream ended as {end}, not {expected}");
            World.Expect(World.Writers.All(writer => writer.IsDead || writer.Core.Outcome!.Reason is var reason
                && (reason == end || reason == writer.Core.End?.Reason || reason is StreamEndReason.Completed or StreamEndReason.Failed)), $"a writer's outcome is not {end}");
            return;
        }

        World.Expect(end == WritersEnd && last.Core.End?.Reason == end, $"the stream ended as {end}, not {WritersEnd}");
        CheckWriters(last);
    }
}
