using Casty.Orleans;
using Orleans.Runtime;

namespace Orleans.Hosting;

/// <summary>
/// A silo that stops waits, once its activations are gone and before its network is, until the streams that it hosted go on elsewhere
/// and have what only this silo held.
/// </summary>
internal sealed class HandOver(IServiceProvider services) : ILifecycleParticipant<ISiloLifecycle>
{
    // Several attempts of an end to rejoin fit into it, and it fits into the 30 s that a host takes for stopping.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(HandOver), ServiceLifecycleStage.ApplicationServices, static _ => Task.CompletedTask, OnStopAsync);

    private async Task OnStopAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        await StreamHost.For(services).HandOverAsync(limit.Token);
    }
}
