using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// The observers carry the stream: on a clock that stands still, so that nothing is said twice, and with the echo in responses
/// switched off or on.
/// </summary>
public sealed class ObserverTests(ObserverTests.Fixture fixture) : IClassFixture<ObserverTests.Fixture>
{
    private readonly ClusterBed _bed = fixture.Bed;

    [Theory, Everywhere]
    public async Task DemandObserverAlone_KeepsAStreamMoving(Place writer, Place reader)
    {
        Echo(false);
        await RunAsync(writer, reader, 3_000);
        await RunAsync(writer, reader, 0);
    }

    [Theory, Everywhere]
    public async Task NothingIsSaidTwice(Place writer, Place reader)
    {
        Echo(true);
        for (int i = 0; i < 5; i++) await RunAsync(writer, reader, i);
    }

    private async Task RunAsync(Place writer, Place reader, int count)
    {
        string name = Cluster.Name();
        var first = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 16 }).Soon();
        var sink = await _bed[writer].GetSinkAsync<int>(name).Soon();
        var source = await _bed[reader].GetSourceAsync<int>(name).Soon();
        await first.CompleteAsync().Soon();
        var putting = sink.WriteAsync(Enumerable.Range(0, count));
        Assert.Equal(Enumerable.Range(0, count), await source.ToListAsync().Soon());
        await putting;
        await sink.Completion.Soon();
        await source.Completion.Soon();
        await source.DisposeAsync().Soon();
        await sink.DisposeAsync().Soon();
        await first.DisposeAsync().Soon();
    }

    private void Echo(bool isOn)
    {
        foreach (var host in _bed.Hosts) host.EchoDemand = isOn;
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime() };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
