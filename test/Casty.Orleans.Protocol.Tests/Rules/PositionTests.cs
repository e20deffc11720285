namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class PositionTests
{
    [Fact, Trait("Rule", "P-01")]
    public void Frame_OfAnotherIncarnationStreamOrPeer_IsStaleAndChangesNothing()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        var frame = Make.Frame(0, 1, 2);

        Assert.Equal(Verdict.Stale, producer.OnFrame(frame with { Stream = Make.Key with { Incarnation = 2 } }, Make.Start, out _));
        Assert.Equal(Verdict.Stale, producer.OnFrame(frame with { Stream = Make.Key with { Id = Guid.Empty } }, Make.Start, out _));
        Assert.Equal(Verdict.Stale, producer.OnFrame(frame with { Peer = 2 }, Make.Start, out _));
        Assert.Equal(0, producer.Next);
    }

    [Fact, Trait("Rule", "P-01")]
    public void Demand_OfAnotherIncarnationOrPeer_IsStaleAndDoesNotRenewTheLease()
    {
        var writer = Make.Writer();

        Assert.Equal(Verdict.Stale, writer.OnDemand(Make.Demand(0, 5) with { Stream = Make.Key with { Incarnation = 2 } }, Make.At(50), out _));
        Assert.Equal(Verdict.Stale, writer.OnDemand(Make.Demand(0, 5, peer: 2), Make.At(50), out _));
        Assert.Equal(0, writer.Credit);
        writer.OnTick(Make.At(60));
        Assert.Equal(StreamEndReason.Abandoned, writer.Outcome?.Reason);
    }

    [Fact, Trait("Rule", "P-02")]
    public void End_AfterTwoElements_TakesTheThirdPosition()
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        writer.TryPut(1);
        writer.TryPut(2);
        writer.TryEnd(StreamEnd.Completed);

        var frame = Assert.Single(writer.Frames());
        Assert.Equal(2, frame.EndAt);
        writer.OnDemand(Make.Demand(2, 2), Make.Start, out _);
        Assert.False(writer.IsEndReceived);
        writer.OnDemand(Make.Demand(3, 2, confirmed: 2), Make.Start, out _);
        Assert.True(writer.IsEndReceived);
        Assert.Null(writer.Outcome);
    }

    [Fact, Trait("Rule", "P-03")]
    public void Demand_LateOrRepeated_GrantsAndConfirmsNothing()
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 5), Make.Start, out _);
        for (int i = 0; i < 5; i++) writer.TryPut(i);
        writer.Frames();
        Assert.Equal(Verdict.Accepted, writer.OnDemand(Make.Demand(4, 8), Make.Start, out _));

        Assert.Equal(Verdict.Duplicate, writer.OnDemand(Make.Demand(4, 8), Make.Start, out _));
        Assert.Equal(Verdict.Duplicate, writer.OnDemand(Make.Demand(1, 5), Make.Start, out _));
        Assert.Equal((3, 4), (writer.Credit, writer.Finished));
    }

    [Fact, Trait("Rule", "P-14")]
    public void Demand_NearTheLargestNumber_Saturates()
    {
        var producer = Make.ProducerHolding(1, 2);
        producer.OnDemand(Make.Demand(0, long.MaxValue), Make.Start, out _);

        Assert.Equal([1, 2], producer.Send());
        var reader = Make.Reader(16, position: long.MaxValue - 3);
        Assert.Equal(long.MaxValue, reader.Current.Limit);
    }

    [Fact, Trait("Rule", "P-14")]
    public void SubscriptionTimeout_OfTheLongestTime_DoesNotOverflow()
    {
        var producer = new ProducerCore<int>(Make.Key, 1, TimeSpan.MaxValue, Make.Timings, Make.Start);
        producer.Attach(Make.Start);

        Assert.Equal(TimeSpan.MaxValue, producer.UnreadDeadline);
    }
}
