namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>Of a stream with several consumers.</summary>
internal abstract class FanLedger(World world) : Ledger(world)
{
    public override void CheckBounds()
    {
        foreach (var reader in World.Readers)
        {
            if (reader is { IsDead: false, Core.IsOver: false }) CheckDemand(reader);
        }

        if (World.Producer.IsGone) return;
        foreach (var one in World.Producer.Consumers)
        {
            var leg = one.Leg.Out;
            World.Expect(leg.Sent <= leg.Limit + (leg.IsEnded ? 1 : 0), $"'{one.Consumer}' was sent {leg.Sent} elements and had asked for {leg.Limit}");
        }
    }

    protected override void CheckOutcome(StreamEndReason end)
    {
        var stayed = World.Readers.Where(reader => reader is { IsDead: false, Fate: ReaderFate.Read } && !WasSentAway(reader)).ToArray();
        World.Expect(end == WritersEnd || (stayed.Length == 0 && end is StreamEndReason.Abandoned or StreamEndReason.Failed), $"the stream ended as {end}, not {WritersEnd}");
        foreach (var reader in stayed)
        {
            World.Expect(reader.Core.End?.Reason == WritersEnd, $"for {reader} the stream did not end as {WritersEnd}");
            CheckWriters(reader);
        }
    }

    protected bool WasSentAway(ReaderEnd reader) =>
        World.Scenario.Delivery.SlowConsumer == StreamSlowConsumer.Disconnect && reader.Core.End is { Reason: StreamEndReason.Abandoned };
}

/// <summary>Each consumer is given everything.</summary>
internal sealed class BroadcastLedger(World world) : FanLedger(world)
{
    private readonly Dictionary<string, Had> _had = [];
    private readonly Dictionary<ReaderEnd, Had> _hadBy = [];   // of one name there may be two, in the halves of a split

    public override void OnSubscribed(ReaderEnd reader, ReaderEnd? old)
    {
        // The other half may know it; nobody lives who did; or the producer went on without it before one that did was heard, and it is lost too.
        bool isNew = (old is not null && WasSentAway(old))
            || (reader.IsNewcomer && (World.WasSplit || old is { IsUnknown: true } or { IsDead: true, IsNews: true }));
        if (!isNew && _had.TryGetValue(reader.Consumer.Name, out var had)) had.Readers++;
        else _had[reader.Consumer.Name] = new Had([.. World.Writers.Select(writer => (writer.Index, writer.Core.Put))]);
        _hadBy[reader] = _had[reader.Consumer.Name];
    }

    /// <summary>One that comes over from the other half of a split brings what is not finished there.</summary>
    public override void OnRejoined(WriterEnd writer)
    {
        if (!World.WasSplit) return;

        foreach (var had in _hadBy.Values)
        {
            if (had.Next[writer.Index] < 0) had.Before[writer.Index] = Math.Max(had.Before[writer.Index], writer.Core.Finished);
        }
    }

    public override void OnGiven(ReaderEnd reader, long position, Item item)
    {
        var had = _hadBy[reader];
        long next = had.Next[item.Writer];
        bool isKnown = reader.Next.TryGetValue(item.Writer, out long expected);
        bool isNext;
        if (World.Scenario.Delivery.SlowConsumer == StreamSlowConsumer.DropOldest) isNext = item.Number >= expected;
        else if (isKnown) isNext = item.Number == expected;
        else isNext = item.Number <= (next >= 0 ? next : had.Before[item.Writer]);   // a new consumer begins somewhere in what was put before

        World.Expect(isNext, $"{reader} was given {item}, but expected {expected}, and the consumer had {next}, of {had.Before[item.Writer]} put before");
        reader.Next[item.Writer] = item.Number + 1;
        had.Next[item.Writer] = Math.Max(next, item.Number + 1);
    }

    public override void CheckBounds()
    {
        base.CheckBounds();
        bool areAllThere = World is { Faults: 0, Scenario: { BufferSize: > 0, Delivery.SlowConsumer: StreamSlowConsumer.Wait } }
            && _had.Count == World.Scenario.Consumers.Length && _had.Values.All(had => had is { WasFirst: true, Readers: 1 });
        if (!areAllThere || World.Readers.Any(reader => reader.IsDead || reader.Core.IsOver)) return;

        // Whoever has asked for least holds the writers up, but for what they had been granted for others before it came.
        long most = 0;
        foreach (var reader in World.Readers)
        {
            long held = Puts - reader.Core.Given;
            most = Math.Max(most, reader.MaxDemand);
            World.Expect(held <= World.Scenario.BufferSize + most || World.Writers.Any(writer => writer.IsDead), $"{held} elements are held for {reader}");
        }
    }

