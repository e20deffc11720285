namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class FencingTests
{
    [Fact, Trait("Rule", "P-09")]
    public void Reader_Fenced_IsNotListenedToAndLearnsWhy()
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        producer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        Assert.Equal([1, 2], producer.Send());
        producer.Fence(Make.Start);

        var late = Make.Demand(2, 3);
        Assert.Equal(Verdict.Stale, producer.OnDemand(late, Make.Start, out _));
        Assert.Equal(StreamEndReason.Superseded, producer.AnswerStale(late).Reason);
        Assert.Equal((0, 2), (producer.Confirmed, producer.Requested));
        Assert.Empty(producer.Send());

        producer.Subscribe("consumer", isNamed: true, position: 1, Make.Start);
        Assert.Equal(StreamEndReason.Superseded, producer.AnswerStale(late).Reason);
    }

    [Fact, Trait("Rule", "P-09")]
    public void Reader_ThatTakesOverWithThePosition_GoesOnExactlyThere()
    {
        var producer = Make.ProducerHolding(1, 2, 3, 4);
        producer.OnDemand(Make.Demand(0, 3), Make.Start, out _);
        producer.Send();
        producer.Fence(Make.Start);

        Assert.Equal(2, producer.Subscribe("consumer", isNamed: true, position: 2, Make.Start));
        Assert.Equal(2, producer.Epoch);
        Assert.Empty(producer.Send());
        producer.OnDemand(Make.Demand(2, 4, peer: 2), Make.Start, out _);
        Assert.Equal([3, 4], producer.Send());
    }

    [Theory, Trait("Rule", "P-09")]
    [InlineData(-1L)]
    [InlineData(4L)]
    [InlineData(long.MaxValue)]
    [InlineData(null)]
    public void Reader_WhoseForerunnerCannotSayWhereItStood_BeginsAtWhatWasConfirmed(long? position)
    {
        var producer = Make.ProducerHolding(1, 2, 3, 4, 5);
        producer.OnDemand(Make.Demand(0, 3), Make.Start, out _);
        producer.Send();
        producer.OnDemand(Make.Demand(3, 3, confirmed: 1), Make.Start, out _);

        Assert.Equal(1, producer.Subscribe("consumer", isNamed: true, position, Make.Start));
        producer.OnDemand(Make.Demand(1, 5, peer: 2), Make.Start, out _);
        Assert.Equal([2, 3, 4, 5], producer.Send());
    }

    [Fact, Trait("Rule", "P-09")]
    public void Reader_GivenUpByItsLeaseButStillAlive_CanStillSayWhereItStood()
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        producer.OnDemand(Make.Demand(0, 3), Make.Start, out _);
        producer.Send();
        for (double at = 0; at <= 120; at += 15) producer.OnTick(Make.At(at));
        Assert.False(producer.IsReaderAttached);

        Assert.Equal(2, producer.Subscribe("consumer", isNamed: true, position: 2, Make.At(121)));
    }

    [Fact, Trait("Rule", "P-09")]
    public void Reader_ThatDetaches_IsFollowedExactly()
    {
        var line = new Line(bufferSize: 8, initialDemand: 4);
        for (int i = 0; i < 6; i++) Assert.True(line.Writer.TryPut(i));
        line.Pump();
        for (int i = 0; i < 3; i++) line.Reader.TryTake(out _);
        Assert.True(line.Reader.TryLeave(Leave.Detach));
        line.Pump();

        Assert.True(line.Reader.IsSettled);
        Assert.False(line.Producer.IsReaderAttached);
        Assert.Equal(3, line.Producer.Subscribe("consumer", isNamed: true, position: null, line.Now));
    }

    /// <summary>Where it was the last one of all, the end is not reached either.</summary>
    [Theory, Trait("Rule", "P-09")]
    [InlineData(3)]
    [InlineData(6)]
    public void Reader_ThatDetachesWithAnElementInHand_IsFollowedFromThatOne(int taken)
    {
        var line = new Line(bufferSize: 8, initialDemand: 8);
        for (int i = 0; i < 6; i++) Assert.True(line.Writer.TryPut(i));
        line.Writer.TryEnd(StreamEnd.Completed);
        line.Pump();
        for (int i = 0; i < taken; i++) line.Reader.TryTake(out _);
        Assert.True(line.Reader.TryLeave(Leave.Detach, isInHand: true));
        Assert.Equal(taken - 1, line.Reader.Given);   // what it says to a successor that asks
        line.Pump();

        Assert.True(line.Reader.IsSettled);
        Assert.False(line.Producer.IsOver);
        Assert.Equal(taken - 1, line.Producer.Subscribe("consumer", isNamed: true, position: null, line.Now));
    }

    [Fact, Trait("Rule", "P-09")]
    public void Reader_ThatDetachesWithNothingInHand_HasFinishedAll()
    {
        var line = new Line(bufferSize: 8, initialDemand: 8);
        line.Writer.TryPut(0);
        line.Writer.TryEnd(StreamEnd.Completed);
        line.Pump();
        line.Reader.TryTake(out _);
        line.Reader.Finish();
        Assert.False(line.Reader.TryLeave(Leave.Detach, isInHand: true));
        line.Pump();
        Assert.Equal(StreamEndReason.Completed, line.Producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-09")]
    public void Detach_TogetherWithTheConfirmedEnd_EndsTheStream()
    {
        var producer = Make.ProducerHolding(1);
        producer.OnFrame(Make.End(1, StreamEnd.Completed), Make.Start, out _);
        producer.OnDemand(Make.Demand(0, 1), Make.Start, out _);
        producer.Send();

        producer.OnDemand(Make.Demand(2, 3) with { Leave = Leave.Detach }, Make.Start, out _);
        Assert.True(producer.IsOver);
        Assert.Equal(StreamEndReason.Completed, producer.End?.Reason);
    }
}
