using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// A cluster whose streams follow a clock that only a test moves: nothing is ever sent again unless the test says so, and a
/// stream that needs a repetition to come through hangs here. Leases outlast every timeout that a test lets run out.
/// </summary>
public sealed class ClockedCluster : IAsyncLifetime
{
    private readonly ClusterBed _bed = new() { Time = new ManualTime(), Lease = TimeSpan.FromDays(1) };

    public ManualTime Clock => _bed.Time!;

    public LogBook Log => _bed.Log;

    public Wire Wire => _bed.Wire;

    public IGrainFactory this[Place place] => _bed[place];

    public IServiceProvider Services(Place place) => _bed.Services(place);

    internal StreamHost Host(Place place) => _bed.Host(place);

    public Task RoundTripAsync() => _bed.RoundTripAsync();

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();
}

[CollectionDefinition(nameof(ClockedCluster))]
public sealed class ClockedClusterCollection : ICollectionFixture<ClockedCluster>;
