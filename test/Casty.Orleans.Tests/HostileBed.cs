using Orleans;
using Orleans.Runtime;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A cluster for peers that break the rules, and what must not notice them: the other streams, and the silos.</summary>
public sealed class HostileBed : IAsyncLifetime
{
    private readonly ClusterBed _bed = new() { Time = new ManualTime() };
    private readonly List<IHostilePeer> _guests = [];

    public IClusterClient Client => _bed.Orleans.Client;

    public Wire Wire => _bed.Wire;

    public LogBook Log => _bed.Log;

    public IGrainFactory this[Place place] => _bed[place];

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    /// <summary>A hostile writer joins, from the client.</summary>
    public async Task<HostileWriter> WriterAsync(string name, Func<StreamAttachRequest, StreamAttachRequest>? forge = null) =>
        Guest(await HostileWriter.JoinAsync(Client, name, forge));

    /// <summary>A hostile reader joins, from the client.</summary>
    public async Task<HostileReader> ReaderAsync(string name, Func<StreamSubscribeRequest<int>, StreamSubscribeRequest<int>>? forge = null) =>
        Guest(await HostileReader.JoinAsync(Client, name, forge));

    public Task RoundTripAsync() => _bed.RoundTripAsync();

    /// <summary>
    /// Runs an attack beside a stream that is none of its business, over the same processes. That one loses nothing, no silo logs
    /// anything, and afterwards nothing is left.
    /// </summary>
    public async Task BesideANeighbourAsync(Func<Task> attack)
    {
        int errors = _bed.Log.Errors.Count;
        string name = Cluster.Name("neighbour");
        await using (var near = await this[Place.SiloA].GetSinkAsync<int>(name).Soon())
        await using (var far = await this[Place.Client].GetSinkAsync<int>(name).Soon())
        await using (var source = await this[Place.SiloB].GetSourceAsync<int>(name).Soon())
        {
            await near.PutAllAsync(Enumerable.Range(0, 50)).Soon();
            await far.PutAllAsync(Enumerable.Range(1_000, 50)).Soon();
            await attack();
            await near.PutAllAsync(Enumerable.Range(50, 50)).Soon();
            await far.PutAllAsync(Enumerable.Range(1_050, 50)).Soon();
            await near.CompleteAsync().Soon();
            await far.CompleteAsync().Soon();

            var seen = await source.DrainAsync();
            Assert.Equal(Enumerable.Range(0, 100), seen.Where(one => one < 1_000));
            Assert.Equal(Enumerable.Range(1_000, 100), seen.Where(one => one >= 1_000));
            await near.Completion.Soon();
            await far.Completion.Soon();
        }

        await AssertNothingIsLeftAsync();
        _guests.ForEach(guest => guest.Forget());
        _guests.Clear();
        Assert.Empty(_bed.Log.Errors.Skip(errors));
    }

    private T Guest<T>(T peer)
        where T : IHostilePeer
    {
        _guests.Add(peer);
        return peer;
    }

    /// <summary>What a rude peer left without a word is kept for two leases, and not longer.</summary>
    private async Task AssertNothingIsLeftAsync()
    {
        for (int i = 0; i < 14; i++)
        {
            await _bed.RoundTripAsync();
            _bed.Time!.Advance(TimeSpan.FromSeconds(15));
        }

        await Waiting.UntilAsync(() => _bed.Hosts.All(host => host.EndCount == 0), () => $"Ends are left: {string.Join(", ", _bed.Hosts.Select(host => host.EndCount))}.");
        _bed.Time!.Advance(TimeSpan.FromSeconds(15));   // observers linger from then on
        await Waiting.UntilAsync(() => _bed.Hosts.All(host => host.ObserverCount == 0), () => "Observers are left.");
        Assert.Equal(0, _bed.Time!.Timers);

        var management = _bed[Place.Client].GetGrain<IManagementGrain>(0);
        using var guard = new CancellationTokenSource(Waiting.Limit);
        string[] left;
        do
        {
            left = [.. (await management.GetDetailedGrainStatistics().Soon()).Select(one => one.GrainId.ToString()).Where(id => id.StartsWith("casty.", StringComparison.Ordinal))];
        }
        while (left.Length > 0 && !guard.IsCancellationRequested);
        Assert.Empty(left);
    }
}

[CollectionDefinition(nameof(HostileBed))]
public sealed class HostileCollection : ICollectionFixture<HostileBed>;
