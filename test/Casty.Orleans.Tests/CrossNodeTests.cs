using Orleans;
using Orleans.Placement;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 37 to 39 and 41 to 43 of the catalogue. Case 40 is in <see cref="ThreadTests"/>.</summary>
[Collection(nameof(Cluster))]
public sealed class CrossNodeTests(Cluster cluster)
{
    /// <summary>Grains on either silo and the client, producing and consuming.</summary>
    [Theory, Everywhere]
    public async Task Case37_GrainClientMatrix(Place writer, Place reader)
    {
        string name = Cluster.Name();
        var consuming = ConsumeAsync(reader, name);
        await ProduceAsync(writer, name, [.. Enumerable.Range(0, 100)]);
        Assert.Equal(Enumerable.Range(0, 100), await consuming);
    }

    [Fact]
    public async Task Case38_ClientConsumesLoop()
    {
        for (int cycle = 0; cycle < 20; cycle++)
        {
            string name = $"{Cluster.Name()}/{cycle}";
            var producing = ProduceAsync((Place)(cycle % 2), name, [.. Enumerable.Range(0, 20)]);
            Assert.Equal(Enumerable.Range(0, 20), await ConsumeAsync(Place.Client, name));
            await producing;
        }
    }

    [Fact]
    public async Task Case39_ClientProducesForCluster()
    {
        string name = Cluster.Name();
        var consuming = ConsumeAsync(Place.SiloB, name);
        await ProduceAsync(Place.Client, name, [10, 20, 30]);
        Assert.Equal([10, 20, 30], await consuming);
    }

    [Fact]
    public async Task Case41_ConsecutiveCrossNode()
    {
        var ways = new[] { (Place.SiloA, Place.SiloB), (Place.SiloA, Place.SiloB), (Place.SiloB, Place.SiloA), (Place.SiloB, Place.SiloA) };
        foreach (var (writer, reader) in ways)
        {
            string name = Cluster.Name();
            var consuming = ConsumeAsync(reader, name);
            await ProduceAsync(writer, name, [.. Enumerable.Range(0, 300)]);
            Assert.Equal(Enumerable.Range(0, 300), await consuming);
        }
    }

    [Fact]
    public async Task Case42_FiveConcurrentStreams()
    {
        var streams = Enumerable.Range(0, 5).Select(async stream =>
        {
            string name = $"{nameof(Case42_FiveConcurrentStreams)}/{stream}/{Guid.NewGuid():N}";
            var elements = Enumerable.Range(stream * 1_000, 500).ToArray();
            var consuming = ConsumeAsync(Place.SiloB, name);
            await ProduceAsync(Place.SiloA, name, elements);
            Assert.Equal(elements, await consuming);
        });
        await Task.WhenAll(streams).Soon();
    }

    /// <summary>The name is the same each time: a stream that was read to its end, or left, frees it at once.</summary>
    [Theory]
    [InlineData(Place.SiloA, Place.SiloA, 50)]
    [InlineData(Place.SiloA, Place.SiloB, 50)]
    [InlineData(Place.Client, Place.SiloB, 50)]
    public async Task Case43_RapidCreateDestroy(Place writer, Place reader, int count)
    {
        string name = Cluster.Name();
        for (int i = 0; i < count; i++)
        {
            // Each time the stream begins somewhere else.
            await using var sink = await cluster[i % 2 == 0 ? writer : reader].GetSinkAsync<int>(name).Soon();
            await using var source = await cluster[i % 2 == 0 ? reader : writer].GetSourceAsync<int>(name).Soon();
            await sink.PutAllAsync([i, i + 1]).Soon();
            if (i % 3 == 0)
            {
                await source.DisposeAsync().Soon();
                continue;
            }

            await sink.CompleteAsync().Soon();
            Assert.Equal([i, i + 1], await source.ToListAsync().Soon());
            await sink.Completion.Soon();
        }
    }

    private async Task ProduceAsync(Place place, string name, int[] elements)
    {
        if (place != Place.Client)
        {
            await cluster[place].GetGrain<IEndGrain>($"{name}/writer").ProduceAsync(name, elements).Soon();
            return;
        }

        await using var sink = await cluster[place].GetSinkAsync<int>(name).Soon();
        await sink.PutAllAsync(elements).Soon();
        await sink.CompleteAsync().Soon();
        await sink.Completion.Soon();
    }

    private async Task<IReadOnlyList<int>> ConsumeAsync(Place place, string name)
    {
        if (place != Place.Client) return await cluster[place].GetGrain<IEndGrain>($"{name}/reader").ConsumeAsync(name).Soon();

        await using var source = await cluster[place].GetSourceAsync<int>(name).Soon();
        return await source.ToListAsync().Soon();
    }
}

/// <summary>A grain at one end of a stream.</summary>
public interface IEndGrain : IGrainWithStringKey
{
    Task ProduceAsync(string stream, int[] elements);

    Task<int[]> ConsumeAsync(string stream);
}

[PreferLocalPlacement]
public sealed class EndGrain : Grain, IEndGrain
{
    public async Task ProduceAsync(string stream, int[] elements)
    {
        await using var sink = await GrainFactory.GetSinkAsync<int>(stream);
        await sink.PutAllAsync(elements);
        await sink.CompleteAsync();
        await sink.Completion;
    }

    public async Task<int[]> ConsumeAsync(string stream)
    {
        var read = new List<int>();
        await foreach (int element in await GrainFactory.GetSourceAsync<int>(stream)) read.Add(element);
        return [.. read];
    }
}
