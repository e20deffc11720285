using Casty.Orleans.Interop.Tests.Snippets;
using Grpc.Core;
using Grpc.Net.Client;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>A source as a gRPC server stream, and a client stream served.</summary>
[Collection(nameof(WebSilo))]
public sealed class GrpcTests(WebSilo web) : IAsyncLifetime
{
    private readonly string _name = $"{Guid.NewGuid():N}";
    private GrpcChannel _channel = null!;

    public Task InitializeAsync()
    {
        _channel = Connect();
        return Task.CompletedTask;
    }

    public Task DisposeAsync()
    {
        _channel.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task ASource_IsTheServersStream()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAllAsync([new("AAPL", 142.5), new("AAPL", 143.25)]).Soon();
        await sink.CompleteAsync().Soon();
        using var call = Read(_channel, _name);
        Assert.Equal([142.5, 143.25], await call.ResponseStream.ReadAllAsync().Select(price => price.Amount).ToListAsync().Soon());
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task AFailure_IsTheCallsStatus()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        await sink.FailAsync(new InvalidOperationException("Boom.")).Soon();
        using var call = Read(_channel, _name);
        Assert.True(await call.ResponseStream.MoveNext().Soon());
        Assert.Equal(StatusCode.Unknown, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext().Soon())).StatusCode);
    }

    [Fact]
    public async Task AClientThatStopsReading_HoldsTheWriterBack()
    {
        await using var writer = await LongWriter.StartAsync(web.Grains, _name, LongWriter.Many);
        using var call = Read(_channel, _name);
        Assert.True(await call.ResponseStream.MoveNext().Soon());

        // While as much as would let the writer finish goes to another client, the same way.
        await using var other = await LongWriter.StartAsync(web.Grains, $"{_name}-beside", LongWriter.Many);
        using var channel = Connect();
        using var beside = Read(channel, $"{_name}-beside");
        Assert.Equal(LongWriter.Many, await beside.ResponseStream.ReadAllAsync().CountAsync().Soon());
        Assert.InRange(writer.Put, WebSilo.BufferSize, LongWriter.Bound);

        for (int i = 1; i < LongWriter.Many; i++)
        {
            Assert.True(await call.ResponseStream.MoveNext().Soon());
            Assert.Equal(i, call.ResponseStream.Current.Amount);
        }

        Assert.False(await call.ResponseStream.MoveNext().Soon());
        await writer.Writing.Soon();
    }

    [Fact]
    public async Task ACallThatIsCancelled_CancelsTheStream()
    {
        await using var sink = await web.Grains.GetSinkAsync<PriceUpdate>(_name).Soon();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        using (var call = Read(_channel, _name)) Assert.True(await call.ResponseStream.MoveNext().Soon());
        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon())).Reason);
    }

    [Fact]
    public async Task AClientsStream_IsServed()
    {
        await using var source = await web.Grains.GetSourceAsync<PriceUpdate>(_name).Soon();
        using var call = Write();
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < 100; i++) await call.RequestStream.WriteAsync(new Price { Symbol = "AAPL", Amount = i });
            await call.RequestStream.CompleteAsync();
        });
        Assert.Equal(Enumerable.Range(0, 100).Select(i => new PriceUpdate("AAPL", i)), await source.ToListAsync().Soon());
        await writing.Soon();
        await call.ResponseAsync.Soon();
    }

    [Fact]
    public async Task AReaderThatLeaves_EndsTheClientsCall()
    {
        await using var source = await web.Grains.GetSourceAsync<PriceUpdate>(_name).Soon();
        using var call = Write();
        await call.RequestStream.WriteAsync(new Price { Symbol = "AAPL" }).Soon();
        Assert.Equal("AAPL", (await source.FirstAsync().Soon()).Symbol);
        await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.Soon());
    }

    [Fact]
    public async Task AClientThatCancelsWhileItWrites_DoesNotLookCompleted()
    {
        await using var source = await web.Grains.GetSourceAsync<PriceUpdate>(_name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        using (var call = Write())
        {
            await call.RequestStream.WriteAsync(new Price { Symbol = "AAPL" }).Soon();
            Assert.True(await loop.MoveNextAsync().Soon());
        }

        await Assert.ThrowsAnyAsync<Exception>(() => loop.MoveNextAsync().Soon());
        Assert.False(source.Completion.IsCompletedSuccessfully);
    }

    private static AsyncServerStreamingCall<Price> Read(GrpcChannel channel, string stream) => new Prices.PricesClient(channel).Read(new ReadRequest { Stream = stream });

    private AsyncClientStreamingCall<Price, WriteReply> Write() => new Prices.PricesClient(_channel).Write(new Metadata { { "stream", _name } });

    private GrpcChannel Connect() => GrpcChannel.ForAddress(web.Http2Address, new GrpcChannelOptions { HttpHandler = WebSilo.Handler(), DisposeHttpClient = true });
}
