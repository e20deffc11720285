using System.Net.ServerSentEvents;
using System.Text.Json;
using Orleans;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>Prices that a client reads as server-sent events.</summary>
internal static class Events
{
    /// <summary>The prices of the events, one after the other.</summary>
    public static async Task<IAsyncEnumerator<double>> OfAsync(HttpResponseMessage response)
    {
        var body = await response.EnsureSuccessStatusCode().Content.ReadAsStreamAsync().Soon();
        var events = SseParser.Create(body, (_, data) => JsonDocument.Parse(data.ToArray()).RootElement.GetProperty("price").GetDouble());
        return events.EnumerateAsync().Select(item => item.Data).GetAsyncEnumerator();
    }

    /// <summary>A client reads one event and then no more: the writer waits, wherever it is, and all of it comes once the client goes on.</summary>
    /// <param name="writers">Where the writer is.</param>
    /// <param name="prices">The address of the prices of all streams.</param>
    /// <param name="name">The stream's name.</param>
    public static async Task HoldTheWriterBackAsync(IGrainFactory writers, string prices, string name)
    {
        await using var writer = await LongWriter.StartAsync(writers, name, LongWriter.Many);
        using var client = new HttpClient(WebSilo.Handler());
        using var response = await client.GetAsync($"{prices}/{name}", HttpCompletionOption.ResponseHeadersRead).Soon();
        await using var events = await OfAsync(response);
        Assert.True(await events.MoveNextAsync().Soon());

        // While as much as would let the writer finish goes to another client, the same way.
        await ReadAllAsync(writers, prices, $"{name}-beside");
        Assert.InRange(writer.Put, WebSilo.BufferSize, LongWriter.Bound);

        // It goes on where it stopped, and nothing is lost.
        for (int i = 1; i < LongWriter.Many; i++)
        {
            Assert.True(await events.MoveNextAsync().Soon());
            Assert.Equal(i, events.Current);
            Assert.InRange(writer.Put, 0, i + LongWriter.Bound);
        }

        Assert.False(await events.MoveNextAsync().Soon());
        await writer.Writing.Soon();
    }

    private static async Task ReadAllAsync(IGrainFactory writers, string prices, string name)
    {
        await using var writer = await LongWriter.StartAsync(writers, name, LongWriter.Many);
        using var client = new HttpClient();
        using var response = await client.GetAsync($"{prices}/{name}", HttpCompletionOption.ResponseHeadersRead).Soon();
        await using var events = await OfAsync(response);
        int read = 0;
        while (await events.MoveNextAsync().Soon()) Assert.Equal(read++, events.Current);
        Assert.Equal(LongWriter.Many, read);
    }
}
