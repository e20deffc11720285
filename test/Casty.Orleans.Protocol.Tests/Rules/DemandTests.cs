namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class DemandTests
{
    [Fact, Trait("Rule", "P-06")]
    public void Window_ReaderWaitsForWhatIsHeldBack_GrowsSixteenfoldUpToTheMost()
    {
        var window = new DemandWindow(2, 1_000, Make.Start);
        long taken = 0;
        var sizes = new List<int>();
        for (int i = 0; i < 4; i++)
        {
            window.OnStarved();
            window.Review(taken += window.Size, Make.Start);
            sizes.Add(window.Size);
        }

        Assert.Equal([32, 512, 1_000, 1_000], sizes);
    }

    [Fact, Trait("Rule", "P-06")]
    public void Window_ReaderTakesLongOverIt_HalvesDownToTheInitial()
    {
        var window = new DemandWindow(4, 16, Make.Start);
        long taken = 0;
        for (int i = 0; i < 2; i++)
        {
            window.OnStarved();
            window.Review(taken += window.Size, Make.Start);
        }

        Assert.Equal(16, window.Size);
        for (int i = 1; i < 5; i++) window.Review(taken += window.Size, Make.At(2 * i));
        Assert.Equal(4, window.Size);
    }

    [Fact, Trait("Rule", "P-06")]
    public void Reader_WhoseWindowShrank_StillConfirmsWhatItFinished()
    {
        var reader = Make.Reader(2, 64);
        int next = 0;
        for (int round = 0; round < 12; round++)   // a fast reader, and elements are held back: its window grows
        {
            while (reader.TryTakeDemand(Make.Start, out _)) { }
            int count = (int)(reader.Current.Limit - next);
            if (count > 0) reader.OnFrame(Make.Frame(next, new int[count]) with { IsHeldBack = true }, Make.Start, out _);
            next += count;
            reader.TakeAll();
        }

        while (reader.TryTakeDemand(Make.Start, out _)) { }
        int more = (int)(reader.Current.Limit - next);
        Assert.Equal(64, more);
        reader.OnFrame(Make.Frame(next, new int[more]), Make.Start, out _);
        long longest = 0, confirmed = reader.Current.Confirmed;
        for (int i = 0; i < more; i++)   // now a slow one: its window shrinks, and it asks for nothing for a while
        {
            reader.TryTake(out _);
            while (reader.TryTakeDemand(Make.At(2 * i), out var demand)) confirmed = demand.Confirmed;
            longest = Math.Max(longest, reader.Finished - confirmed);
        }

        Assert.True(longest <= 33, $"{longest} finished elements were not confirmed");
    }

    [Theory, Trait("Rule", "P-06"), Trait("Case", "49")]
    [InlineData(16, 8)]
    [InlineData(2, 1)]
    [InlineData(1, 1)]
    public void Case49_RequestAtHalfWindow_OneCumulativeCredit(int window, int half)
    {
        var reader = Make.Reader(window);
        Assert.True(reader.TryTakeDemand(Make.Start, out var first));
        Assert.Equal((0, window), (first.Confirmed, first.Limit));
        reader.OnAnswered(first, Make.Start);
        reader.OnFrame(Make.Frame(0, new int[window]), Make.Start, out _);

        for (int i = 1; i < half; i++)
        {
            reader.TryTake(out _);
            Assert.False(reader.TryTakeDemand(Make.Start, out _));
        }

        reader.TryTake(out _);
        Assert.True(reader.TryTakeDemand(Make.Start, out var second));
        Assert.Equal(window + half, second.Limit);
        Assert.False(reader.TryTakeDemand(Make.Start, out _));
    }

    [Fact, Trait("Rule", "P-07")]
    public void Case07_DemandLimitsInflight_NeverMoreThanTwoOutstanding()
    {
        var line = new Line(bufferSize: 16, initialDemand: 2);
        var read = new List<int>();
        for (int i = 0; i < 10; i++)
        {
            Assert.True(line.Writer.TryPut(i));
            line.Pump();
            Assert.True(line.Producer.Sent - line.Reader.Given <= 2);
        }

        while (line.Reader.TryTake(out int element))
        {
            read.Add(element);
            line.Pump();
            Assert.InRange(line.Reader.Outstanding, 0, 2);
            Assert.True(line.Producer.Sent - line.Reader.Given <= 2);
        }

        Assert.Equal(Enumerable.Range(0, 10), read);
    }

    [Theory, Trait("Rule", "P-07")]
    [InlineData(1, 1, 1)]
    [InlineData(2, 3, 4)]
    [InlineData(16, 16, 3)]
    public void Puts_OverAllWriters_NeverExceedTheBufferAndTheDemand(int bufferSize, int demand, int writers)
    {
        var line = new Line(bufferSize, demand, writers: writers);
        int puts = 0;
        for (int round = 0; round < 50; round++)
        {
            foreach (var writer in line.Writers)
            {
                while (writer.TryPut(puts)) puts++;
                writer.SetWaiting(1);
            }

            line.Pump();
            Assert.True(puts - line.Reader.Given <= bufferSize + line.Reader.Outstanding);
            line.Reader.TryTake(out _);
            line.Pump();
        }

        Assert.True(puts >= 49);
    }

    [Fact, Trait("Rule", "P-07")]
    public void Bytes_OutAndUnconfirmed_StayWithinTheWindowButOneElementAlwaysPasses()
    {
        var outbound = new Outbound<int>(sizeOf: static size => size, maxBytes: 10);
        outbound.Append([4, 4, 4, 100, 1]);
        outbound.Grant(5);
        long budget = long.MaxValue;
        Assert.True(outbound.TryTake(5, ref budget, out _, out var taken));
        Assert.Equal([4, 4], taken);
        Assert.False(outbound.CanSend);
        Assert.False(outbound.TryTake(5, ref budget, out _, out _));

        outbound.TryAcknowledge(2, 2, out _);
        Assert.True(outbound.TryTake(5, ref budget, out _, out taken));
        Assert.Equal([4], taken);   // the oversize one waits until nothing else is out
        outbound.TryAcknowledge(3, 3, out _);
        Assert.True(outbound.TryTake(5, ref budget, out _, out taken));
        Assert.Equal([100], taken);
        outbound.Rewind();
        Assert.True(outbound.TryTake(5, ref budget, out _, out taken));
        Assert.Equal([100], taken);
        outbound.TryAcknowledge(4, 4, out _);
        Assert.True(outbound.TryTake(5, ref budget, out _, out taken));
        Assert.Equal([1], taken);
    }

    [Fact, Trait("Rule", "P-07")]
    public void Frame_HasAByteBudget_AndTakesAtLeastOneElement()
    {
        var outbound = new Outbound<int>(sizeOf: static size => size);
        outbound.Append([50, 50, 300]);
        outbound.Grant(3);
        var frames = new List<int>();
        for (long budget = 100; outbound.TryTake(3, ref budget, out _, out var taken); budget = 100) frames.Add(taken.Count);

        Assert.Equal([2, 1], frames);
    }

    [Fact, Trait("Rule", "P-07")]
    public void ElementsThatAreOut_AndTurnOutToHaveASize_Count()
    {
        var outbound = new Outbound<int>(sizeOf: static size => size, maxBytes: 10);
        outbound.Append([0, 0, 0]);   // as within a process
        outbound.Grant(4);
        long bytes = long.MaxValue;
        Assert.True(outbound.TryTake(2, ref bytes, out _, out _));

        outbound.Convert(static _ => 5);
        Assert.False(outbound.CanSend);   // the two that are out fill it
        outbound.Rewind();
        Assert.True(outbound.TryTake(3, ref bytes, out _, out var again));
        Assert.Equal(2, again.Count);
    }
}
