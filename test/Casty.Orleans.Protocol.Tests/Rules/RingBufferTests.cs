namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed class RingBufferTests
{
    [Fact]
    public void AfterABurst_RoomIsGivenBack()
    {
        var buffer = new RingBuffer<int>();
        for (int i = 0; i < 100_000; i++) buffer.Append(i);
        Assert.True(buffer.Capacity >= 100_000);

        buffer.DropBefore(99_990);
        buffer.Trim();
        Assert.True(buffer.Capacity >= 100_000);   // it was full a moment ago, and may be again
        buffer.Trim();
        Assert.InRange(buffer.Capacity, 10, 40);
        Assert.Equal(Enumerable.Range(99_990, 10), Content(buffer));

        buffer.DropBefore(100_000);
        buffer.Trim();
        buffer.Trim();
        Assert.Equal(0, buffer.Capacity);
        buffer.Append(7);
        Assert.Equal([7], Content(buffer));
    }

    [Fact]
    public void RoomThatIsUsedAgainAndAgain_Stays()
    {
        var buffer = new RingBuffer<int>();
        for (int burst = 0; burst < 1_000; burst++)
        {
            buffer.Append(new int[1_000]);
            buffer.DropBefore(buffer.End);
            buffer.Trim();
            Assert.Equal(1_024, buffer.Capacity);
        }
    }

    /// <summary>However often it is asked, no more is copied than was ever grown to.</summary>
    [Fact]
    public void Trimming_IsPaidForByGrowing()
    {
        var buffer = new RingBuffer<int>();
        var random = new Random(1);
        long appended = 0, moved = 0;
        for (int i = 0; i < 20_000; i++)
        {
            int before = buffer.Capacity;
            int count = random.Next(10) == 0 ? random.Next(5_000) : random.Next(5);
            buffer.Append(new int[count]);
            appended += count;
            if (buffer.Capacity != before) moved += buffer.Count;
            if (random.Next(3) > 0) buffer.DropBefore(buffer.Start + random.Next(buffer.Count + 1));
            if (random.Next(4) > 0) continue;

            before = buffer.Capacity;
            buffer.Trim();
            if (buffer.Capacity != before) moved += buffer.Count;
        }

        Assert.True(moved <= 4 * appended, $"{moved} were moved for {appended} appended.");
    }

    [Fact]
    public void WhateverHappens_ItHoldsWhatItShould()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            long start = random.Next(2) * (long.MaxValue / 2);
            var buffer = new RingBuffer<int>(start);
            var model = new List<int>();
            int next = 0;
            for (int i = 0; i < 300; i++)
            {
                switch (random.Next(4))
                {
                    case 0:
                        int[] items = [.. Enumerable.Range(next, random.Next(40))];
                        next += items.Length;
                        buffer.Append(items);
                        model.AddRange(items);
                        break;

                    case 1:
                        buffer.Append(next);
                        model.Add(next++);
                        break;

                    case 2:
                        int dropped = random.Next(model.Count + 1);
                        buffer.DropBefore(buffer.Start + dropped);
                        model.RemoveRange(0, dropped);
                        break;

                    default:
                        buffer.Trim();
                        break;
                }

                Assert.Equal(start + next, buffer.End);
                Assert.True(model.SequenceEqual(Content(buffer)));
            }
        }
    }

    private static int[] Content(RingBuffer<int> buffer)
    {
        int[] content = new int[buffer.Count];
        if (content.Length > 0) buffer.CopyTo(buffer.Start, content);
        return content;
    }
}
