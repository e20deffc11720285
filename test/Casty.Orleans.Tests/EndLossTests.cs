using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 52, 55, 57 and 59: an end is lost with its silo, which is killed or stopped, alone or together with the producer; silos are restarted one by one.</summary>
public sealed class EndLossTests : IAsyncLifetime
{
    private const int Window = 16;

    private readonly ClusterBed _bed = new()
    {
        SiloCount = 3,
        Lease = TimeSpan.FromSeconds(8),   // in real time: what is lost is a silo
    };

    private readonly string _name = Cluster.Name();

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    [Theory]
    [InlineData(0, true), InlineData(0, false)]
    [InlineData(2, true), InlineData(2, false)]
    public async Task ReadersSiloLost_AnonymousReader_WriterIsTold(int producer, bool isKilled)
    {
        await using var starter = await _bed.Factory(producer).GetSinkAsync<int>(_name).Soon();
        await using var sink = await _bed[Place.Client].GetSinkAsync<int>(_name).Soon();
        var source = await _bed.Factory(2).GetSourceAsync<int>(_name).Soon();
        await starter.CompleteAsync().Soon();
        await sink.PutAsync(1).Soon();
        Assert.Equal(1, await source.Reader.ReadAsync().Soon());

        await LoseThirdSiloAsync(isKilled);

        await IsToldAsync(() => sink.Completion.Soon());
        await IsToldAsync(() => sink.PutAsync(2).Soon());

        // Closed, as the reader leaves. Abandoned where it was killed; or closed, as a silo that is killed inside this process may still have
        // the time to say so.
        async Task IsToldAsync(Func<Task> call)
        {
            if (isKilled) await Assert.ThrowsAnyAsync<StreamException>(call);
            else await Assert.ThrowsAsync<StreamClosedException>(call);
        }
    }

