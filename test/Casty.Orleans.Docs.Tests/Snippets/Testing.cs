using Xunit;

namespace Casty.Orleans.Docs.Tests.Snippets;

public static class Averages
{
    #region subject
    /// <summary>The code under test: it knows a sink and a source, and no cluster.</summary>
    public static async Task AverageAsync(SourceRef<decimal> prices, SinkRef<decimal> averages, int count)
    {
        var last = new Queue<decimal>();
        await foreach (decimal price in prices)
        {
            last.Enqueue(price);
            if (last.Count > count) last.Dequeue();
            await averages.PutAsync(last.Average());
        }

        await averages.CompleteAsync();
    }
    #endregion
}

public sealed class Testing
{
    #region pipe
    [Fact]
    public async Task Averages_AreThoseOfTheLastPrices()
    {
        var (prices, input) = StreamPipe.Create<decimal>();
        var (output, averages) = StreamPipe.Create<decimal>();
        var running = Averages.AverageAsync(input, output, count: 2);

        await prices.PutAllAsync([1m, 3m, 5m]);
        await prices.CompleteAsync();

        Assert.Equal([1m, 2m, 4m], await averages.ToListAsync());
        await running;
    }
    #endregion

    #region backpressure
    [Fact]
    public async Task NoMoreIsReadThanCanBeWritten()
    {
        var (prices, input) = StreamPipe.Create<decimal>(new() { BufferSize = 1 }, new() { InitialDemand = 1 });
        var (output, averages) = StreamPipe.Create<decimal>(new() { BufferSize = 1 }, new() { InitialDemand = 1 });
        var running = Averages.AverageAsync(input, output, count: 2);

        // Nobody reads the averages: two of them fit, a third is in hand, and two prices wait. The next put would wait for ever.
        for (int i = 0; i < 5; i++) await prices.PutAsync(i);
        Assert.False(prices.TryPut(5));

        await averages.DisposeAsync();
        await Assert.ThrowsAsync<StreamClosedException>(() => running);
    }
    #endregion
}
