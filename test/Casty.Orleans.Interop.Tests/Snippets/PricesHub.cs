using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.SignalR;
using Orleans;

namespace Casty.Orleans.Interop.Tests.Snippets;

public sealed class PricesHub(IGrainFactory grains) : Hub
{
    #region hub
    public async Task<IAsyncEnumerable<PriceUpdate>> Read(string name, CancellationToken aborted) =>
        await grains.GetSourceAsync<PriceUpdate>(name, cancellationToken: aborted);

    public Task Write(string name, IAsyncEnumerable<PriceUpdate> prices) =>
        grains.ServeAsync(name, prices, cancellationToken: Context.ConnectionAborted);
    #endregion

    #region asked
    public async IAsyncEnumerable<PriceUpdate> ReadAsked(string name, IAsyncEnumerable<int> asked, [EnumeratorCancellation] CancellationToken aborted)
    {
        await using var source = await grains.GetSourceAsync<PriceUpdate>(name, cancellationToken: aborted);
        await using var prices = source.GetAsyncEnumerator(aborted);
        await foreach (int more in asked.WithCancellation(aborted))
        {
            for (int i = 0; i < more; i++)
            {
                if (!await prices.MoveNextAsync()) yield break;
                yield return prices.Current;
            }
        }
    }
    #endregion
}
