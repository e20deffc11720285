using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Case 59: a silo that is cut off from the others, and lives.</summary>
public sealed class PartitionTests : IAsyncDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(4);

    private readonly Cable _cable = new();
    private ClusterBed _bed = null!;

    public async ValueTask DisposeAsync()
    {
        _cable.Mend();
        await _bed.DisposeAsync();
    }

    [Fact]
    public async Task ProducersSiloCutOff_TheOthersGoOn_AndWhatComesLateTouchesNothing()
    {
        await DeployAsync(TimeSpan.FromSeconds(15));   // membership needs a part of that
        await using var flow = await Flow.WithProducerAtAsync(_bed, 2, "between", Place.SiloA, Place.SiloB).Soon();
        await flow.ReadAsync(500);

        _cable.Cut(_bed.Orleans.Silos[2].SiloAddress);
        await flow.ReadAsync(5_000);
        _cable.Mend();
        await flow.ReadAsync(5_000);
        await flow.FinishAsync().Soon();
    }

    /// <summary>A client reaches both sides: what it writes to the one must not be lost to a reader on the other in silence.</summary>
    [Theory]
    [InlineData(Place.Client, Place.SiloA)]
    [InlineData(Place.SiloA, Place.Client)]
    public async Task ProducersSiloCutOff_AnEndOnEitherSide_BothGoOnOrBothEnd(Place writer, Place reader)
    {
        await DeployAsync(Short);
        await using var flow = await Flow.WithProducerAtAsync(_bed, 2, "across", writer, reader).Soon();
        await flow.ReadAsync(500);

        _cable.Cut(_bed.Orleans.Silos[2].SiloAddress);
        bool goesOn = await flow.TryReadAsync(5_000);
        if (goesOn) await flow.FinishAsync().Soon();
        else await Assert.ThrowsAsync<StreamAbandonedException>(() => flow.Sink.Completion.WaitAsync(Waiting.Limit));
    }

    /// <summary>An end that is cut off with nobody to speak to stops by itself, and the other one is told.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public async Task AnEndsSiloCutOff_BothSidesEnd(int writer, int reader)
    {
        await DeployAsync(Short);
        await using var flow = new Flow(
            await _bed.Factory(writer).GetSinkAsync<int>("end").Soon(),
            await _bed.Factory(reader).GetSourceAsync<int>("end").Soon(),
            () => _bed.Describe<int>("end"));
        await flow.ReadAsync(500);

        _cable.Cut(_bed.Orleans.Silos[2].SiloAddress);
        Assert.False(await flow.TryReadAsync(1_000_000));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => flow.Sink.Completion.WaitAsync(Waiting.Limit));
    }

    private async Task DeployAsync(TimeSpan lease)
    {
        _bed = new ClusterBed
        {
            SiloCount = 3,
            Lease = lease,
            Silos = silo =>
            {
                _cable.Connect(silo);

                // So long its grain directory waits for what a silo that was declared dead may still hand over.
                silo.Configure<SiloMessagingOptions>(options => options.SystemResponseTimeout = TimeSpan.FromSeconds(2));
                silo.Configure<ClusterMembershipOptions>(options =>
                {
                    options.ProbeTimeout = TimeSpan.FromMilliseconds(500);
                    options.NumMissedProbesLimit = 2;
                    options.NumVotesForDeathDeclaration = 1;
                    options.EnableIndirectProbes = false;   // they would need more time
                });
            },
        };
        await _bed.DeployAsync();
    }
}
