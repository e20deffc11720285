using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A cluster whose silos do not host streams.</summary>
public sealed class NoStreamsTests
{
    [Theory]
    [InlineData(Place.SiloA)]
    [InlineData(Place.Client)]
    public async Task AskedForAStream_SaysWhatSilosNeed(Place place)
    {
        await using var bed = new ClusterBed
        {
            SiloCount = 1,
            Silos = silo => silo.Services.PostConfigure<GrainTypeOptions>(grains => grains.Classes.RemoveWhere(one => one.Namespace == "Casty.Orleans")),
        };
        await bed.DeployAsync();
        var sink = await Assert.ThrowsAsync<InvalidOperationException>(() => bed[place].GetSinkAsync<int>("prices"));
        var source = await Assert.ThrowsAsync<InvalidOperationException>(() => bed[place].GetSourceAsync<int>("prices"));
        var management = Assert.Throws<InvalidOperationException>(() => bed[place].GetStreamManagement());
        Assert.All([sink, source, management], exception => Assert.Contains("Casty.Orleans.Grains", exception.Message, StringComparison.Ordinal));
    }
}
