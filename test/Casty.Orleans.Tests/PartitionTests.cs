using Orleans.Configuration;
using Orleans.Hosting;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Case 59: a silo that is cut off from the others, and lives.</summary>
public sealed class PartitionTests : IAsyncDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(8);

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

        await CutOffAsync();
        await flow.ReadAsync(5_000);
        _cable.Mend();
        await flow.ReadAsync(5_000);
        await flow.FinishAsync();
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

        await CutOffAsync();
        bool goesOn = await flow.TryReadAsync(5_000);
        if (goesOn) await flow.FinishAsync();
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

        await CutOffAsync();
        Assert.False(await flow.TryReadAsync(1_000_000));
        await Assert.ThrowsAsync<StreamAbandonedException>(() => flow.Sink.Completion.WaitAsync(Waiting.Limit));
    }

    /// <summary>A half cannot know that it is cut off: what is put in it is read in it. But neither takes its part for the whole.</summary>
    [Fact]
    public async Task EndsInBothHalves_EachReadsItsOwn_AndNeitherLooksComplete()
    {
        await DeployAsync(TimeSpan.FromSeconds(15));
        await using var inside = await _bed.Factory(2).GetSinkAsync<int>("halves").Soon();
        await using var insideSource = await _bed.Factory(2).GetSourceAsync<int>("halves", "reader").Soon();
        await using var outside = await _bed.Factory(1).GetSinkAsync<int>("halves").Soon();
        await using var insideLoop = insideSource.GetAsyncEnumerator();
        await inside.PutAsync(100).Soon();
        await outside.PutAsync(0).Soon();
        Assert.Equal([0, 100], (await insideLoop.NextAsync(2)).Order());

        await CutOffAsync();
        await inside.PutAsync(101).Soon();
        Assert.Equal([101], await insideLoop.NextAsync(1));
        await outside.PutAsync(1).Soon();
        await using var outsideSource = await _bed.Factory(0).GetSourceAsync<int>("halves", "reader").WaitAsync(2 * Waiting.Limit);
        await using var outsideLoop = outsideSource.GetAsyncEnumerator();
        var read = await outsideLoop.NextAsync(1);
        if (read is [0]) read = await outsideLoop.NextAsync(1);   // nobody there knew that it was read
        Assert.Equal([1], read);

        await inside.CompleteAsync().Soon();
        await outside.CompleteAsync().Soon();
        foreach (var loop in (IAsyncEnumerator<int>[])[insideLoop, outsideLoop])
        {
            await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().AsTask().WaitAsync(2 * Waiting.Limit));
        }
    }

    /// <summary>The others take it for dead, and it hears nothing of that.</summary>
    private async Task CutOffAsync()
    {
        var silo = _bed.Orleans.Silos[2];
        _cable.Cut(silo.SiloAddress);
        await _bed.DeclareDeadAsync(silo);
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
            },
        };
        await _bed.DeployAsync();
    }
}
