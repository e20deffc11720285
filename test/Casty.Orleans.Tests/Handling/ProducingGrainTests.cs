using Orleans;
using Orleans.Core.Internal;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A grain holds a sink across its turns, and takes its place along when it migrates.</summary>
[Collection(nameof(Cluster))]
public sealed class ProducingGrainTests(Cluster cluster)
{
    private readonly string _name = Cluster.Name();

    [Theory]
    [InlineData(Place.SiloA)]
    [InlineData(Place.SiloB)]
    [InlineData(Place.Client)]
    public async Task Migrated_TheStreamGoesOn_NothingLostDoubledOrReordered(Place reader)
    {
        var grain = cluster[Place.SiloA].GetGrain<IProducingGrain>(_name);
        await using var source = await cluster[reader].GetSourceAsync<int>(_name).Soon();
        var silos = (await cluster[Place.Client].GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true).Soon()).Keys.ToArray();
        var reading = source.DrainAsync();
        var homes = new HashSet<SiloAddress>();
        int put = 0;
        for (int move = 0; move < 4; move++)
        {
            SiloAddress home = null!;
            for (int i = 0; i < 100; i++) home = await grain.PutAsync(put++).Soon();
            homes.Add(home);
            await grain.MigrateAsync(silos.First(silo => !silo.Equals(home))).Soon();
        }

        await grain.PutAsync(put++).Soon();
        await cluster.Orleans.DeactivateAsync(grain).Soon();
        Assert.Equal(Enumerable.Range(0, put), await reading);
        Assert.Equal(2, homes.Count);
    }

    [Fact]
    public async Task Handlers_ThatProduce_AreAPipeline()
    {
        string key = $"{Guid.NewGuid():N}";
        await using var source = await cluster[Place.Client].GetSourceAsync<int>($"doubled/{key}").Soon();
        await using var sink = await cluster[Place.SiloB].GetSinkAsync<int>($"double/{key}", new() { BufferSize = 8 }).Soon();
        var reading = source.DrainAsync();
        await sink.WriteAsync(Enumerable.Range(0, 300));
        Assert.Equal(Enumerable.Range(0, 300).Select(number => 2 * number), await reading);
    }
}

public interface IProducingGrain : IGrainWithStringKey
{
    Task<SiloAddress> PutAsync(int element);

    Task MigrateAsync(SiloAddress to);
}

[PreferLocalPlacement]
public sealed class ProducingGrain(ILocalSiloDetails silo) : Grain, IProducingGrain, IGrainMigrationParticipant
{
    private SinkRef<int>? _sink;

    public override async Task OnActivateAsync(CancellationToken cancellationToken) =>
        _sink ??= await GrainFactory.GetSinkAsync<int>(this.GetPrimaryKeyString(), cancellationToken: cancellationToken);

    public async Task<SiloAddress> PutAsync(int element)
    {
        await _sink!.PutAsync(element);
        return silo.SiloAddress;
    }

    public Task MigrateAsync(SiloAddress to)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, to);
        this.MigrateOnIdle();
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        var sink = _sink!;
        if (reason.ReasonCode == DeactivationReasonCode.Migrating) _sink = await GrainFactory.GetSinkAsync<int>(this.GetPrimaryKeyString(), cancellationToken: cancellationToken);
        await sink.CompleteAsync(cancellationToken);
    }

    public void OnDehydrate(IDehydrationContext context) => context.TryAddValue("sink", _sink);

    public void OnRehydrate(IRehydrationContext context) => context.TryGetValue("sink", out _sink);
}

public interface IDoublingGrain : IGrainWithStringKey;

[ConsumesStream("double/{key}")]
public sealed class DoublingGrain : Grain, IDoublingGrain, IStreamHandler<int>
{
    private SinkRef<int>? _sink;

    public async Task OnElementAsync(int element, string stream, CancellationToken cancellationToken)
    {
        _sink ??= await GrainFactory.GetSinkAsync<int>($"doubled/{this.GetPrimaryKeyString()}", cancellationToken: cancellationToken);
        await _sink.PutAsync(2 * element, cancellationToken);
    }

    public async Task OnCompletedAsync(string stream)
    {
        if (_sink is not null) await _sink.CompleteAsync();
    }
}
