namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>A reader that takes several elements, and finishes them when they were handled elsewhere.</summary>
public sealed class InHandTests
{
    [Fact, Trait("Rule", "P-18")]
    public void Taken_IsNotFinished_UntilTheReaderSaysSo()
    {
        var reader = Holding(4);
        reader.OnFrame(Make.Frame(0, 1, 2, 3), Make.Start, out _);
        Take(reader, 3);
        Assert.Equal((3, 0), (reader.Given, reader.Finished));
        Assert.Equal(0, reader.Current.Confirmed);

        reader.Finish();
        Assert.Equal(3, reader.Current.Confirmed);
    }

    [Fact, Trait("Rule", "P-18")]
    public void Leaves_WithSeveralInHand_StandsBeforeAllOfThem()
    {
        var reader = Holding(4);
        reader.OnFrame(Make.Frame(0, 1, 2, 3, 4), Make.Start, out _);
        Take(reader, 1);
        reader.Finish();
        Take(reader, 3);

        Assert.True(reader.TryLeave(Leave.Detach, isInHand: true));
        Assert.Equal((1, Leave.Detach), (reader.Current.Confirmed, reader.Current.Leave));
    }

    [Fact, Trait("Rule", "P-18")]
    public void End_IsSeen_AndConfirmedOnlyWhenItIsFinished()
    {
        var reader = AtEnd();
        Assert.True(reader.IsAtStreamsEnd);
        Assert.Equal(2, reader.Current.Confirmed);

        reader.FinishEnd();
        Assert.Equal(3, reader.Current.Confirmed);
        Assert.True(reader.TryTakeDemand(Make.Start, out _));
    }

    [Fact, Trait("Rule", "P-18")]
    public void End_InHand_IsLeftForTheNextReader()
    {
        var reader = AtEnd();
        Assert.True(reader.TryLeave(Leave.Detach, isInHand: true));
        Assert.Equal((2, Leave.Detach), (reader.Current.Confirmed, reader.Current.Leave));
    }

    [Fact, Trait("Rule", "P-18")]
    public void End_InHand_ForLong_IsRenewedAtItsPace()
    {
        var reader = AtEnd();
        while (reader.TryTakeDemand(Make.Start, out var demand)) reader.OnAnswered(demand, Make.Start);
        Assert.False(reader.IsSettled);
        Assert.Equal(Make.Start + Make.Timings.Lease / 3, reader.NextDeadline);
    }

    [Fact, Trait("Rule", "P-18")]
    public void CutOff_IsNotTheStreamsEnd()
    {
        var reader = Holding(4);
        reader.OnTick(Make.Start + Make.Timings.Lease);
        Assert.NotNull(reader.End);
        Assert.False(reader.IsAtStreamsEnd);
    }

    private static ReaderCore<int> AtEnd()
    {
        var reader = Holding(4);
        reader.OnFrame(Make.Frame(0, 1, 2), Make.Start, out _);
        reader.OnFrame(Make.End(2, StreamEnd.Completed), Make.Start, out _);
        Take(reader, 2);
        reader.Finish();
        return reader;
    }

    private static ReaderCore<int> Holding(int window)
    {
        var reader = Make.Reader(window);
        reader.Hold();
        return reader;
    }

    private static void Take(ReaderCore<int> reader, int count)
    {
        Assert.Equal(count, reader.Peek(count).Count);
        reader.OnTakenInHand(count);
    }
}