    /// <summary>At most a window again where it was killed, and nothing where it was stopped.</summary>
    [Theory]
    [InlineData(0, true), InlineData(0, false)]
    [InlineData(2, true), InlineData(2, false)]
    public async Task ReadersSiloLost_NamedReader_TheNextOneGoesOnWithoutAGap(int producer, bool isKilled)
    {
        await using var starter = await _bed.Factory(producer).GetSinkAsync<int>(_name).Soon();
        await using var sink = await _bed[Place.Client].GetSinkAsync<int>(_name).Soon();
        var source = await _bed.Factory(2).GetSourceAsync<int>(_name, "reader", new() { MaxDemand = Window }).Soon();
        await starter.CompleteAsync().Soon();
        var writing = Task.Run(() => sink.PutAllAsync(Enumerable.Range(0, 2_000)));
        for (int i = 0; i < 500; i++) Assert.Equal(i, await source.Reader.ReadAsync().Soon());

        await LoseThirdSiloAsync(isKilled);

        await using var next = await _bed[Place.Client].GetSourceAsync<int>(_name, "reader").Soon();
        await using var loop = next.GetAsyncEnumerator();
        Assert.True(await loop.MoveNextAsync().Soon());
        Assert.InRange(loop.Current, isKilled ? 500 - Window - 1 : 500, 500);
        for (int i = loop.Current + 1; i < 2_000; i++) Assert.Equal([i], await loop.NextAsync(1));
        await writing.Soon();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task WritersSiloStopped_ReaderGetsAllThatWasPut_ThenIsTold(int producer)
    {
        await using var starter = await _bed.Factory(producer).GetSinkAsync<int>(_name).Soon();
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(_name, options: new() { InitialDemand = 4, MaxDemand = 4 }).Soon();
        var sink = await _bed.Factory(2).GetSinkAsync<int>(_name).Soon();
        await starter.CompleteAsync().Soon();
        await sink.PutAllAsync(Enumerable.Range(0, 300)).Soon();

        await LoseThirdSiloAsync(isKilled: false);

        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal(Enumerable.Range(0, 300), await loop.NextAsync(300));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task WritersSiloKilled_ReaderGetsWhatArrived_ThenIsTold(int producer)
    {
        await using var starter = await _bed.Factory(producer).GetSinkAsync<int>(_name).Soon();
        await using var source = await _bed[Place.Client].GetSourceAsync<int>(_name).Soon();
        var sink = await _bed.Factory(2).GetSinkAsync<int>(_name).Soon();
        await starter.CompleteAsync().Soon();
        await sink.PutAllAsync([0, 1]).Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([0, 1], await loop.NextAsync(2));

        await LoseThirdSiloAsync(isKilled: true);

        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
    }

    /// <summary>What nobody but the producer's silo held is gone with it: whoever reads is told, and who comes later finds another stream.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ProducersSiloKilled_WriterHadCompletedAndLeft_WhatArrivedIsRead_AndNothingLooksComplete(bool isRead)
    {
        await using var starter = await _bed.Factory(2).GetSinkAsync<int>(_name).Soon();
        var sink = await _bed.Factory(1).GetSinkAsync<int>(_name).Soon();
        await using var source = isRead ? await _bed[Place.Client].GetSourceAsync<int>(_name, options: new() { MaxDemand = Window }).Soon() : null;
        await sink.PutAllAsync(Enumerable.Range(0, 100)).Soon();
        await sink.CompleteAsync().Soon();
        await starter.CompleteAsync().Soon();
        await _bed.LoseAsync(_bed.Orleans.Silos[1], isKilled: false);

        await _bed.LoseAsync(_bed.Orleans.Silos.Single(silo => silo.Name.EndsWith('2')), isKilled: true);

        if (source is not null)
        {
            int next = 0;
            await Assert.ThrowsAsync<StreamAbandonedException>(async () =>
            {
                await using var loop = source.GetAsyncEnumerator();
                while (await loop.MoveNextAsync().Soon()) Assert.Equal(next++, loop.Current);
            });
            Assert.InRange(next, 1, Window);
            return;
        }

        await using var late = await _bed[Place.Client].GetSourceAsync<int>(_name).Soon();
        await using var another = await _bed[Place.SiloA].GetSinkAsync<int>(_name).Soon();
        await another.PutAsync(7).Soon();
        await another.CompleteAsync().Soon();
        Assert.Equal([7], await late.DrainAsync());
    }

    [Fact]
    public async Task ReaderDetached_ThenProducersSiloKilled_TheNextReaderGoesOnExactly()
    {
        await using var starter = await _bed.Factory(2).GetSinkAsync<int>(_name).Soon();
        await using var sink = await _bed[Place.Client].GetSinkAsync<int>(_name).Soon();
        await using var source = await _bed[Place.SiloA].GetSourceAsync<int>(_name, "reader", new() { MaxDemand = Window }).Soon();
        await starter.CompleteAsync().Soon();
        var writing = Task.Run(() => sink.PutAllAsync(Enumerable.Range(0, 2_000)));
        for (int i = 0; i < 500; i++) Assert.Equal(i, await source.Reader.ReadAsync().Soon());
        await source.DetachAsync().Soon();

        await LoseThirdSiloAsync(isKilled: true);

        await using var next = await _bed[Place.SiloB].GetSourceAsync<int>(_name, "reader").Soon();
        await using var loop = next.GetAsyncEnumerator();
        Assert.Equal(Enumerable.Range(500, 1_500), await loop.NextAsync(1_500));
        await writing.Soon();
    }

    /// <summary>The first silo keeps the cluster's membership in memory: it stays.</summary>
    [Fact]
    public async Task SilosRestarted_OneAfterAnother_NothingIsLost()
    {
        var streams = await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            // Wherever the producers are: some are moved twice.
            await using var starter = await _bed.Factory(1 + i % 2).GetSinkAsync<int>($"{_name}/{i}");
            var sink = await _bed[Place.Client].GetSinkAsync<int>($"{_name}/{i}");
            var source = await _bed[i % 3 == 0 ? Place.SiloA : Place.Client].GetSourceAsync<int>($"{_name}/{i}");
            await starter.CompleteAsync();
            return (sink, source);
        })).Soon();
        using var enough = new CancellationTokenSource();
        var writing = streams.Select(stream => Task.Run(async () =>
        {
            int count = 0;
            while (!enough.IsCancellationRequested) await stream.sink.PutAsync(count++);
            await stream.sink.CompleteAsync();
            return count;
        })).ToArray();
        var reading = streams.Select(stream => Task.Run(async () =>
        {
            int next = 0;
            await foreach (int element in stream.source) Assert.Equal(next++, element);
            return next;
        })).ToArray();

        foreach (string silo in (string[])[_bed.Orleans.Silos[1].Name, _bed.Orleans.Silos[2].Name])
        {
            await _bed.Orleans.RestartSiloAsync(_bed.Orleans.Silos.Single(one => one.Name == silo)).WaitAsync(2 * Waiting.Limit);
        }

        await enough.CancelAsync();
        Assert.Equal(await Task.WhenAll(writing).Soon(), await Task.WhenAll(reading).Soon());
        foreach (var (sink, _) in streams) await sink.Completion.Soon();
    }

    private Task LoseThirdSiloAsync(bool isKilled) => _bed.LoseAsync(_bed.Orleans.Silos[2], isKilled);
}
