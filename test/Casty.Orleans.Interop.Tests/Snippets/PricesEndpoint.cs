using System.Net.ServerSentEvents;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Orleans;

namespace Casty.Orleans.Interop.Tests.Snippets;

internal static class PricesEndpoint
{
    public static void MapPrices(this WebApplication app)
    {
        #region sse
        app.MapGet("/prices/{name}", async (string name, IGrainFactory grains, CancellationToken aborted) =>
        {
            var source = await grains.GetSourceAsync<PriceUpdate>(name, cancellationToken: aborted);
            return TypedResults.ServerSentEvents(source.Select(update => new SseItem<PriceUpdate>(update, "price")));
        });
        #endregion
    }
}
