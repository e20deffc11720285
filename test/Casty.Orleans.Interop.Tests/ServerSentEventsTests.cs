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
        await using var events = await Events.OfAsync(response);
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
        await using var events = await Events.OfAsync(response);
        Assert.True(await events.MoveNextAsync().Soon());
        await sink.FailAsync(new InvalidOperationException("Boom.")).Soon();
        await Assert.ThrowsAnyAsync<IOException>(() => events.MoveNextAsync().Soon());
    }

    [Fact]
    public Task AClientThatStopsReading_HoldsTheWriterBack() => Events.HoldTheWriterBackAsync(web.Grains, $"{web.Address}prices", _name);

    [Fact]
    public async Task AClientThatDisconnects_CancelsTheStream_WhileTheWriterWaits()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, _name);
        using (var client = new HttpClient(WebSilo.Handler()))
        {
            using var response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead).Soon();
            await using var events = await Events.OfAsync(response);
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
            await using var events = await Events.OfAsync(response);
            Assert.True(await events.MoveNextAsync().Soon());
        }

        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon())).Reason);
    }

    private string Url => $"{web.Address}prices/{_name}";
}
