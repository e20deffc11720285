namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>What was put and what was given, and what has to be true of it.</summary>
internal sealed class Ledger(World world)
{
    private readonly List<Item> _given = [];
    private readonly long[] _next = new long[4];
    private long _puts;
    private bool _isRebased;
    private bool _readerChanged;

    public void OnPut() => _puts++;

    public void OnSubscribed(ReaderEnd reader, ReaderEnd? old)
    {
        if (old is null || world.Faults > 0) return;

        _readerChanged = true;
        long start = reader.Core.Given, before = old.Core.Given;
        bool isExact = old.Fate is ReaderFate.Detach or ReaderFate.Takeover;
        world.Expect(start <= before && start >= old.Core.Finished - old.MaxDemand - 1 && (!isExact || start == before),
            $"{reader} began at {start}, but the one before stood at {before}");
    }

    public void OnGiven(ReaderEnd reader, long position, Item item)
    {
        if (world.Faults > 0 || _isRebased)
        {
            // Positions of the reader's leg mean nothing any more to another lifetime's other reader; each writer's own do.
            _isRebased = true;
            long next = _next[item.Writer];
            bool isNext = reader.Next.TryGetValue(item.Writer, out long expected) ? item.Number == expected : item.Number <= next;
            world.Expect(isNext && item.Number <= next, $"{reader} was given {item}, but the next was {(reader.Next.TryGetValue(item.Writer, out expected) ? expected : next)}");
            reader.Next[item.Writer] = item.Number + 1;
            _next[item.Writer] = Math.Max(next, item.Number + 1);
            return;
        }

        reader.Next[item.Writer] = item.Number + 1;
        if (position < _given.Count)
        {
            world.Expect(_given[(int)position] == item, $"{reader} was given {item} again, but at {position} stood {_given[(int)position]}");
            return;
        }

        world.Expect(position == _given.Count, $"{reader} was given {item} at {position}, but only {_given.Count} were given before");
        world.Expect(item.Number == _next[item.Writer], $"{reader} was given {item}, but the next was {_next[item.Writer]}");
        _next[item.Writer]++;
        _given.Add(item);
    }

    /// <summary>A reader has come to the stream's end.</summary>
    public void OnEnded(ReaderEnd reader)
    {
        if (reader.Core.End is not { Reason: StreamEndReason.Completed }) return;
        foreach (var writer in world.Writers)
        {
            bool isAwaited = writer is { IsDead: false, IsAdmitted: true } && world is { WasSplit: false, WasDownForLong: false, Scenario.CutsMilliseconds: 0 };
            world.Expect((IsWhole(writer) && IsCompleting(writer)) || !(isAwaited || MustBeAccountedFor(writer, reader)), $"{reader} looks completed but was cut: {writer}");
        }
    }

    /// <summary>After each step: demand, backpressure, and nothing sent that was not asked for.</summary>
    public void CheckBounds()
    {
        if (world.Producer.IsGone) return;
        var producer = world.Producer.Core;
        world.Expect(producer.IsOver || producer.Sent <= producer.Requested + (producer.End is null ? 0 : 1),
            $"the producer sent more than was asked for");

        var reader = world.Readers.Count == 0 ? null : world.Readers[^1];
        if (reader is { IsDead: false, Core.IsOver: false })
        {
            world.Expect(reader.Core.Outstanding <= reader.MaxDemand, $"{reader} has {reader.Core.Outstanding} outstanding");
        }

        if (reader is { IsDead: false, Core.IsOver: false }) CheckResume(reader);
        if (world.Scenario.BufferSize == 0 || world.Faults > 0) return;

        // What a former reader asked for was granted: its window, and one window that is given again, come on top until drained.
        long outstanding = _readerChanged || reader is { Core.IsOver: true } || reader is { IsDead: true }
            ? 2 * world.Scenario.MaxDemand + 1
            : reader?.Core.Outstanding ?? 0;
        long held = _puts - (reader?.Core.Given ?? 0);
        foreach (var writer in world.Writers)
        {
            // What a writer took with it into death is held by nobody.
            if (writer is { IsDead: true, Fate: not WriterFate.CompleteAndGo }) held -= writer.Core.Put - _next[writer.Index];
        }

        world.Expect(held <= world.Scenario.BufferSize + outstanding, $"{held} elements are held with {outstanding} asked for");
    }

    /// <summary>Should a named reader be lost now, and the producer with it, the writers elsewhere would give at most a window again, and the element in hand.</summary>
    private void CheckResume(ReaderEnd reader)
    {
        // A writer that does not hear is not waited for: not where messages are lost.
        bool isHeard = world.Scenario is { CutsMilliseconds: 0, Wires.Loss: 0 };
        if (!isHeard || !world.Scenario.IsNamed || world.Faults > 0 || reader.Home != world.Producer.Process) return;

        long again = 0;
        foreach (var writer in world.Writers)
        {
            bool isElsewhere = writer is { IsDead: false, IsDone: false, Core.Outcome: null } && writer.Home != world.Producer.Process;
            if (isElsewhere && reader.Next.TryGetValue(writer.Index, out long next)) again += Math.Max(0, next - writer.Core.Finished);
        }

        world.Expect(again <= reader.MaxDemand + 1, $"{again} elements would be given again, with a window of {reader.MaxDemand}");
    }

