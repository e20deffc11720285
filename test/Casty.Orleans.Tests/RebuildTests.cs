using Orleans;
using Orleans.Core.Internal;
using Orleans.Runtime;
using Orleans.Runtime.Placement;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A stream goes on when its producer's activation is lost: it is rebuilt from its ends.</summary>
[Collection(nameof(Cluster))]
public sealed class RebuildTests(Cluster cluster)
{
    [Theory]
    [InlineData(Place.SiloA, Place.SiloB)]
    [InlineData(Place.SiloA, Place.SiloA)]
    [InlineData(Place.Client, Place.SiloA)]
    [InlineData(Place.SiloA, Place.Client)]
    [InlineData(Place.Client, Place.Client)]
    public Task ProducerDeactivated_UnderLoad_NothingLostDoubledOrReordered(Place writer, Place reader) => RunAsync(writer, reader).Soon();

    private async Task RunAsync(Place writer, Place reader)
    {
        const int Count = 5_000;
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 64 });
        await using var source = await cluster[reader].GetSourceAsync<int>(name, options: new() { InitialDemand = 16, MaxDemand = 64 });
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < Count; i++) await sink.PutAsync(i);
            await sink.CompleteAsync();
        });

        int next = 0;
        await foreach (int element in source)
        {
            Assert.Equal(next++, element);
            if (next % 1000 == 500) await cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle();
        }

        Assert.Equal(Count, next);
        await writing;
        await sink.Completion;
    }

    [Fact]
    public async Task OptionsThatTheirCallerChangesLater_AreNotSaidToTheNextProducer()
    {
        string name = Cluster.Name();
        var options = new StreamProducerOptions { BufferSize = 8 };
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(name, options).Soon();
        await using var source = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        options.BufferSize = -1;   // no request may say that
        foreach (int element in (int[])[1, 2])
        {
            await sink.PutAsync(element).Soon();
            Assert.Equal([element], await loop.NextAsync(1));
            await cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        }

        await sink.PutAsync(3).Soon();
        Assert.Equal([3], await loop.NextAsync(1));
    }

    [Fact]
    public Task ProducerMigrated_UnderLoad_NothingLostDoubledOrReordered() => MigrateAsync().Soon();

    private async Task MigrateAsync()
    {
        const int Count = 6_000;
        string name = Cluster.Name();
        await using var sink = await cluster[Place.Client].GetSinkAsync<int>(name, new() { BufferSize = 64 });
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(name, options: new() { InitialDemand = 16, MaxDemand = 64 });
        var writing = Task.Run(async () =>
        {
            await sink.PutAllAsync(Enumerable.Range(0, Count));
            await sink.CompleteAsync();
        });

        var homes = new HashSet<SiloAddress>();
        int next = 0;
        await foreach (int element in source)
        {
            Assert.Equal(next++, element);
            if (next % 1_000 == 500) homes.Add(await MoveAsync());
        }

        Assert.Equal(Count, next);
        Assert.Equal(2, homes.Count);
        await writing;
        await sink.Completion;

        // To the other silo; where it is, is where it was asked.
        async Task<SiloAddress> MoveAsync()
        {
            var management = cluster[Place.Client].GetGrain<IManagementGrain>(0);
            var grain = cluster[Place.Client].GetGrain<IStreamProducerGrain<int>>(name);
            var home = await HomeAsync(management, grain.GetGrainId());
            var silos = await management.GetHosts(onlyActive: true);
            var other = silos.Keys.First(silo => !silo.Equals(home));
            RequestContext.Set(IPlacementDirector.PlacementHintKey, other);
            try
            {
                await grain.Cast<IGrainManagementExtension>().MigrateOnIdle();
            }
            finally
            {
                RequestContext.Remove(IPlacementDirector.PlacementHintKey);
            }

            return home;
        }
    }

    /// <summary>Silos are asked one after another: while a grain moves, it may be seen twice, or not at all.</summary>
    private static async Task<SiloAddress> HomeAsync(IManagementGrain management, GrainId grain)
    {
        while (true)
        {
            var homes = (await management.GetDetailedGrainStatistics()).Where(one => one.GrainId == grain).ToList();
            if (homes is [var home]) return home.SiloAddress;
        }
    }

    [Theory]
    [InlineData(Place.SiloA, Place.SiloB)]
    [InlineData(Place.Client, Place.Client)]
    public async Task ConsumerDeactivated_NothingHappens_AndTheNextReaderOfTheNameGoesOnExactly(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 16 }).Soon();
        await using var source = await cluster[reader].GetSourceAsync<int>(name, "reader", new() { InitialDemand = 4 }).Soon();
        var writing = sink.WriteAsync(Enumerable.Range(0, 300));

        var loop = source.GetAsyncEnumerator();
        Assert.Equal(Enumerable.Range(0, 100), await loop.NextAsync(100));
        var consumer = cluster[Place.Client].GetGrain<IStreamConsumerGrain<int>>(StreamNames.ConsumerKey(name, "reader"));
        await consumer.Cast<IGrainManagementExtension>().DeactivateOnIdle().AsTask().Soon();
        Assert.Equal(Enumerable.Range(100, 100), await loop.NextAsync(100));

        await using var next = await cluster[Place.SiloA].GetSourceAsync<int>(name, "reader").Soon();
        Assert.Equal(Enumerable.Range(200, 100), await next.DrainAsync());
        await Assert.ThrowsAsync<StreamSupersededException>(() => source.Completion.Soon());
        await writing;
    }

    /// <summary>A reader whose process is killed tells nobody: nothing but its producer's lease may hold on to it.</summary>
    [Fact]
    public async Task ConsumerIdle_IsCollected_AndTheReaderReadsOn()
    {
        string name = Cluster.Name();
        await using var sink = await cluster[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
        var management = cluster[Place.Client].GetGrain<IManagementGrain>(0);
        var grain = cluster[Place.Client].GetGrain<IStreamConsumerGrain<int>>(StreamNames.ConsumerKey(name, source.Consumer)).GetGrainId();
        using var guard = new CancellationTokenSource(Waiting.Limit);
        do await management.ForceActivationCollection(TimeSpan.Zero).Soon();
        while ((await management.GetDetailedGrainStatistics().Soon()).Any(one => one.GrainId == grain) && !guard.IsCancellationRequested);

        Assert.False(guard.IsCancellationRequested);
        await sink.PutAsync(1).Soon();
        await sink.CompleteAsync().Soon();
        Assert.Equal([1], await source.DrainAsync());
    }

    [Fact]
    public Task ProducerDeactivated_SeveralWriters_EachGoesOn() => RunManyAsync().Soon();

    private async Task RunManyAsync()
    {
        const int Count = 2_000;
        string name = Cluster.Name();
        Place[] places = [Place.SiloA, Place.SiloB, Place.Client];
        var sinks = await Task.WhenAll(places.Select(place => cluster[place].GetSinkAsync<(int Writer, int Value)>(name, new() { BufferSize = 16 })));
        await using var source = await cluster[Place.Client].GetSourceAsync<(int Writer, int Value)>(name);
        var writing = sinks.Select((sink, writer) => Task.Run(async () =>
        {
            for (int i = 0; i < Count; i++) await sink.PutAsync((writer, i));
            await sink.CompleteAsync();
        })).ToArray();

        int[] next = new int[places.Length];
        int total = 0;
        await foreach (var (writer, value) in source)
        {
            Assert.Equal(next[writer]++, value);
            if (++total % 1500 == 700) await cluster[Place.Client].GetGrain<IStreamProducerGrain<(int, int)>>(name).Cast<IGrainManagementExtension>().DeactivateOnIdle();
        }

        Assert.All(next, count => Assert.Equal(Count, count));
        await Task.WhenAll(writing);
        foreach (var sink in sinks) await sink.Completion;
    }
}
