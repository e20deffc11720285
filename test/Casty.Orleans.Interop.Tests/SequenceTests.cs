using System.Collections.Concurrent;
using Casty.Orleans.Interop.Tests.Snippets;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>What the documentation shows does what it says.</summary>
[Collection(nameof(WebSilo))]
public sealed class SequenceTests(WebSilo web)
{
    private static readonly PriceUpdate[] Prices = [new("EUR", 2), new("GBP", 3), new("EUR", 4)];

    [Fact]
    public async Task Serve()
    {
        var serving = Sequences.ServeAsync(web.Grains, Prices.ToAsyncEnumerable(), CancellationToken.None);
        await using var source = await web.Grains.GetSourceAsync<PriceUpdate>("prices").Soon();
        Assert.Equal(Prices, await source.ToListAsync().Soon());
        await serving.Soon();
    }

    [Fact]
    public async Task Pipe()
    {
        var serving = web.Grains.ServeAsync("prices", Prices);
        var piping = Sequences.PipeAsync(web.Grains, CancellationToken.None);
        await using var rates = await web.Grains.GetSourceAsync<double>("rates").Soon();
        Assert.Equal([0.5, 0.25], await rates.ToListAsync().Soon());
        await piping.Soon();
        await serving.Soon();
    }

    [Fact]
    public async Task Linq()
    {
        var serving = web.Grains.ServeAsync("prices", Enumerable.Range(0, 1_000).Select(i => new PriceUpdate("EUR", i)));
        Assert.Equal(99, await Sequences.HighestAsync(web.Grains, CancellationToken.None).Soon());
        await Assert.ThrowsAsync<StreamClosedException>(() => serving.Soon());
    }

    [Fact]
    public async Task Push()
    {
        var pushing = Sequences.PushAsync(web.Grains, new Ticker(), CancellationToken.None);
        await using var source = await web.Grains.GetSourceAsync<PriceUpdate>("prices").Soon();
        Assert.Equal(Prices, await source.ToListAsync().Soon());
        await pushing.Soon();
    }

    [Fact]
    public async Task Observe()
    {
        var seen = new Seen();
        var serving = web.Grains.ServeAsync("prices", Prices);
        using var subscription = await Sequences.ObserveAsync(web.Grains, seen).Soon();
        await serving.Soon();
        Assert.Equal(Prices, seen.Prices);
    }

    private sealed class Ticker : IObservable<PriceUpdate>, IDisposable
    {
        public IDisposable Subscribe(IObserver<PriceUpdate> observer)
        {
            foreach (var update in Prices) observer.OnNext(update);
            observer.OnCompleted();
            return this;
        }

        public void Dispose()
        {
        }
    }

    private sealed class Seen : IObserver<PriceUpdate>
    {
        public ConcurrentQueue<PriceUpdate> Prices { get; } = new();

        public void OnNext(PriceUpdate value) => Prices.Enqueue(value);

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }
}
