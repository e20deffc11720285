using Casty.Orleans.Benchmarks.Wire;
using Grpc.Core;
using Grpc.Net.Client;

namespace Casty.Orleans.Benchmarks;

internal sealed class PriceService : Wire.Prices.PricesBase
{
    public override async Task Download(Wanted request, IServerStreamWriter<WirePrice> responseStream, ServerCallContext context)
    {
        for (int i = 0; i < request.Count && !context.CancellationToken.IsCancellationRequested; i++)
        {
            if (request.Counted) Produced.Add();
            await responseStream.WriteAsync(GrpcRival.Prices[i]);
        }
    }

    public override async Task<Received> Upload(IAsyncStreamReader<WirePrice> requestStream, ServerCallContext context)
    {
        int read = 0;
        await foreach (var price in requestStream.ReadAllAsync()) GrpcRival.Prices.Expect(price, read++);
        return new Received { Count = read };
    }
}

/// <summary>gRPC's streaming with its defaults: HTTP/2 and Protocol Buffers.</summary>
internal sealed class GrpcRival(string url) : IDisposable
{
    public const string Name = "gRPC, defaults";

    public static readonly Kind<WirePrice> Prices = new(Kind.Price.Name, 0,
        [.. Kind.Price.Samples.Select(price => new WirePrice { Symbol = price.Symbol, Value = price.Value, At = price.At })], price => (int)price.At);

    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(url);

    private Wire.Prices.PricesClient Client => new(_channel);

    public async Task DownloadAsync(int count)
    {
        using var call = Client.Download(new Wanted { Count = count });
        await Check.AllAsync(call.ResponseStream.ReadAllAsync(), Prices, count);
    }

    public async Task UploadAsync(int count)
    {
        using var call = Client.Upload();
        for (int i = 0; i < count; i++) await call.RequestStream.WriteAsync(Prices[i]);
        await call.RequestStream.CompleteAsync();
        Check.Count(count, (await call).Count);
    }

    /// <summary>The reader takes one element, and no other until it is told to leave.</summary>
    public async Task StallAsync(int count, Task until)
    {
        using var call = Client.Download(new Wanted { Count = count, Counted = true });
        if (!await call.ResponseStream.MoveNext()) throw new InvalidOperationException("Nothing came.");
        await until;
    }

    public void Dispose() => _channel.Dispose();
}