    /// <summary>At rest: everybody knows how it ended, what they know is true, and nothing is left behind.</summary>
    public void CheckRest()
    {
        foreach (var one in world.Producers)
        {
            world.Expect(one.IsGone || (one.Core is { IsOver: true, IsForgotten: true, End: not null } && one.Core.NextDeadline == TimeSpan.MaxValue), $"{one} does not rest");
        }

        foreach (var writer in world.Writers)
        {
            world.Expect(writer.IsDone && (writer.IsDead || writer.Core.NextDeadline == TimeSpan.MaxValue), $"{writer} does not rest");
            bool isWhole = IsWhole(writer);
            if (writer.Core.Outcome is { Reason: StreamEndReason.Completed })
            {
                world.Expect(isWhole && IsCompleting(writer), $"{writer} looks completed but was cut");
            }
        }

        foreach (var reader in world.Readers)
        {
            world.Expect(reader.IsDone && (reader.IsDead || reader.Core.NextDeadline == TimeSpan.MaxValue), $"{reader} does not rest");
        }

        if (world.Faults == 0) CheckOutcome(world.Producer.Core.End!.Reason);
        else CheckOutcomeAfterFaults();
    }

    private bool IsWhole(WriterEnd writer) => writer.Core.Put == _next[writer.Index];

    private static bool IsCompleting(WriterEnd writer) => writer.Fate is WriterFate.Complete or WriterFate.CompleteAndGo;

    /// <summary>A rebuilt producer misses a writer that does not come, if any end that lived knew of it.</summary>
    /// <remarks>Of two that live beside each other, neither knows who only the other one reaches, unless it was told.</remarks>
    private bool MustBeAccountedFor(WriterEnd writer, ReaderEnd reader) => writer.IsAdmitted
        && (world.WasSplit ? reader.Producer.Told.Contains(writer.Core.Writer) : !writer.IsUnknown);

    private void CheckOutcomeAfterFaults()
    {
        foreach (var reason in world.Writers.Select(writer => writer.Core.Outcome).Concat(world.Readers.Select(reader => reader.Core.End)).Select(end => end?.Reason))
        {
            world.Expect(reason is not (StreamEndReason.ProtocolViolation or StreamEndReason.Occupied), $"an end ended as {reason}");
        }

        // Whatever was lost between them: ends that live, and were not kept waiting for longer than a lease, come through.
        bool allLive = world.Writers.All(writer => writer is { IsDead: false, IsUnknown: false, Fate: WriterFate.Complete })
            && world.Readers is [{ IsDead: false, Fate: ReaderFate.Read }] && world is { WasDownForLong: false, WasSplit: false, WasUnheard: false };
        if (!allLive || world.Writers.Count == 0) return;

        var reader = world.Readers[0];
        world.Expect(reader.Core.End?.Reason == StreamEndReason.Completed, $"all ends live, but the stream ended as {reader.Core.End}");
        foreach (var writer in world.Writers)
        {
            // What was lost after the reader came to the end may be the word that it did.
            bool isTold = world.LastFaultAt < reader.EndedAt;
            world.Expect(!isTold || writer.Core.Outcome?.Reason == StreamEndReason.Completed, $"{writer} should have completed");
        }
    }

    private void CheckOutcome(StreamEndReason end)
    {
        var last = world.Readers[^1];
        if (last.HasLeft || last.IsDead)
        {
            var expected = last.Fate switch
            {
                ReaderFate.Cancel or ReaderFate.CancelWithCause => StreamEndReason.Cancelled,
                _ => StreamEndReason.Abandoned,
            };

            // Who left first wins: a writer's failure that reached the producer before stands.
            world.Expect(end == expected || end == StreamEndReason.Failed, $"the stream ended as {end}, not {expected}");
            world.Expect(world.Writers.All(writer => writer.IsDead || writer.Core.Outcome!.Reason is var reason
                && (reason == end || reason == writer.Core.End?.Reason || reason is StreamEndReason.Completed or StreamEndReason.Failed)), $"a writer's outcome is not {end}");
            return;
        }

        bool isFailed = world.Writers.Any(writer => writer.Fate == WriterFate.Fail && writer.Core.End is not null);
        bool isCut = world.Writers.Any(writer => writer.Fate is WriterFate.Abandon or WriterFate.Vanish);
        var reasoned = isFailed ? StreamEndReason.Failed : isCut ? StreamEndReason.Abandoned : StreamEndReason.Completed;
        world.Expect(end == reasoned && last.Core.End?.Reason == reasoned, $"the stream ended as {end}, not {reasoned}");

        foreach (var writer in world.Writers)
        {
            // A failure follows its own writer's elements; what others had on the way is lost with the stream.
            bool mustBeWhole = !isFailed && writer.Fate != WriterFate.Vanish;
            world.Expect(!mustBeWhole || IsWhole(writer), $"{writer} lost elements");
            if (isFailed || writer.IsDead) continue;

            var outcome = IsCompleting(writer) ? StreamEndReason.Completed : StreamEndReason.Abandoned;
            world.Expect(writer.Core.Outcome!.Reason == outcome, $"{writer} should have ended as {outcome}");
        }

        var failing = world.Writers.Where(writer => writer.Fate == WriterFate.Fail && writer.Core.End is not null).ToArray();
        world.Expect(failing.Length == 0 || failing.Any(IsWhole), $"the failure did not follow its writer's elements");
    }
}
