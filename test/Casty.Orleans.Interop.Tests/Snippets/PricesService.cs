using Grpc.Core;
using Orleans;

namespace Casty.Orleans.Interop.Tests.Snippets;

#region grpc
public sealed class PricesService(IGrainFactory grains) : Prices.PricesBase
{
    public override async Task Read(ReadRequest request, IServerStreamWriter<Price> response, ServerCallContext call)
    {
        await using var source = await grains.GetSourceAsync<PriceUpdate>(request.Stream, cancellationToken: call.CancellationToken);
        await foreach (var update in source.WithCancellation(call.CancellationToken))
        {
            await response.WriteAsync(new Price { Symbol = update.Symbol, Amount = update.Price }, call.CancellationToken);
        }
    }

    public override async Task<WriteReply> Write(IAsyncStreamReader<Price> request, ServerCallContext call)
    {
        string name = call.RequestHeaders.GetValue("stream") ?? throw new RpcException(new Status(StatusCode.InvalidArgument, "Which stream?"));
        var prices = request.ReadAllAsync().Select(price => new PriceUpdate(price.Symbol, price.Amount));
        await grains.ServeAsync(name, prices, cancellationToken: call.CancellationToken);
        return new WriteReply();
    }
}
#endregion
