using Orleans;

namespace Casty.Orleans.Docs.Tests.Snippets;

public static class FanOut
{
    public static async Task BroadcastAsync(IGrainFactory grains)
    {
        #region broadcast
        await using var prices = await grains.GetSinkAsync<decimal>("prices", new() { Delivery = StreamDelivery.Broadcast });
        await using var chart = await grains.GetSourceAsync<decimal>("prices", "chart");   // each of them gets every price
        await using var audit = await grains.GetSourceAsync<decimal>("prices", "audit");
        #endregion
    }

    public static async Task DropAsync(IGrainFactory grains)
    {
        #region drop
        await using var prices = await grains.GetSinkAsync<decimal>("prices", new()
        {
            Delivery = StreamDelivery.Broadcast,
            SlowConsumer = StreamSlowConsumer.DropOldest,
            BufferSize = 256,   // so much waits for a slow consumer
        });
        #endregion
    }

    #region balanced
    public static async Task WorkAsync(IGrainFactory grains, Func<string, Task> handle)
    {
        // Any number of these, anywhere in the cluster; each asks for one job more than it has in hand.
        await using var jobs = await grains.GetSourceAsync<string>("jobs", options: new() { Delivery = StreamDelivery.Balanced, InitialDemand = 2 });
        await foreach (string job in jobs) await handle(job);   // a job counts as finished when the next one is asked for
    }
    #endregion
}
