using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A client that is restarted: what it read it does not read again, and what it wrote is not lost.</summary>
public sealed class ClientRestartTests : IAsyncLifetime
{
    private readonly ClusterBed _bed = new();

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    [Fact]
    public async Task NamedReader_GoesOnExactly()
    {
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<int>("read", new() { BufferSize = 16 }).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 300));
        for (int i = 0; i < 2; i++)
        {
            var source = await _bed[Place.Client].GetSourceAsync<int>("read", "reader", new() { InitialDemand = 8 }).Soon();
            Assert.Equal(Enumerable.Range(100 * i, 100), await source.GetAsyncEnumerator().NextAsync(100));
            await RestartAsync();
        }

        await using var last = await _bed[Place.Client].GetSourceAsync<int>("read", "reader").Soon();
        Assert.Equal(Enumerable.Range(200, 100), await last.DrainAsync());
        await writing;
    }

    [Fact]
    public async Task WriterThatHadCompleted_LosesNothing()
    {
        var sink = await _bed[Place.Client].GetSinkAsync<int>("written").Soon();
        await sink.PutAllAsync(Enumerable.Range(0, 300)).Soon();
        await sink.CompleteAsync().Soon();
        await RestartAsync();

        await using var source = await _bed[Place.Client].GetSourceAsync<int>("written").Soon();
        Assert.Equal(Enumerable.Range(0, 300), await source.DrainAsync());
    }

    [Fact]
    public async Task WriterThatHadNotCompleted_AbandonsBehindWhatItPut()
    {
        await using var source = await _bed[Place.SiloA].GetSourceAsync<int>("cut").Soon();
        var sink = await _bed[Place.Client].GetSinkAsync<int>("cut").Soon();
        await sink.PutAllAsync(Enumerable.Range(0, 300)).Soon();
        await RestartAsync();

        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal(Enumerable.Range(0, 300), await loop.NextAsync(300));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
    }

    private async Task RestartAsync()
    {
        await _bed.Orleans.StopClusterClientAsync().Soon();
        await _bed.Orleans.InitializeClientAsync().Soon();
    }
}
