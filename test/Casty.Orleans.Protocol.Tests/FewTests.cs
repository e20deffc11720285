using Casty.Orleans.Protocol;
using Xunit;

namespace Casty.Orleans.Protocol.Tests;

/// <summary>What holds one entry without an object holds many as a dictionary and a queue do.</summary>
public sealed class FewTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void AMap_DoesWhatADictionaryDoes(int seed)
    {
        var random = new Random(seed);
        var expected = new Dictionary<long, int>();
        FewMap<long, int> map = default;
        for (int step = 0; step < 1000; step++)
        {
            long key = random.Next(3);
            switch (random.Next(4))
            {
                case 0:
                    expected[key] = map[key] = step;
                    break;
                case 1 when !expected.ContainsKey(key):
                    expected.Add(key, step);
                    map.Add(key, step);
                    break;
                case 2:
                    Assert.Equal(expected.Remove(key, out int gone), map.Remove(key, out int removed));
                    Assert.Equal(gone, removed);
                    break;
                case 3 when random.Next(20) == 0:
                    expected.Clear();
                    map.Clear();
                    break;
            }

            Assert.Equal(expected.Count, map.Count);
            Assert.Equal(expected.TryGetValue(key, out int value), map.TryGetValue(key, out int found));
            Assert.Equal(value, found);
            Assert.Equal(expected.Order(Comparer<KeyValuePair<long, int>>.Create((one, other) => one.Key.CompareTo(other.Key))), map.OrderBy(one => one.Key));
            Assert.Equal(expected.Values.Order(), map.Values.Order());
            Assert.Equal(expected.Keys.Order(), map.Keys.Order());
        }
    }

    [Fact]
    public void AMap_RefusesAKeyThatItHas()
    {
        FewMap<long, int> map = default;
        map.Add(1, 1);
        Assert.Throws<ArgumentException>(() => map.Add(1, 2));
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void AQueue_DoesWhatAQueueDoes(int seed)
    {
        var random = new Random(seed);
        var expected = new Queue<int>();
        FewQueue<int> queue = default;
        for (int step = 0; step < 1000; step++)
        {
            if (random.Next(2) == 0)
            {
                expected.Enqueue(step);
                queue.Enqueue(step);
            }
            else
            {
                Assert.Equal(expected.TryDequeue(out int next), queue.TryDequeue(out int item));
                Assert.Equal(next, item);
            }

            if (random.Next(10) == 0) queue.Trim();
            Assert.Equal(expected.Count, queue.Count);
            Assert.Equal(expected.TryPeek(out int first), queue.TryPeek(out int peeked));
            Assert.Equal(first, peeked);
            Assert.Equal(expected, queue);
        }
    }
}
