using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Calls between the ends get lost, doubled and overtaken, in a cluster and between every pair of places.</summary>
public sealed class LossTests(LossTests.Fixture fixture) : IClassFixture<LossTests.Fixture>
{
    private readonly ClusterBed _bed = fixture.Bed;

    [Theory, MemberData(nameof(Matrix))]
    public async Task LostDoubledAndOvertakenCalls_LoseDoubleAndReorderNothing(Place writer, Place reader, int seed)
    {
        const int Count = 10_000;
        string name = Cluster.Name();
        _bed.Wire.Faults = null;

        // Whoever comes first decides where the producer lives: on silo A. Little room makes for many calls.
        await using var first = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 64 }).Soon();
        await using var sink = await _bed[writer].GetSinkAsync<int>(name).Soon();
        var source = await _bed[reader].GetSourceAsync<int>(name, options: new() { InitialDemand = 64 }).Soon();
        await first.CompleteAsync().Soon();

        var faults = _bed.Wire.Faults = new Faults(seed);
        var putting = PutAsync();
        var reading = source.ToListAsync().AsTask();
        await _bed.DriveAsync(Task.WhenAll(putting, reading, sink.Completion)).Soon();
        _bed.Wire.Faults = null;
        await _bed.DriveAsync(source.DisposeAsync().AsTask()).Soon();   // its farewell may have been lost

        Assert.Equal(Enumerable.Range(0, Count), await reading);
        if ((writer, reader) != (Place.SiloA, Place.SiloA)) Assert.All(faults.Counts, count => Assert.True(count > 0, "Nothing went wrong."));

        async Task PutAsync()
        {
            await sink.PutAllAsync(Enumerable.Range(0, Count));
            await sink.CompleteAsync();
        }
    }

    public static TheoryData<Place, Place, int> Matrix()
    {
        var data = new TheoryData<Place, Place, int>();
        foreach (var writer in Enum.GetValues<Place>())
        {
            foreach (var reader in Enum.GetValues<Place>())
            {
                data.Add(writer, reader, data.Count + 1);
            }
        }

        return data;
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime() };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
