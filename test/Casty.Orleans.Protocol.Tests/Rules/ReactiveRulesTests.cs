namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>Rules of the Reactive Streams specification, by number, where only the core shows them; the others are cluster tests.</summary>
public sealed class ReactiveRulesTests
{
    [Theory, Trait("Rule", "P-07")]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    public void Rule101_AProducerSendsWhatWasRequestedAndNoMore(int requested)
    {
        var producer = Make.ProducerHolding(1, 2, 3, 4, 5, 6, 7, 8);
        producer.OnDemand(Make.Demand(0, requested), Make.Start, out _);
        Assert.Equal(requested, producer.Send().Length);
    }

    [Fact, Trait("Rule", "P-06")]
    public void Rule204_AfterTheEnd_NothingMoreIsRequested()
    {
        var reader = Make.Reader(4);
        reader.TryTakeDemand(Make.Start, out var first);
        reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _);
        reader.OnFrame(Make.End(2, StreamEnd.Completed), Make.Start, out _);
        Assert.Equal([1, 2], reader.TakeAll());
        while (reader.TryTakeDemand(Make.Start, out var last))
        {
            Assert.Equal(3, last.Confirmed);   // both elements and the end
            reader.OnAnswered(last, Make.Start);
        }

        Assert.True(reader.IsSettled);
        Assert.Equal(4, first.Limit);
    }

    [Fact, Trait("Rule", "P-11")]
    public void Rule208_WhatComesAfterCancelling_IsDropped()
    {
        var reader = Make.Reader(4);
        reader.TryLeave(Leave.Cancel);
        Assert.Equal(Verdict.Duplicate, reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _));
        Assert.Equal(0, reader.Waiting);
        Assert.False(reader.TryTake(out _));
    }

    [Fact, Trait("Rule", "P-11")]
    public void Rule306_AfterCancelling_WhatIsRequestedIsNotListenedTo()
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        producer.OnDemand(Make.Demand(0, 0) with { Leave = Leave.Cancel }, Make.Start, out _);
        Assert.Equal(Verdict.Stale, producer.OnDemand(Make.Demand(0, 3), Make.Start, out _));
        Assert.Empty(producer.Send());
    }

    [Fact, Trait("Rule", "P-03")]
    public void Rule308_RequestsAreAbsolute_SoEachIncludesThoseBefore()
    {
        var producer = Make.ProducerHolding(1, 2, 3, 4, 5);
        producer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        producer.OnDemand(Make.Demand(0, 4), Make.Start, out _);
        producer.OnDemand(Make.Demand(0, 3), Make.Start, out _);   // overtaken
        Assert.Equal([1, 2, 3, 4], producer.Send());
    }

    [Theory, Trait("Rule", "P-12")]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Rule309_ANegativeRequest_EndsTheStreamAndSaysWhy(long limit)
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        Assert.Equal(Verdict.Violation, producer.OnDemand(Make.Demand(0, limit), Make.Start, out string? violation));
        Assert.NotNull(violation);
        Assert.Equal(StreamEndReason.ProtocolViolation, producer.End?.Reason);
    }

    [Fact, Trait("Rule", "P-14")]
    public void Rule317_DemandUpToTheLargestNumber_NeverOverflows()
    {
        var reader = Make.Reader(int.MaxValue, position: long.MaxValue - 10);
        Assert.True(reader.TryTakeDemand(Make.Start, out var demand));
        Assert.Equal(long.MaxValue, demand.Limit);

        var producer = Make.ProducerHolding(1, 2, 3);
        Assert.Equal(Verdict.Accepted, producer.OnDemand(Make.Demand(0, long.MaxValue), Make.Start, out _));
        Assert.Equal([1, 2, 3], producer.Send());
    }
}
