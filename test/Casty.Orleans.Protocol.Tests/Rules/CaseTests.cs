using Casty.Orleans.Protocol.Tests.Simulation;

namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>Cases that other systems of the kind test, by their numbers in our list.</summary>
public sealed class CaseTests
{
    [Fact, Trait("Rule", "P-13")]
    public void Case05_CompletionWaitsForDrain_ItemsFirstThenTheEnd()
    {
        var line = new Line(bufferSize: 16, initialDemand: 1);
        for (int i = 1; i <= 3; i++) line.Writer.TryPut(10 * i);
        line.Writer.TryEnd(StreamEnd.Completed);
        line.Pump();
        Assert.Equal(1, line.Producer.Sent);

        var read = new List<int>();
        for (int i = 0; i < 3; i++)
        {
            Assert.Null(line.Reader.End);
            Assert.Null(line.Writer.Outcome);
            Assert.True(line.Reader.TryTake(out int element));
            read.Add(element);
            line.Pump();
        }

        Assert.Equal([10, 20, 30], read);
        Assert.Equal(StreamEnd.Completed, line.Reader.End);
    }

    [Fact, Trait("Rule", "P-07")]
    public void Case06_ZeroDemandBuffers_DeliversWhatIsAskedFor()
    {
        var producer = Make.ProducerHolding(1, 2, 3, 4, 5);
        producer.OnDemand(Make.Demand(0, 0), Make.Start, out _);
        Assert.Empty(producer.Send());

        producer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        Assert.Equal([1, 2], producer.Send());
        producer.OnDemand(Make.Demand(2, 5), Make.Start, out _);
        Assert.Equal([3, 4, 5], producer.Send());
    }

    [Fact, Trait("Rule", "P-05")]
    public void Case45_LostElementResent_DeliveredOnce()
    {
        var producer = Make.ProducerHolding(1, 2, 3, 4, 5);
        var reader = Make.Reader(8);
        reader.TryTakeDemand(Make.Start, out var demand);
        producer.OnDemand(demand, Make.Start, out _);
        var frames = new List<Frame<int>>();
        while (producer.TryTakeFrame(1, long.MaxValue, Make.Start, out var frame)) frames.Add(frame);
        foreach (int arrives in new[] { 0, 1, 4 }) reader.OnFrame(frames[arrives], Make.Start, out _);
        producer.OnDemand(reader.Current, Make.Start, out _);
        Assert.Equal([1, 2], reader.TakeAll());

        Assert.True(producer.OnTick(Make.At(1)));
        Assert.True(producer.TryTakeFrame(16, long.MaxValue, Make.At(1), out var again));
        Assert.Equal([3, 4, 5], Make.Elements(again));
        reader.OnFrame(again, Make.At(1), out _);
        Assert.Equal([3, 4, 5], reader.TakeAll());
    }

