namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>What was put and what was given, and what has to be true of it.</summary>
internal abstract class Ledger(World world)
{
    protected World World => world;

    protected long Puts { get; private set; }

    public void OnPut() => Puts++;

    public virtual void OnSubscribed(ReaderEnd reader, ReaderEnd? old)
    {
    }

    /// <summary>A reader comes after another one.</summary>
    /// <param name="reader">The reader.</param>
    /// <param name="old">The one before it, if there was one.</param>
    /// <param name="isTheirs">The one before spoke to the producer that there was, and that lives on.</param>
    public virtual void OnResumed(ReaderEnd reader, ReaderEnd? old, bool isTheirs)
    {
    }

    public virtual void OnRejoined(WriterEnd writer)
    {
    }

    public abstract void OnGiven(ReaderEnd reader, long position, Item item);

    /// <summary>After each step: demand, backpressure, and nothing sent that was not asked for.</summary>
    public abstract void CheckBounds();

    /// <summary>A reader has come to the stream's end.</summary>
    public void OnEnded(ReaderEnd reader)
    {
        if (reader.Core.End is not { Reason: StreamEndReason.Completed }) return;
        foreach (var writer in world.Writers)
        {
            bool isAwaited = writer is { IsDead: false, IsAdmitted: true } && world is { WasSplit: false, WasDownForLong: false, Scenario.CutsMilliseconds: 0 };
            world.Expect((IsWhole(writer, reader) && IsCompleting(writer)) || !(isAwaited || MustBeAccountedFor(writer, reader)), $"{reader} looks completed but was cut: {writer}");
        }
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
            if (writer.Core.Outcome is { Reason: StreamEndReason.Completed })
            {
                world.Expect((IsWhole(writer) || IsOvertaken) && IsCompleting(writer), $"{writer} looks completed but was cut");
            }
        }

        foreach (var reader in world.Readers)
        {
            world.Expect(reader.IsDone && (reader.IsDead || reader.Core.NextDeadline == TimeSpan.MaxValue), $"{reader} does not rest");
        }

        if (world.Faults == 0) CheckOutcome(world.Producer.Core.End!.Reason);
        else CheckOutcomeAfterFaults();
    }

    protected abstract void CheckOutcome(StreamEndReason end);

    protected void CheckDemand(ReaderEnd reader) =>
        World.Expect(reader.Core.Outstanding <= reader.MaxDemand, $"{reader} has {reader.Core.Outstanding} outstanding");

    /// <summary>The consumer has had all that the writer put.</summary>
    protected abstract bool IsWhole(WriterEnd writer, ReaderEnd reader);

    /// <summary>Writers may have been told that what a consumer held is finished, which was then lost together with the producer.</summary>
    protected virtual bool IsOvertaken => false;

    /// <summary>The consumers have had all that the writer put.</summary>
    protected abstract bool IsWhole(WriterEnd writer);

    protected static bool IsCompleting(WriterEnd writer) => writer.Fate is WriterFate.Complete or WriterFate.CompleteAndGo;

    /// <summary>How the writers end the stream, if nobody else does.</summary>
    protected StreamEndReason WritersEnd
    {
        get
        {
            if (world.Writers.Any(writer => writer.Fate == WriterFate.Fail && writer.Core.End is not null)) return StreamEndReason.Failed;
            bool isCut = world.Writers.Any(writer => writer.Fate is WriterFate.Abandon or WriterFate.Vanish);
            return isCut ? StreamEndReason.Abandoned : StreamEndReason.Completed;
        }
    }

    /// <summary>Without faults and with a reader that stays: the writers know what they should, and that has all it should.</summary>
    protected void CheckWriters(ReaderEnd reader)
    {
        bool isFailed = WritersEnd == StreamEndReason.Failed;
        foreach (var writer in world.Writers)
        {
            // A failure follows its own writer's elements; what others had on the way is lost with the stream.
            bool mustBeWhole = !isFailed && writer.Fate != WriterFate.Vanish;
            world.Expect(!mustBeWhole || IsWhole(writer, reader), $"{writer} lost elements on the way to {reader}");
            if (isFailed || writer.IsDead) continue;

            var outcome = IsCompleting(writer) ? StreamEndReason.Completed : StreamEndReason.Abandoned;
            world.Expect(writer.Core.Outcome!.Reason == outcome, $"{writer} should have ended as {outcome}");
        }

        var failing = world.Writers.Where(writer => writer.Fate == WriterFate.Fail && writer.Core.End is not null).ToArray();
        world.Expect(failing.Length == 0 || failing.Any(writer => IsWhole(writer, reader)), $"the failure did not follow its writer's elements to {reader}");
    }

    /// <summary>A rebuilt producer misses a writer that does not come, if any end that lived knew of it.</summary>
    /// <remarks>Of two that live beside each other, neither knows who only the other one reaches, unless it was told.</remarks>
    private bool MustBeAccountedFor(WriterEnd writer, ReaderEnd reader) => writer.IsAdmitted
        && (world.WasSplit ? reader.EndedBy.Told.Contains(writer.Core.Writer) : !writer.IsUnknown);

    private void CheckOutcomeAfterFaults()
    {
        foreach (var reason in world.Writers.Select(writer => writer.Core.Outcome).Concat(world.Readers.Select(reader => reader.Core.End)).Select(end => end?.Reason))
        {
            world.Expect(reason is not (StreamEndReason.ProtocolViolation or StreamEndReason.Occupied), $"an end ended as {reason}");
        }

        // Whatever was lost between them: ends that live, and were not kept waiting for longer than a lease, come through.
        bool allLive = world.Writers.All(writer => writer is { IsDead: false, IsUnknown: false, Fate: WriterFate.Complete })
            && world.Readers.Count > 0 && world.Readers.All(reader => reader is { IsDead: false, Fate: ReaderFate.Read } && !(reader.IsUnknown && world.Scenario.Delivery.Delivery != StreamDelivery.Single))
            && world is { WasDownForLong: false, WasSplit: false, WasUnheard: false, Scenario.Delivery.SlowConsumer: not StreamSlowConsumer.Disconnect };
        if (!allLive || world.Writers.Count == 0) return;

        foreach (var reader in world.Readers)
        {
            world.Expect(reader.Core.End?.Reason == StreamEndReason.Completed, $"all ends live, but for {reader} the stream ended as {reader.Core.End}");
        }

        foreach (var writer in world.Writers)
        {
            // What was lost after a reader came to the end may be the word that it did.
            bool isTold = world.Readers.All(reader => world.LastFaultAt < reader.EndedAt);
            world.Expect(!isTold || writer.Core.Outcome?.Reason == StreamEndReason.Completed, $"{writer} should have completed");
        }
    }
}
