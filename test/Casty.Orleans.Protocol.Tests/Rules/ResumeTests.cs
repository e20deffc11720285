namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>A named reader in the producer's process, and writers that outlive both.</summary>
public sealed class ResumeTests
{
    private static readonly TimeSpan Deaf = Make.Timings.Suspicion + Make.Timings.Retry;

    [Fact, Trait("Rule", "P-16")]
    public void Finished_WriterElsewhereDoesNotKnow_CountsAgainstTheWindow()
    {
        var producer = Producer(isNamed: true, reader: Guid.Empty);
        Assert.Equal([0, 1, 2, 3], producer.Send());
        producer.OnDemand(Make.Demand(received: 4, limit: 8), Make.Start, out _);

        Assert.Empty(producer.Send());
        Assert.True(producer.TryTakeDemand(out var asked));
        Assert.True(asked.IsAsking);

        producer.OnFrame(Knows(3), Make.Start, out _);
        Assert.Equal([4, 5, 6], producer.Send());
    }

    [Fact, Trait("Rule", "P-16")]
    public void Finished_HalfAWindow_IsToldBeforeTheReaderHasToWait()
    {
        var producer = Producer(isNamed: true, reader: Guid.Empty);
        producer.Send();
        while (producer.TryTakeDemand(out _)) { }
        producer.OnDemand(Make.Demand(received: 4, confirmed: 1, limit: 5), Make.Start, out _);
        Assert.False(producer.TryTakeDemand(out _));

        producer.OnDemand(Make.Demand(received: 4, confirmed: 2, limit: 6), Make.Start, out _);
        Assert.True(producer.TryTakeDemand(out var asked));
        Assert.Equal((2, true), (asked.Confirmed, asked.IsAsking));
    }

    [Fact, Trait("Rule", "P-16")]
    public void Finished_TheQuestionIsLost_IsAskedAgain()
    {
        var producer = Producer(isNamed: true, reader: Guid.Empty);
        producer.Send();
        producer.OnDemand(Make.Demand(received: 4, limit: 8), Make.Start, out _);
        Assert.True(producer.TryTakeDemand(out _));
        Assert.False(producer.TryTakeDemand(out _));

        producer.OnTick(producer.NextDeadline);
        Assert.True(producer.TryTakeDemand(out var again));
        Assert.True(again.IsAsking);
    }

    [Fact, Trait("Rule", "P-16")]
    public void Finished_WriterDoesNotAnswer_ReaderGoesOn()
    {
        var producer = ProducerWhoseWriterDoesNotAnswer();
        Assert.Equal([4, 5, 6, 7], producer.Send(Make.Start + Deaf));
    }

    [Fact, Trait("Rule", "P-16")]
    public void Finished_WriterThatDidNotAnswerSpeaks_IsWaitedForAgain()
    {
        var producer = ProducerWhoseWriterDoesNotAnswer();
        producer.OnFrame(Knows(1), Make.Start + Deaf, out _);
        Assert.Equal([4], producer.Send(Make.Start + Deaf));
        producer.OnFrame(Knows(4), Make.Start + Deaf, out _);
        Assert.Equal([5, 6, 7], producer.Send(Make.Start + Deaf));
    }

    [Theory, Trait("Rule", "P-16")]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Finished_ReaderOutlivesTheProducerOrItsSubscriptionDoesNot_WaitsForNobody(bool isNamed, bool isElsewhere)
    {
        var producer = Producer(isNamed, isElsewhere ? Make.Elsewhere : Guid.Empty);
        producer.Send();
        producer.OnDemand(Make.Demand(received: 4, limit: 8), Make.Start, out _);

        Assert.Equal([4, 5, 6, 7], producer.Send());
    }

    [Fact, Trait("Rule", "P-16")]
    public void Writer_IsAsked_SaysWhatItKnows()
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(received: 0, limit: 4), Make.Start, out _);
        for (int i = 0; i < 4; i++) Assert.True(writer.TryPut(i));
        writer.Frames();
        writer.OnDemand(Make.Demand(received: 4, confirmed: 2, limit: 4), Make.Start, out _);
        Assert.Empty(writer.Frames());

        writer.OnDemand(Make.Demand(received: 4, confirmed: 3, limit: 4) with { IsAsking = true }, Make.Start, out _);
        Assert.Equal(3, Assert.Single(writer.Frames()).Finished);
    }

    private static ProducerCore<int> ProducerWhoseWriterDoesNotAnswer()
    {
        var producer = Producer(isNamed: true, reader: Guid.Empty);
        producer.Send();
        producer.OnDemand(Make.Demand(received: 4, limit: 8), Make.Start, out _);
        for (var now = Make.Start; now < Make.Start + Deaf; now = producer.NextDeadline) producer.OnTick(now);
        return producer;
    }

    private static Frame<int> Knows(long finished) => Make.Frame(0, 0) with { Finished = finished };

    private static ProducerCore<int> Producer(bool isNamed, Guid reader)
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start, Make.Elsewhere);
        producer.Subscribe("consumer", isNamed, position: null, Make.Start, process: reader);
        producer.OnFrame(Make.Frame(0, 0, 1, 2, 3, 4, 5, 6, 7, 8), Make.Start, out _);
        producer.OnDemand(Make.Demand(received: 0, limit: 4), Make.Start, out _);
        return producer;
    }
}