    [Fact, Trait("Rule", "P-04")]
    public void Case46_DuplicateDropped_DeliveredOnce()
    {
        var reader = Make.Reader(8);
        Assert.Equal(Verdict.Accepted, reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _));
        Assert.Equal(Verdict.Duplicate, reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _));

        Assert.Equal([1, 2], reader.TakeAll());
        Assert.Equal(Verdict.Duplicate, reader.OnFrame(Make.Frame(0, 1), Make.Start, out _));
        Assert.Empty(reader.TakeAll());
    }

    [Theory, Trait("Rule", "P-04")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Case47_ReorderedRepaired_OrderedOutput(int seed)
    {
        var reader = Make.Reader(64);
        int[] order = [.. Enumerable.Range(0, 32)];
        new Random(seed).Shuffle(order);
        foreach (int first in order) reader.OnFrame(Make.Frame(2 * first, 2 * first, 2 * first + 1), Make.Start, out _);

        Assert.Equal(Enumerable.Range(0, 64), reader.TakeAll());
    }

    [Fact, Trait("Rule", "P-05")]
    public void Case48_LostDemandRedelivered_FlowResumesAndTheWaitGrows()
    {
        var reader = Make.Reader(4);
        Assert.True(reader.TryTakeDemand(Make.Start, out var first));
        Assert.False(reader.TryTake(out _));
        var waits = new List<double>();
        for (var at = Make.Start; waits.Count < 4;)
        {
            waits.Add((reader.NextDeadline - at).TotalSeconds);
            at = reader.NextDeadline;
            reader.OnTick(at);
            Assert.True(reader.TryTakeDemand(at, out var again));
            Assert.Equal(first, again);
        }

        Assert.Equal([1, 2, 4, 5], waits);
    }

    [Theory, Trait("Rule", "P-05")]
    [InlineData(0.1)]
    [InlineData(0.2)]
    [InlineData(0.3)]
    public void Case50_FlakyNetwork_AllDeliveredExactly(double loss)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            World.Run(seed, _ => new Scenario(DeliveryPlan.Single, 16, null, 4, 1 << 20, new WireQuality(loss, 0.1, 0.02, 50), 0,
                [new WriterPlan(63, 1, 5, 0, 0, WriterFate.Complete, Home: 1)],
                [new ConsumerPlan("consumer", false, 0, [new ReaderPlan(ReaderFate.Read, 0, 0, 4, 64, Home: 2)])], []));
        }
    }

    [Fact, Trait("Rule", "P-05")]
    public void Case51_FlakyDemand_FinishesInOrderWithoutAStall()
    {
        var line = new Line(bufferSize: 4, initialDemand: 2);
        int said = 0;
        line.DropsDemand = _ => ++said % 3 != 0;
        var read = new List<int>();
        for (int put = 0; read.Count < 40;)
        {
            while (put < 40 && line.Writer.TryPut(put)) put++;
            line.Pump();
            if (line.Reader.TryTake(out int element)) read.Add(element);
            else line.Tick();
        }

        Assert.Equal(Enumerable.Range(0, 40), read);
        Assert.True(line.Now - Make.Start < TimeSpan.FromMinutes(10));
    }

    [Fact, Trait("Rule", "P-11")]
    public void Case61_ReactiveRules_CancelIsIdempotent()
    {
        var line = new Line(bufferSize: 4, initialDemand: 2);
        Assert.True(line.Reader.TryLeave(Leave.Cancel));
        Assert.False(line.Reader.TryLeave(Leave.Cancel));
        Assert.False(line.Reader.TryLeave(Leave.Detach));
        line.Pump();

        Assert.Equal(Verdict.Stale, line.Producer.OnDemand(line.Reader.Current, line.Now, out _));
        Assert.Equal(StreamEndReason.Cancelled, line.Producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-11")]
    public void Case61_ReactiveRules_NothingIsGivenAndNothingHeldAfterCancel()
    {
        var reader = new ReaderCore<object>(Make.Key, 1, 0, 8, 8, Make.Timings, Make.Start);
        var (waiting, early) = Hold(reader);
        reader.TryLeave(Leave.Cancel);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        Assert.False(reader.TryTake(out _));
        Assert.False(waiting.IsAlive);
        Assert.False(early.IsAlive);
        GC.KeepAlive(reader);
    }

    [Fact, Trait("Rule", "P-14")]
    public void Case61_ReactiveRules_DemandSaturatesAndNeverRecurses()
    {
        var producer = Make.Producer(bufferSize: 0);
        producer.Attach(Make.Start);
        producer.Subscribe("consumer", false, null, Make.Start);
        Assert.NotEqual(Verdict.Violation, producer.OnDemand(Make.Demand(0, long.MaxValue), Make.Start, out _));
        Assert.NotEqual(Verdict.Violation, producer.OnDemand(Make.Demand(0, long.MaxValue), Make.Start, out _));
        for (int i = 0; i < 100_000; i++) producer.OnFrame(Make.Frame(i, i), Make.Start, out _);

        Assert.Equal(100_000, producer.Send().Length);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static (WeakReference Waiting, WeakReference Early) Hold(ReaderCore<object> reader)
    {
        object waiting = new(), early = new();
        reader.OnFrame(new Frame<object>(Make.Key, 1, [new Batch<object>(0, 1, 0, new[] { waiting })]), Make.Start, out _);
        reader.OnFrame(new Frame<object>(Make.Key, 1, [new Batch<object>(3, 1, 3, new[] { early })]), Make.Start, out _);
        return (new WeakReference(waiting), new WeakReference(early));
    }
}
