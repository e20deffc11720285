namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>What is counted for who looks from outside.</summary>
public sealed class ObservedTests
{
    private readonly List<Batch<int>> _ready = [];

    [Fact]
    public void WhatLeavesAgain_IsCounted_AndWhatArrivedIsNot()
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, 4), Make.Start, out _);
        writer.PutAll([1, 2, 3, 4]);
        writer.Frames();
        Assert.Equal(0, writer.Resent);

        writer.OnDemand(Make.Demand(1, 4), Make.Start, out _);
        Assert.True(writer.OnTick(Make.At(1)));
        writer.Frames(Make.At(1));
        Assert.Equal((3, 1), (writer.Resent, writer.Received));
    }

    [Fact]
    public void ANewReader_IsNotSentAnythingAgain()
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        producer.OnDemand(Make.Demand(0, 3), Make.Start, out _);
        Assert.Equal(3, producer.Send().Length);
        producer.Subscribe("consumer", isNamed: true, position: 1, Make.Start);
        producer.OnDemand(Make.Demand(1, 3, peer: 2), Make.Start, out _);
        Assert.Equal([2, 3], producer.Send());
        Assert.Equal(0, producer.Resent);
    }

    [Fact]
    public void WhatComesTwice_IsCountedOnceForEachTimeTooMany()
    {
        var inbound = new Inbound<int>();
        inbound.Grant(10);
        inbound.OnBatch(Make.Batch(0, 0, 1, 2), _ready, out _);
        inbound.OnBatch(Make.Batch(1, 1, 2, 3), _ready, out _);
        Assert.Equal(2, inbound.Dropped);
        inbound.OnBatch(Make.Batch(0, 0, 1), _ready, out _);
        Assert.Equal((4, 0), (inbound.Dropped, inbound.Early));

        inbound.OnBatch(Make.Batch(6, 6, 7), _ready, out _);
        inbound.OnBatch(Make.Batch(6, 6, 7), _ready, out _);
        Assert.Equal((6, 1), (inbound.Dropped, inbound.Early));
        inbound.OnBatch(Make.Batch(4, 4, 5, 6), _ready, out _);
        Assert.Equal((7, 1, 8), (inbound.Dropped, inbound.Early, inbound.Received));
        Assert.Equal(Enumerable.Range(0, 8), _ready.SelectMany(batch => batch.Elements));
    }

    [Fact]
    public void AStream_StallsWhileItHoldsWhatNobodyAsksFor()
    {
        var producer = Make.ProducerHolding(1, 2, 3);
        Assert.True(producer.IsStalled);
        producer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        Assert.False(producer.IsStalled);
        producer.Send();
        Assert.True(producer.IsStalled);
        producer.OnDemand(Make.Demand(2, 4), Make.Start, out _);
        producer.Send();
        Assert.False(producer.IsStalled);
    }

    [Theory, Trait("Rule", "P-11")]
    [InlineData(StreamEndReason.Terminated, true)]
    [InlineData(StreamEndReason.Failed, true)]
    [InlineData(StreamEndReason.Completed, false)]
    [InlineData(StreamEndReason.None, false)]
    public void AReader_WhoseStreamIsCut_GivesNothingMore_UnlessThatLooksLikeCompletion(StreamEndReason reason, bool isCut)
    {
        var reader = Make.Reader(4);
        reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _);
        var end = new StreamEnd(reason, "Enough.");
        var verdict = reader.OnFrame(new Frame<int>(Make.Key, 1, [], End: end, IsOver: true), Make.Start, out string? violation);
        Assert.Equal((isCut ? Verdict.Accepted : Verdict.Violation, isCut), (verdict, violation is null));
        Assert.Equal(isCut ? end : null, reader.End);
        Assert.Equal(isCut ? [] : [1, 2], reader.TakeAll());
    }

    [Fact, Trait("Rule", "P-11")]
    public void ACut_OfAnotherEpoch_IsStale()
    {
        var reader = Make.Reader(4);
        Assert.Equal(Verdict.Stale, reader.OnFrame(new Frame<int>(Make.Key, 2, [], End: StreamEnd.Cancelled, IsOver: true), Make.Start, out _));
        Assert.Null(reader.End);
    }
}
