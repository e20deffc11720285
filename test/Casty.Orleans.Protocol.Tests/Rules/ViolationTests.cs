namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class ViolationTests
{
    [Fact, Trait("Rule", "P-12"), Trait("Case", "62")]
    public void Case62_OverCreditRejected_OnlyThatStreamEnds()
    {
        var producer = Make.Producer(bufferSize: 2);
        var other = Make.Producer(bufferSize: 2);
        producer.Attach(Make.Start);
        other.Attach(Make.Start);

        Assert.Equal(Verdict.Violation, producer.OnFrame(Make.Frame(0, 1, 2, 3), Make.Start, out string? violation));
        Assert.Contains("2", violation, StringComparison.Ordinal);
        Assert.Equal(StreamEndReason.ProtocolViolation, producer.End?.Reason);
        Assert.Equal(0, producer.Next);
        Assert.Equal(Verdict.Accepted, other.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _));
    }

    [Fact, Trait("Rule", "P-12"), Trait("Case", "62")]
    public void Case62_OverDemandRejected_ReaderRefuses()
    {
        var reader = Make.Reader(2);

        Assert.Equal(Verdict.Violation, reader.OnFrame(Make.Frame(0, 1, 2, 3), Make.Start, out _));
        Assert.Equal(0, reader.Waiting);
    }

    [Theory, Trait("Rule", "P-12")]
    [InlineData(3, 0, 4)]
    [InlineData(2, 3, 4)]
    [InlineData(2, 2, 1)]
    [InlineData(0, -1, 4)]
    [InlineData(long.MaxValue, 0, 4)]
    [InlineData(long.MaxValue, long.MaxValue, long.MaxValue)]
    [InlineData(-5, -5, -5)]
    public void Demand_ThatConfirmsWhatWasNeverSentOrContradictsItself_EndsTheStreamAtOnce(long received, long confirmed, long limit)
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        producer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        producer.Send();

        Assert.Equal(Verdict.Violation, producer.OnDemand(Make.Demand(received, limit, confirmed), Make.Start, out string? violation));
        Assert.NotNull(violation);
        Assert.True(producer.IsOver);
        Assert.Equal(StreamEndReason.ProtocolViolation, producer.AnswerStale(Make.Demand(0, 2)).Reason);
    }

    [Theory, Trait("Rule", "P-12")]
    [InlineData(2, 0)]
    [InlineData(1, 2)]
    [InlineData(1, -1)]
    [InlineData(long.MaxValue, 1)]
    public void Credit_ThatConfirmsWhatWasNeverSent_IsAViolation(long received, long confirmed)
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 4), Make.Start, out _);
        writer.TryPut(1);
        writer.Frames();

        Assert.Equal(Verdict.Violation, writer.OnDemand(Make.Demand(received, 4, confirmed), Make.Start, out _));
    }

    [Theory, Trait("Rule", "P-12")]
    [InlineData(StreamEndReason.None)]
    [InlineData(StreamEndReason.Completed)]
    public void Writer_ToldOfSuccessItHasNotHad_IsAViolation(StreamEndReason reason)
    {
        var writer = Make.Writer();

        Assert.Equal(Verdict.Violation, writer.OnDemand(Make.Demand(0, 4) with { End = new StreamEnd(reason) }, Make.Start, out _));
        Assert.Null(writer.Outcome);
    }

    [Theory, Trait("Rule", "P-12")]
    [InlineData(StreamEndReason.None)]
    [InlineData(StreamEndReason.Cancelled)]
    [InlineData(StreamEndReason.Superseded)]
    [InlineData((StreamEndReason)99)]
    public void Writer_ThatEndsInAWayNoWriterCan_IsAViolation(StreamEndReason reason)
    {
        var producer = Make.ProducerHolding(1);

        Assert.Equal(Verdict.Violation, producer.OnFrame(Make.End(1, new StreamEnd(reason)), Make.Start, out _));
        Assert.Equal(StreamEndReason.ProtocolViolation, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-12")]
    public void Batch_InAnotherWritersName_IsAViolation()
    {
        var producer = Make.ProducerHolding(1);

        Assert.Equal(Verdict.Violation, producer.OnFrame(new Frame<int>(Make.Key, 1, [new Batch<int>(1, 2, 1, new int[1])]), Make.Start, out _));
        var next = Make.ProducerHolding(1);
        Assert.Equal(Verdict.Violation, next.OnFrame(new Frame<int>(Make.Key, 1, [new Batch<int>(1, 1, 9, new int[1])]), Make.Start, out _));
    }

    [Fact, Trait("Rule", "P-12")]
    public void Frame_HalfGoodHalfBad_LeavesTheProducerSound()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        producer.Attach(Make.Start);
        producer.Subscribe("consumer", true, null, Make.Start);
        producer.OnFrame(Make.End(0, StreamEnd.Completed, peer: 2), Make.Start, out _);

        var bad = new Frame<int>(Make.Key, 1, [Make.Batch(0, 1), Make.Batch(-4, 1)]);
        Assert.Equal(Verdict.Violation, producer.OnFrame(bad, Make.Start, out _));
        Assert.Equal(Verdict.Duplicate, producer.OnFrame(Make.End(0, StreamEnd.Completed, peer: 2), Make.Start, out _));
        Assert.Equal(0, producer.Next);
    }

    [Fact, Trait("Rule", "P-12")]
    public void Frame_ThatCompletesAStashedEndAndThenViolates_LeavesTheProducerSound()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        producer.OnFrame(Make.End(1, StreamEnd.Completed), Make.Start, out _);

        var bad = new Frame<int>(Make.Key, 1, [Make.Batch(0, 1), Make.Batch(1, 2)]);
        Assert.Equal(Verdict.Violation, producer.OnFrame(bad, Make.Start, out _));
        Assert.Equal(StreamEndReason.ProtocolViolation, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-12")]
    public void Frame_WithAbsurdNumbersThatDecideNothing_IsHarmless()
    {
        var producer = Make.Producer(bufferSize: 2);
        producer.Attach(Make.Start);
        producer.Attach(Make.Start);
        foreach (long absurd in new[] { long.MaxValue, long.MinValue, -1 })
        {
            var frame = new Frame<int>(Make.Key, 1, null!, -1, null, absurd, absurd, absurd);
            Assert.NotEqual(Verdict.Violation, producer.OnFrame(frame, Make.Start, out _));
            producer.OnFrame(new Frame<int>(Make.Key, 2, [], Wanted: 9, Grant: 1, Held: absurd), Make.Start, out _);
            while (producer.TryTakeDemand(out var demand)) Assert.InRange(demand.Limit, 0, 2);
        }

        var reader = Make.Reader(2);
        Assert.Equal(Verdict.Duplicate, reader.OnFrame(new Frame<int>(Make.Key, 1, null!), Make.Start, out _));
    }

    [Fact, Trait("Rule", "P-12")]
    public void WhatCouldNotBeTaken_IsNotLeftToAnotherStream()
    {
        var spoilt = Make.Producer(sizeOf: static _ => throw new InvalidOperationException("It has no size."));
        spoilt.Attach(Make.Start);
        Assert.Throws<InvalidOperationException>(() => spoilt.OnFrame(Make.Frame(0, 7), Make.Start, out _));

        var producer = Make.ProducerHolding(1, 2);
        producer.OnDemand(Make.Demand(0, 4), Make.Start, out _);
        Assert.Equal([1, 2], producer.Send());
    }
}
