using Orleans;

namespace Casty.Orleans.Docs.Tests.Snippets;

public interface ITickerGrain : IGrainWithStringKey
{
    Task TickAsync(decimal price);
}

#region grain
public sealed class TickerGrain : Grain, ITickerGrain
{
    private SinkRef<decimal> _prices = null!;

    public override async Task OnActivateAsync(CancellationToken cancellationToken) =>
        _prices = await GrainFactory.GetSinkAsync<decimal>(this.GetPrimaryKeyString(), cancellationToken: cancellationToken);

    public async Task TickAsync(decimal price) => await _prices.PutAsync(price);

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        await _prices.CompleteAsync(cancellationToken);
}
#endregion
