namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class LeaseTests
{
    [Fact, Trait("Rule", "P-10")]
    public void Writer_Unanswered_StopsByItselfAfterOneLease()
    {
        var writer = Make.Writer();
        writer.OnTick(Make.At(59));
        Assert.Null(writer.Outcome);

        Assert.True(writer.OnTick(Make.At(60)));
        Assert.Equal(StreamEndReason.Abandoned, writer.Outcome?.Reason);
        Assert.Equal(TimeSpan.MaxValue, writer.NextDeadline);
    }

    [Fact, Trait("Rule", "P-10")]
    public void Reader_Unanswered_StopsByItselfAfterOneLeaseAndNeverConfirmsWhatItDropped()
    {
        var reader = Make.Reader(4);
        reader.TryTakeDemand(Make.Start, out _);
        reader.OnFrame(Make.Frame(0, 1, 2, 3), Make.Start, out _);
        reader.TryTake(out _);
        reader.OnTick(Make.At(60));

        Assert.Equal(StreamEndReason.Abandoned, reader.End?.Reason);
        reader.Finish();
        Assert.Equal(1, reader.Current.Confirmed);   // it answers a late frame with it
    }

    [Fact, Trait("Rule", "P-10")]
    public void Writer_ThatIsOnlyToldThings_StillRenews()
    {
        // Confirmation after confirmation comes in; that the producer speaks does not tell the producer that the writer lives.
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 100), Make.Start, out _);
        for (int i = 0; i < 100; i++) writer.TryPut(i);
        writer.Frames();
        int spoke = 0;
        for (int second = 1; second <= 100; second++)
        {
            writer.OnDemand(Make.Demand(100, 100, confirmed: second), Make.At(second), out _);
            writer.OnTick(Make.At(second));
            spoke += writer.Frames(Make.At(second)).Count;
        }

        Assert.InRange(spoke, 4, 6);
    }

    [Fact, Trait("Rule", "P-10")]
    public void Writer_NotHeardOf_IsLostWithinTwoLeasesAndTheStreamIsAbandoned()
    {
        var producer = Make.ProducerHolding(1);
        TickUntil(producer, 104);
        Assert.Null(producer.End);
        TickUntil(producer, 120, reader: true);

        Assert.Equal(StreamEndReason.Abandoned, producer.End?.Reason);
        Assert.False(producer.IsOver);   // the reader still gets what is there
    }

    [Fact, Trait("Rule", "P-10")]
    public void Producer_OnWhichNothingHappens_LooksWhenTheFirstMayBeLost()
    {
        // Many idle streams are to cost next to nothing.
        var producer = Make.ProducerHolding(1);
        producer.OnDemand(Make.Demand(0, 0), Make.At(10), out _);
        producer.OnTick(Make.At(15));
        Assert.Equal(Make.Start + 1.75 * Make.Timings.Lease, producer.NextDeadline);

        producer.OnFrame(new Frame<int>(Make.Key, 1, [], Number: 2), Make.At(100), out _);
        producer.OnDemand(Make.Demand(0, 0), Make.At(90), out _);
        producer.OnTick(Make.At(105));
        Assert.Null(producer.End);
        Assert.Equal(Make.At(90) + 1.75 * Make.Timings.Lease, producer.NextDeadline);
    }

    [Fact, Trait("Rule", "P-10")]
    public void Writer_NeverHeardOf_IsLostLikeAnyOther()
    {
        // It may have put elements of which none arrived.
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        TickUntil(producer, 104);
        Assert.Null(producer.End);
        TickUntil(producer, 120);

        Assert.Equal(0, producer.Writers);
        Assert.Equal(StreamEndReason.Abandoned, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-10")]
    public void Writer_ThatGivesUp_IsLostAtOnce()
    {
        var producer = Make.ProducerHolding(1);
        producer.OnFrame(Make.Frame(1) with { Batches = [], Leaving = true }, Make.Start, out _);

        Assert.Equal(StreamEndReason.Abandoned, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-10")]
    public void Writer_ThatEndedAndIsNotHeardOf_HasLeftWhatItPutHere()
    {
        // It was killed: a producer that gives up its place has to find an heir for what only it holds.
        var producer = Make.ProducerHolding(1, 2);
        producer.OnFrame(Make.End(2, StreamEnd.Completed), Make.Start, out _);
        TickUntil(producer, 104, reader: true);
        Assert.False(producer.IsAbsent(1));
        TickUntil(producer, 120, reader: true);

        Assert.True(producer.IsAbsent(1));
        Assert.Equal([1, 2], producer.LegacyOf(1)!.Elements);
        producer.OnDemand(Make.Demand(0, 2), Make.At(120), out _);
        Assert.Equal([1, 2], producer.Send());
        producer.OnDemand(Make.Demand(3, 3), Make.At(120), out _);
        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
        Assert.Equal(0, producer.Writers);
    }

    [Theory, Trait("Rule", "P-10")]
    [InlineData(true)]
    [InlineData(false)]
    public void Reader_NotHeardOf_KeepsANamedStreamAndEndsAnAnonymousOne(bool isNamed)
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        producer.Subscribe("consumer", isNamed, position: null, Make.Start);
        for (double at = 0; at <= 120; at += 15)
        {
            producer.OnFrame(new Frame<int>(Make.Key, 1, []), Make.At(at), out _);
            producer.OnTick(Make.At(at));
        }

        Assert.False(producer.IsReaderAttached);
        Assert.Equal(isNamed, !producer.IsOver);
        Assert.Equal(isNamed ? null : StreamEndReason.Abandoned, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-10")]
    public void Reader_SlowButAlive_KeepsItsLease()
    {
        var line = new Line(bufferSize: 4, initialDemand: 2);
        for (int i = 0; i < 4; i++) line.Writer.TryPut(i);
        line.Pump();
        line.Reader.TryTake(out _);
        while (line.Now < Make.At(600)) line.Tick();

        Assert.Null(line.Producer.End);
        Assert.Null(line.Writer.Outcome);
        Assert.True(line.Reader.TryTake(out _));
    }

    [Fact, Trait("Rule", "P-10")]
    public void Stream_WithoutReader_IsAbandonedAfterTheSubscriptionTimeout()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        for (double at = 0; at < 300; at += 15)
        {
            producer.OnFrame(new Frame<int>(Make.Key, 1, []), Make.At(at), out _);
            producer.OnTick(Make.At(at));
        }

        Assert.False(producer.IsOver);
        producer.OnTick(Make.At(300));
        Assert.True(producer.IsOver);
        Assert.True(producer.TryTakeDemandFor(1, out var told));
        Assert.Equal(StreamEndReason.Abandoned, told.End?.Reason);
    }

    private static void TickUntil(ProducerCore<int> producer, double until, bool reader = false)
    {
        for (double at = 0; at <= until; at += 5)
        {
            if (reader || at < 90) producer.OnDemand(Make.Demand(0, 1), Make.At(at), out _);
            producer.OnTick(Make.At(at));
        }
    }

    /// <summary>A process that was paused handles what came meanwhile before its timers fire.</summary>
    [Fact, Trait("Rule", "P-10")]
    public void WhatComesAfterTheLease_RevivesNobody()
    {
        var late = Make.Start + Make.Timings.Lease;
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 4), Make.Start, out _);
        Assert.Equal(late, writer.LeaseEnd);
        Assert.Equal(Verdict.Duplicate, writer.OnDemand(Make.Demand(0, 8), late, out _));
        Assert.Equal(StreamEndReason.Abandoned, writer.Outcome?.Reason);
        Assert.False(writer.TryPut(1));

        var reader = Make.Reader(4);
        reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _);
        Assert.Equal(late, reader.LeaseEnd);
        Assert.Equal(Verdict.Duplicate, reader.OnFrame(Make.Frame(2, 3), late, out _));
        Assert.Equal(StreamEndReason.Abandoned, reader.End?.Reason);
        Assert.Empty(reader.TakeAll());

        reader = Make.Reader(4);
        reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _);
        reader.OnAnswered(Make.Demand(0, 4), late);
        Assert.Equal(StreamEndReason.Abandoned, reader.End?.Reason);
        Assert.Empty(reader.TakeAll());
    }

    [Fact, Trait("Rule", "P-10")]
    public void JustBeforeTheLeaseIsOver_EveryWordRenewsIt()
    {
        var almost = Make.Start + Make.Timings.Lease - TimeSpan.FromTicks(1);
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 4), almost, out _);
        Assert.Equal(almost + Make.Timings.Lease, writer.LeaseEnd);
        Assert.True(writer.TryPut(1));

        var reader = Make.Reader(4);
        reader.OnFrame(Make.Frame(0, 1, 2), almost, out _);
        Assert.Equal(almost + Make.Timings.Lease, reader.LeaseEnd);
        Assert.Equal([1, 2], reader.TakeAll());
    }
}