    protected override bool IsWhole(WriterEnd writer) => writer.Core.Put == 0 || World.Readers.Any(reader => IsWhole(writer, reader));

    protected override bool IsWhole(WriterEnd writer, ReaderEnd reader)
    {
        if (World.Scenario.Delivery.SlowConsumer == StreamSlowConsumer.DropOldest) return IsCounted(reader.Consumer.Name);

        var had = _hadBy[reader];
        long next = had.Next[writer.Index];
        if (World.WasSplit && next < 0 && writer.Core.Outcome is { Reason: StreamEndReason.Completed }) return true;   // read in the other half
        return writer.Core.Put == (next >= 0 ? next : had.Before[writer.Index]);
    }

    /// <summary>What was dropped for a consumer that was there from the start was counted.</summary>
    private bool IsCounted(string consumer)
    {
        var reader = World.Readers.Last(one => one.Consumer.Name == consumer);
        bool isPlain = World.Faults == 0 && _had[consumer] is { WasFirst: true, Readers: 1 } && reader.Core.End is { Reason: StreamEndReason.Completed };
        return !isPlain || reader.Core.Given + reader.Core.Dropped == Puts;
    }

    /// <summary>What a consumer has had.</summary>
    private sealed class Had((int Writer, long Put)[] before)
    {
        /// <summary>Per writer: what it had put when the consumer came, or the other way round.</summary>
        public long[] Before { get; } = [.. Enumerable.Range(0, 4).Select(writer => before.FirstOrDefault(one => one.Writer == writer).Put)];

        /// <summary>Per writer: the next one; −1 while it has had none.</summary>
        public long[] Next { get; } = [-1, -1, -1, -1];

        /// <summary>Nothing had been put when it came.</summary>
        public bool WasFirst => Array.TrueForAll(Before, put => put == 0);

        public int Readers { get; set; } = 1;
    }
}

/// <summary>Each element is given to one consumer; to another only if that one is gone.</summary>
internal sealed class BalancedLedger(World world) : FanLedger(world)
{
    private readonly Dictionary<(int Writer, long Number), List<(ReaderEnd Reader, long Position)>> _holders = [];

    public override void OnGiven(ReaderEnd reader, long position, Item item)
    {
        if (!_holders.TryGetValue((item.Writer, item.Number), out var holders)) _holders[(item.Writer, item.Number)] = holders = [];
        if (holders.Count > 0 && !World.WasSplit)
        {
            var before = holders[^1].Reader;
            bool isGone = before.IsDead || before.Core.IsOver || before.IsNews || IsOvertakenBlindly(before) || IsOvertakenBlindly(reader);
            World.Expect(isGone, $"{reader} was given {item}, which {before} has");
            bool saidSo = before is { IsDead: false, HasLeft: true } && !IsOvertakenBlindly(reader) && World is { Faults: 0, Scenario.CutsMilliseconds: 0 };
            World.Expect(!saidSo, $"{reader} was given {item}, which {before} finished before it left");
        }

        holders.Add((reader, position));
    }

    /// <summary>Its place was taken, and it was not asked: it reads on what it has.</summary>
    private static bool IsOvertakenBlindly(ReaderEnd reader) => reader.Fate == ReaderFate.BlindTakeover;

    protected override bool IsWhole(WriterEnd writer, ReaderEnd reader) => IsWhole(writer);

    /// <summary>One failure is not enough: the consumer was not heard of, and then the producer was lost, or nobody came to read the rest.</summary>
    protected override bool IsOvertaken => World.Scenario.Delivery.MostOvertaken < int.MaxValue
        && (World is { Faults: > 0 } or { Producer.Core.End.Reason: StreamEndReason.Abandoned })
        && (World.WasSplit || World.Scenario.Wires.Loss > 0 || World.Readers.Any(reader => reader.IsDead));

    /// <summary>Every element was given to somebody who did not die with it.</summary>
    protected override bool IsWhole(WriterEnd writer)
    {
        for (long number = 0; number < writer.Core.Put; number++)
        {
            bool isFinished = _holders.TryGetValue((writer.Index, number), out var holders) && holders.Exists(one => !one.Reader.IsDead || one.Position < one.Reader.Core.Finished);
            if (!isFinished) return false;
        }

        return true;
    }
}
