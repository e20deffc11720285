using Orleans;
using Orleans.Runtime;

namespace Casty.Orleans.Docs.Tests.Snippets;

[GenerateSerializer, Alias("docs.Trade")]
public sealed record Trade([property: Id(0)] string Symbol, [property: Id(1)] int Amount);

public interface IPortfolioGrain : IGrainWithStringKey
{
    Task<int> HoldsAsync(string symbol);
}

#region element
[ConsumesStream("trades/{key}")]   // whoever writes trades/alice activates the grain "alice"
public sealed class PortfolioGrain : Grain, IPortfolioGrain, IStreamHandler<Trade>
{
    private readonly Dictionary<string, int> _amounts = [];

    public Task OnElementAsync(Trade trade, string stream, CancellationToken cancellationToken)
    {
        _amounts[trade.Symbol] = _amounts.GetValueOrDefault(trade.Symbol) + trade.Amount;
        return Task.CompletedTask;   // now the trade is finished
    }

    public Task<int> HoldsAsync(string symbol) => Task.FromResult(_amounts.GetValueOrDefault(symbol));   // answered between two trades
}
#endregion

public interface IArchiveGrain : IGrainWithStringKey
{
    Task BeginAsync(string stream);

    Task EndAsync(string stream);
}

public interface IArchive
{
    Task StoreAsync(IReadOnlyList<Trade> trades, CancellationToken cancellationToken);
}

#region batch
public sealed class ArchiveGrain(IArchive archive) : Grain, IArchiveGrain, IStreamBatchHandler<Trade>
{
    public Task BeginAsync(string stream) => this.ConsumeAsync<Trade>(stream);        // one line; twice is once

    public Task EndAsync(string stream) => this.StopConsumingAsync<Trade>(stream);    // the stream is kept for the next ConsumeAsync

    public Task OnBatchAsync(IReadOnlyList<Trade> trades, string stream, CancellationToken cancellationToken) => archive.StoreAsync(trades, cancellationToken);

    public Task OnCompletedAsync(string stream)
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public StreamHandlerOptions GetHandlerOptions(string stream) => new()
    {
        BatchSize = 500,
        Retries = 5,
        RetryDelay = TimeSpan.FromSeconds(2),
        OnFailure = StreamHandlerFailure.Stop,
        HandlerTimeout = TimeSpan.FromMinutes(1),
        Consumer = new() { MaxDemand = 10_000 },
    };
}
#endregion

public interface ISensorGrain : IGrainWithStringKey
{
    Task MeasuredAsync(double value);
}

#region producing
public sealed class SensorGrain : Grain, ISensorGrain, IGrainMigrationParticipant
{
    private SinkRef<double>? _values;

    public override async Task OnActivateAsync(CancellationToken cancellationToken) =>
        _values ??= await OpenAsync(cancellationToken);   // the one that came along, or the first

    public async Task MeasuredAsync(double value) => await _values!.PutAsync(value);

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        var values = _values!;
        if (reason.ReasonCode == DeactivationReasonCode.Migrating) _values = await OpenAsync(cancellationToken);   // keeps the stream open
        await values.CompleteAsync(cancellationToken);
    }

    public void OnDehydrate(IDehydrationContext context) => context.TryAddValue("values", _values);

    public void OnRehydrate(IRehydrationContext context) => context.TryGetValue("values", out _values);

    private Task<SinkRef<double>> OpenAsync(CancellationToken cancellationToken) =>
        GrainFactory.GetSinkAsync<double>($"values/{this.GetPrimaryKeyString()}", cancellationToken: cancellationToken);
}
#endregion
