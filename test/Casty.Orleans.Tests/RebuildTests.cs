using Orleans;
using Orleans.Core.Internal;
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
