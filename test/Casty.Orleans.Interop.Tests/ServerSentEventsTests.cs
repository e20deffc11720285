using System.Net.ServerSentEvents;
using System.Text.Json;
using Casty.Orleans.Interop.Tests.Snippets;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>A source returned from a minimal API, as server-sent events.</summary>
[Collection(nameof(WebSilo))]
public sealed class ServerSentEventsTests(WebSilo web)
{
    private readonly string _name = $"{Guid.NewGuid():N}";

    [Fact]
    public async Task Elements_AreEvents_AndTheResponseEndsWithTheStream()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAllAsync([new("AAPL", 142.5), new("AAPL", 143.25)]).Soon();
        await sink.CompleteAsync().Soon();
        using var client = new HttpClient();
        Assert.Equal(
            """
            event: price
            data: {"symbol":"AAPL","price":142.5}

            event: price
            data: {"symbol":"AAPL","price":143.25}


            """.ReplaceLineEndings("\n"),
            await client.GetStringAsync(Url).Soon());
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task AnElement_GoesOutAtOnce()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        using var client = new HttpClient();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        using var response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead).Soon();
        await using var events = await EventsAsync(response);
        for (int i = 0; i < 10; i++)
        {
            Assert.True(await events.MoveNextAsync().Soon());
            Assert.Equal(i, events.Current);
            await sink.PutAsync(new("AAPL", i + 1)).Soon();
        }
    }

    [Fact]
    public async Task AFailure_DoesNotLookLikeTheEnd()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        using var client = new HttpClient();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        using var response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead).Soon();
        await using var events = await EventsAsync(response);
        Assert.True(await events.MoveNextAsync().Soon());
        await sink.FailAsync(new InvalidOperationException("Boom.")).Soon();
        await Assert.ThrowsAnyAsync<IOException>(() => events.MoveNextAsync().Soon());
    }

    [Fact]
    public async Task AClientThatStopsReading_HoldsTheWriterBack()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, _name, LongWriter.Many);
        using var client = new HttpClient(WebSilo.Handler());
        using var response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead).Soon();
        await using var events = await EventsAsync(response);
        Assert.True(await events.MoveNextAsync().Soon());

        // While as much as would let the writer finish goes to another client, the same way.
        await ReadBesideAsync();
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

    [Fact]
    public async Task AClientThatDisconnects_CancelsTheStream_WhileTheWriterWaits()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, _name);
        using (var client = new HttpClient(WebSilo.Handler()))
        {
            using var response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead).Soon();
            await using var events = await EventsAsync(response);
            Assert.True(await events.MoveNextAsync().Soon());
        }

        await writer.ReaderLeftAsync();
    }

    [Fact]
    public async Task AClientThatDisconnects_CancelsTheStream_WhileNothingFlows()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        using (var client = new HttpClient())
        {
            using var response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead).Soon();
            await using var events = await EventsAsync(response);
            Assert.True(await events.MoveNextAsync().Soon());
        }

        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon())).Reason);
    }

    private string Url => $"{web.Address}prices/{_name}";

    private async Task ReadBesideAsync()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, $"{_name}-beside", LongWriter.Many);
        using var client = new HttpClient();
        using var response = await client.GetAsync($"{Url}-beside", HttpCompletionOption.ResponseHeadersRead).Soon();
        await using var events = await EventsAsync(response);
        int read = 0;
        while (await events.MoveNextAsync().Soon()) Assert.Equal(read++, events.Current);
        Assert.Equal(LongWriter.Many, read);
    }

    /// <summary>The prices of the events, one after the other.</summary>
    private static async Task<IAsyncEnumerator<double>> EventsAsync(HttpResponseMessage response)
    {
        var body = await response.EnsureSuccessStatusCode().Content.ReadAsStreamAsync().Soon();
        var events = SseParser.Create(body, (_, data) => JsonDocument.Parse(data.ToArray()).RootElement.GetProperty("price").GetDouble());
        return events.EnumerateAsync().Select(item => item.Data).GetAsyncEnumerator();
    }
}
