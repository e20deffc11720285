using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Casty.Orleans.Interop.Tests.Snippets;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>A source returned from a hub, and a client's stream served.</summary>
[Collection(nameof(WebSilo))]
public sealed class SignalRTests(WebSilo web) : IAsyncLifetime
{
    private readonly string _name = $"{Guid.NewGuid():N}";
    private HubConnection _client = null!;

    public async Task InitializeAsync()
    {
        _client = new HubConnectionBuilder().WithUrl(new Uri(web.Address, "/prices")).Build();
        await _client.StartAsync().Soon();
    }

    public async Task DisposeAsync() => await _client.DisposeAsync();

    [Fact]
    public async Task ASource_IsTheHubsStream()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAllAsync([new("AAPL", 142.5), new("AAPL", 143.25)]).Soon();
        await sink.CompleteAsync().Soon();
        var read = await _client.StreamAsync<PriceUpdate>("Read", _name).ToListAsync().Soon();
        Assert.Equal([new("AAPL", 142.5), new("AAPL", 143.25)], read);
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task AFailure_IsTheClientsError()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        await sink.FailAsync(new InvalidOperationException("Boom.")).Soon();
        var read = new List<PriceUpdate>();
        await Assert.ThrowsAsync<HubException>(async () =>
        {
            await foreach (var update in _client.StreamAsync<PriceUpdate>("Read", _name)) read.Add(update);
        }).Soon();
        Assert.Single(read);
    }

    [Fact]
    public async Task AClientThatLeavesItsLoop_CancelsTheStream()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        using var enough = new CancellationTokenSource();
        var loop = _client.StreamAsync<PriceUpdate>("Read", _name, enough.Token).GetAsyncEnumerator(enough.Token);
        Assert.True(await loop.MoveNextAsync().Soon());
        await enough.CancelAsync();
        await loop.DisposeAsync().Soon();
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon())).Reason);
    }

    [Fact]
    public async Task AClientThatDisconnects_CancelsTheStream()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        await using var loop = _client.StreamAsync<PriceUpdate>("Read", _name).GetAsyncEnumerator();
        Assert.True(await loop.MoveNextAsync().Soon());
        await _client.StopAsync().Soon();
        await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
    }

    /// <summary>A client as a browser whose page hangs: its socket is not read.</summary>
    [Fact]
    public async Task AClientThatStopsReadingItsSocket_HoldsTheWriterBack()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, _name, LongWriter.Many);
        using var stalled = await RawClient.ConnectAsync(web, _name);
        Assert.Equal(0, await stalled.NextAsync());

        // While as much as would let the writer finish goes to another client, the same way.
        await using var other = await LongWriter.StartAsync(web.Grains, $"{_name}-beside", LongWriter.Many);
        Assert.Equal(LongWriter.Many, await _client.StreamAsync<PriceUpdate>("Read", $"{_name}-beside").CountAsync().Soon());
        Assert.InRange(writer.Put, WebSilo.BufferSize, LongWriter.Bound);

        for (int i = 1; i < LongWriter.Many; i++)
        {
            Assert.Equal(i, await stalled.NextAsync());
            Assert.InRange(writer.Put, 0, i + LongWriter.Bound);
        }

        await writer.Writing.Soon();
    }

    [Fact]
    public async Task AStalledClientThatIsGone_CancelsTheStream()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, _name);
        using (var stalled = await RawClient.ConnectAsync(web, _name)) Assert.Equal(0, await stalled.NextAsync());
        await writer.ReaderLeftAsync();
    }

    /// <summary>SignalR's own client reads its socket whether or not its loop asks for more; here it says what it asks for.</summary>
    [Fact]
    public async Task AClientThatAsks_GetsWhatItAskedForAndNoMore()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, _name, LongWriter.Many);
        var asked = Channel.CreateUnbounded<int>();
        await using var loop = _client.StreamAsync<PriceUpdate>("ReadAsked", _name, asked.Reader).GetAsyncEnumerator();
        int given = 0;
        foreach (int more in (int[])[3, 1, 10])
        {
            Assert.True(asked.Writer.TryWrite(more));
            for (int i = 0; i < more; i++)
            {
                Assert.True(await loop.MoveNextAsync().Soon());
                Assert.Equal(given++, loop.Current.Price);
            }

            // What the stream itself takes, and nothing more of it over a connection that others use meanwhile.
            await Waiting.UntilAsync(() => writer.Put >= given + WebSilo.BufferSize);
            Assert.Equal(LongWriter.Many, await BesideAsync(more));
            Assert.InRange(writer.Put, given + WebSilo.BufferSize, given + WebSilo.BufferSize + WebSilo.Demand);
        }

        asked.Writer.Complete();
        Assert.False(await loop.MoveNextAsync().Soon());
        await writer.ReaderLeftAsync();
    }

    [Fact]
    public async Task AClientsStream_IsServed()
    {
        await using var source = await web.Grains.GetSourceAsync<PriceUpdate>(_name).Soon();
        var prices = Enumerable.Range(0, 100).Select(i => new PriceUpdate("AAPL", i)).ToArray();
        var writing = _client.InvokeAsync("Write", _name, prices.ToAsyncEnumerable());
        Assert.Equal(prices, await source.ToListAsync().Soon());
        await writing.Soon();
    }

    [Fact]
    public async Task AClientThatDisconnectsWhileItWrites_DoesNotLookCompleted()
    {
        await using var source = await web.Grains.GetSourceAsync<PriceUpdate>(_name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        var prices = Channel.CreateUnbounded<PriceUpdate>();
        Assert.True(prices.Writer.TryWrite(new("AAPL", 0)));
        _ = _client.InvokeAsync("Write", _name, prices.Reader);
        Assert.True(await loop.MoveNextAsync().Soon());
        await _client.StopAsync().Soon();
        await Assert.ThrowsAnyAsync<Exception>(() => loop.MoveNextAsync().Soon());
        Assert.False(source.Completion.IsCompletedSuccessfully);
    }

    private async Task<int> BesideAsync(int number)
    {
        await using var other = await LongWriter.StartAsync(web.Grains, $"{_name}-beside-{number}", LongWriter.Many);
        return await _client.StreamAsync<PriceUpdate>("Read", $"{_name}-beside-{number}").CountAsync().Soon();
    }

    /// <summary>Speaks SignalR over a WebSocket that is read only when a test says so.</summary>
    private sealed class RawClient : IDisposable
    {
        private const byte EndOfMessage = 0x1e;

        private readonly ClientWebSocket _socket = new();
        private readonly List<byte> _unread = [];
        private readonly byte[] _buffer = new byte[16 * 1024];

        public static async Task<RawClient> ConnectAsync(WebSilo web, string stream)
        {
            var client = new RawClient();
            using var invoker = new HttpMessageInvoker(WebSilo.Handler());
            await client._socket.ConnectAsync(new UriBuilder(web.Address) { Scheme = "ws", Path = "/prices" }.Uri, invoker, CancellationToken.None).Soon();
            await client.SendAsync("""{"protocol":"json","version":1}""");
            await client.SendAsync($$"""{"type":4,"invocationId":"1","target":"Read","arguments":["{{stream}}"]}""");
            Assert.Equal("{}", await client.MessageAsync());
            return client;
        }

        /// <summary>The price of the next element.</summary>
        public async Task<double> NextAsync()
        {
            while (true)
            {
                var message = JsonDocument.Parse(await MessageAsync()).RootElement;
                if (message.GetProperty("type").GetInt32() == 2) return message.GetProperty("item").GetProperty("price").GetDouble();
            }
        }

        public void Dispose() => _socket.Dispose();

        private Task SendAsync(string message) =>
            _socket.SendAsync((byte[])[.. Encoding.UTF8.GetBytes(message), EndOfMessage], WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None).Soon();

        private async Task<string> MessageAsync()
        {
            int end;
            while ((end = _unread.IndexOf(EndOfMessage)) < 0)
            {
                var received = await _socket.ReceiveAsync(_buffer, CancellationToken.None).Soon();
                Assert.NotEqual(WebSocketMessageType.Close, received.MessageType);
                _unread.AddRange(_buffer.AsSpan(0, received.Count));
            }

            string message = Encoding.UTF8.GetString([.. _unread.Take(end)]);
            _unread.RemoveRange(0, end + 1);
            return message;
        }
    }
}
