using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 1 to 12 of the catalogue, in a cluster and between every pair of places.</summary>
[Collection(nameof(Cluster))]
public sealed class CoreFlowTests(Cluster cluster)
{
    public static TheoryData<Place, Place> Matrix()
    {
        var data = new TheoryData<Place, Place>();
        foreach (var writer in Enum.GetValues<Place>())
        {
            foreach (var reader in Enum.GetValues<Place>()) data.Add(writer, reader);
        }

        return data;
    }

    [Theory, MemberData(nameof(Matrix))]
    public async Task Case01_FullFlow(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name);
        await using var source = await cluster[reader].GetSourceAsync<int>(name);
        await sink.PutAsync(1);
        await sink.PutAsync(2);
        await sink.PutAsync(3);
        await sink.CompleteAsync();

        Assert.Equal([1, 2, 3], await source.ToListAsync());
        await sink.Completion;
        await source.Completion;
    }

    [Theory, MemberData(nameof(Matrix))]
    public async Task Case10_HighVolume(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name);
        await using var source = await cluster[reader].GetSourceAsync<int>(name, options: new() { InitialDemand = 4 });
        var putting = PutAllAsync();

        Assert.Equal(Enumerable.Range(0, 500), await source.ToListAsync());
        await putting;

        async Task PutAllAsync()
        {
            await sink.PutAllAsync(Enumerable.Range(0, 500));
            await sink.CompleteAsync();
        }
    }

    [Theory, MemberData(nameof(Matrix))]
    public async Task Case13_BreakCancels(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[writer].GetSinkAsync<int>(name, new() { BufferSize = 2 });
        await using var source = await cluster[reader].GetSourceAsync<int>(name, options: new() { InitialDemand = 2 });
        var putting = Assert.ThrowsAsync<StreamClosedException>(() => sink.PutAllAsync(Enumerable.Range(0, int.MaxValue)));

        var taken = new List<int>();
        await foreach (int element in source)
        {
            taken.Add(element);
            if (taken.Count == 3) break;
        }

        Assert.Equal([0, 1, 2], taken);
        Assert.Equal(StreamEndReason.Cancelled, (await putting).Reason);
    }
}
