namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class RetryTests
{
    [Fact, Trait("Rule", "P-05")]
    public void Writer_WithoutAnswer_SendsAgainFromWhatArrived()
    {
        var writer = Granted(4);
        Assert.Equal([1, 2, 3, 4], Make.Elements(Assert.Single(writer.Frames())));
        writer.OnDemand(Make.Demand(2, 4), Make.At(0.5), out _);

        Assert.False(writer.OnTick(Make.At(1.4)));
        Assert.True(writer.OnTick(Make.At(1.5)));
        Assert.Equal([3, 4], Make.Elements(Assert.Single(writer.Frames(Make.At(1.5)))));
    }

    [Fact, Trait("Rule", "P-05")]
    public void Writer_ThatGoesOnSending_DoesNotPutOffTheRepetition()
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, long.MaxValue), Make.Start, out _);
        for (double at = 0; at < 1; at += 0.25)
        {
            writer.TryPut(1);
            Assert.Single(writer.Frames(Make.At(at)));
        }

        Assert.True(writer.OnTick(Make.At(1)));
        Assert.Equal(4, Assert.Single(writer.Frames(Make.At(1))).Batches[0].Elements.Count);
    }

    [Fact, Trait("Rule", "P-05")]
    public void Acknowledgement_AfterARewind_CountsAndNothingArrivedLeavesAgain()
    {
        var outbound = new Outbound<int>();
        outbound.Append([1, 2, 3, 4]);
        outbound.Grant(4);
        long bytes = long.MaxValue;
        Assert.True(outbound.TryTake(4, ref bytes, out _, out _));
        outbound.Rewind();

        Assert.True(outbound.TryAcknowledge(3, 1, out _));
        Assert.True(outbound.TryTake(4, ref bytes, out long first, out var again));
        Assert.Equal((3, 4), (first, again[0]));
    }

    [Fact, Trait("Rule", "P-05")]
    public void Attempts_Unanswered_GrowButFitIntoALease()
    {
        var writer = Granted(1);
        writer.Frames();
        var attempts = new List<double>();
        while (writer.NextDeadline is var at && at < Make.At(60))
        {
            attempts.Add((at - Make.Start).TotalSeconds);
            writer.OnTick(at);
            writer.Frames(at);
        }

        Assert.Equal([1, 3, 7, 12, 17, 22, 27, 32, 37, 42, 47, 52, 57], attempts);
    }

    [Fact, Trait("Rule", "P-05")]
    public void Attempts_AfterALongIdleTime_BeginSoonAgain()
    {
        var writer = Granted(1, put: 0);
        for (int i = 0; i < 9; i++)
        {
            var at = writer.NextDeadline;
            writer.OnTick(at);
            writer.Frames(at);
            writer.OnDemand(Make.Demand(0, 1), at, out _);
        }

        var now = writer.NextDeadline - TimeSpan.FromSeconds(5);
        writer.TryPut(1);
        writer.Frames(now);
        Assert.Equal(now + TimeSpan.FromSeconds(1), writer.NextDeadline);
    }

    [Fact, Trait("Rule", "P-05")]
    public void Renewal_Unanswered_IsRepeatedLongBeforeTheLeaseEnds()
    {
        var writer = Make.Writer();
        Assert.Equal(Make.At(20), writer.NextDeadline);
        writer.OnTick(Make.At(20));
        writer.Frames(Make.At(20));

        Assert.Equal(Make.At(21), writer.NextDeadline);
        Assert.True(writer.OnTick(Make.At(21)), "the lost frame's slot must be freed");
    }

    [Fact, Trait("Rule", "P-05")]
    public void Producer_WhoseAnswersWereLost_GivesTheFramesInFlightUp()
    {
        // Everything sent has arrived, as a demand told; only the responses were lost, and with them the shell's slots.
        var producer = Make.ProducerHolding(1, 2, 3);
        producer.OnDemand(Make.Demand(0, 2), Make.Start, out _);
        Assert.Equal([1, 2], producer.Send());
        producer.OnDemand(Make.Demand(2, 3), Make.At(1), out _);

        Assert.True(producer.NextDeadline <= Make.At(2));
        Assert.True(producer.OnTick(Make.At(2)));
    }

    [Fact, Trait("Rule", "P-05")]
    public void Reader_ThatStarvesWithItsDemandAnswered_OnlyRenews()
    {
        var reader = Make.Reader(4);
        Assert.True(reader.TryTakeDemand(Make.Start, out var demand));
        Assert.False(reader.TryTake(out _));
        Assert.Equal(Make.At(1), reader.NextDeadline);

        reader.OnAnswered(demand, Make.Start);
        Assert.Equal(Make.At(20), reader.NextDeadline);
    }

    [Fact, Trait("Rule", "P-05")]
    public void Reader_WhoseEchoMayHaveBeenLost_AsksAgainWhenItStarves()
    {
        var reader = Make.Reader(4);
        reader.TryTakeDemand(Make.Start, out var demand);
        reader.OnAnswered(demand, Make.Start);
        reader.OnFrame(Make.Frame(0, 1), Make.Start, out _);
        Assert.True(reader.TryTake(out _));
        reader.Finish();
        reader.OnSaid(reader.Current, Make.Start);
        Assert.False(reader.TryTake(out _));

        Assert.Equal(Make.At(1), reader.NextDeadline);
        reader.OnTick(Make.At(1));
        Assert.True(reader.TryTakeDemand(Make.At(1), out demand));
        Assert.Equal((1, 5), (demand.Confirmed, demand.Limit));
    }

    private static WriterCore<int> Granted(int limit, int? put = null)
    {
        var writer = Make.Writer();
        writer.OnDemand(Make.Demand(0, limit), Make.Start, out _);
        for (int i = 1; i <= (put ?? limit); i++) writer.TryPut(i);
        return writer;
    }
}
