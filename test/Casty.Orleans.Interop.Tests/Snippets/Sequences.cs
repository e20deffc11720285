using Orleans;

namespace Casty.Orleans.Interop.Tests.Snippets;

/// <summary>What the documentation shows of sequences, observables and channels. Each is run by a test.</summary>
internal static class Sequences
{
    public static async Task ServeAsync(IGrainFactory grains, IAsyncEnumerable<PriceUpdate> prices, CancellationToken stopping)
    {
        #region serve
        await grains.ServeAsync("prices", prices, cancellationToken: stopping);
        #endregion
    }

    public static async Task PipeAsync(IGrainFactory grains, CancellationToken stopping)
    {
        #region pipe
        await using var source = await grains.GetSourceAsync<PriceUpdate>("prices");
        await using var sink = await grains.GetSinkAsync<double>("rates");
        await source.Where(update => update.Symbol == "EUR").Select(update => 1 / update.Price).PipeToAsync(sink, stopping);
        #endregion
    }

    public static async Task<double> HighestAsync(IGrainFactory grains, CancellationToken stopping)
    {
        #region linq
        await using var source = await grains.GetSourceAsync<PriceUpdate>("prices");
        double highest = await source.Take(100).Select(update => update.Price).MaxAsync(cancellationToken: stopping);   // 100 are enough
        #endregion
        return highest;
    }

    public static async Task PushAsync(IGrainFactory grains, IObservable<PriceUpdate> ticker, CancellationToken stopping)
    {
        #region push
        await using var sink = await grains.GetSinkAsync<PriceUpdate>("prices");
        await ticker.PipeToAsync(sink, StreamOverflow.Fail, stopping);
        #endregion
    }

    public static async Task<IDisposable> ObserveAsync(IGrainFactory grains, IObserver<PriceUpdate> observer)
    {
        #region observe
        var source = await grains.GetSourceAsync<PriceUpdate>("prices");
        var subscription = source.ToObservable().Subscribe(observer);   // disposing it leaves the stream
        #endregion
        return subscription;
    }
}
