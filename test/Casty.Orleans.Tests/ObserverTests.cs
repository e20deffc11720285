using System.Collections.Concurrent;
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

    /// <summary>A call to an end that is gone is not answered. It must not stay for as long as Orleans keeps a call.</summary>
    [Fact]
    public async Task CallsBetweenEnds_HaveABoundOfTheirOwn()
    {
        Echo(true);
        var bounds = new ConcurrentDictionary<string, TimeSpan?>();
        _bed.Wire.Tap = call => bounds[call.Request.GetMethodName()] = call.Request.GetDefaultResponseTimeout();
        await RunAsync(Place.Client, Place.SiloB, 100);
        _bed.Wire.Tap = null;

        Assert.Equal(["OnDemandAsync", "OnNextAsync"], bounds.Keys.Order());
        Assert.All(bounds.Values, bound => Assert.Equal(TimeSpan.FromSeconds(10), bound));
    }

    /// <summary>What is on its way to an end that is gone finds its process still listening: Orleans would log an error, and answer nothing.</summary>
    [Fact]
    public async Task ObserversLinger_ButNotForEver()
    {
        Echo(true);
        await RunAsync(Place.Client, Place.SiloB, 10);
        Assert.All(_bed.Hosts, host => Assert.True(host.ObserverCount > 0));

        // Another stream begins meanwhile: it has the same observer, and the wait begins again with its end.
        _bed.Time!.Advance(TimeSpan.FromSeconds(9));
        await RunAsync(Place.Client, Place.SiloB, 10);
        await _bed.RoundTripAsync();
        _bed.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.All(_bed.Hosts, host => Assert.True(host.ObserverCount > 0));

        for (int i = 0; i < 20; i++)
        {
            await _bed.RoundTripAsync();
            _bed.Time.Advance(TimeSpan.FromSeconds(10));
        }

        await Waiting.UntilAsync(() => _bed.Hosts.All(host => host.ObserverCount == 0));
        Assert.Equal("", string.Join('\n', _bed.Log.Errors));
        await RunAsync(Place.Client, Place.SiloB, 10);   // and there is a new one when it is needed
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
