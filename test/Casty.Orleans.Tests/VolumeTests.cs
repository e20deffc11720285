using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Many elements, in a cluster that runs by the clock on the wall.</summary>
[Collection(nameof(Cluster))]
public sealed class VolumeTests(Cluster cluster)
{
    private const int Many = 1_000_000;

    [Theory]
    [InlineData(Place.SiloA, Place.Client)]
    [InlineData(Place.Client, Place.SiloB)]
    [InlineData(Place.SiloA, Place.SiloB)]
    public async Task AMillionElements_ArriveInOrder(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<Tick>();
        var writing = Task.Run(WriteAsync);

        long next = 0;
        await foreach (var tick in stream.Source)
        {
            // Not Assert.Equal a million times over: only what is wrong is worth an assertion.
            if (tick != new Tick(next, next / 2d)) Assert.Fail($"Element {next} is {tick}.");
            next++;
        }

        Assert.Equal(Many, next);
        await writing;

        async Task WriteAsync()
        {
            for (long i = 0; i < Many; i++) await stream.Sink.PutAsync(new Tick(i, i / 2d));
            await stream.Sink.CompleteAsync();
        }
    }

    [Theory]
    [InlineData(Place.SiloA, Place.SiloA)]
    [InlineData(Place.SiloA, Place.Client)]
    [InlineData(Place.Client, Place.SiloB)]
    public async Task AStalledReader_OfAMillionElements_IsOwedItsDemandAndTheBufferExactly(Place writer, Place reader)
    {
        const int Accepted = StreamProducerOptions.DefaultBufferSize + StreamConsumerOptions.DefaultInitialDemand;
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await using var loop = stream.Source.GetAsyncEnumerator();
        var full = new TaskCompletionSource();
        int put = 0;
        var writing = Task.Run(WriteAsync);

        Assert.True(await loop.MoveNextAsync().Soon());
        await full.Task.Soon();
        await AnotherStreamPassesAsync(writer, reader);

        // The reader has taken one; whether it has asked for another in its place is up to what was on its way at that moment.
        Assert.InRange(Volatile.Read(ref put), Accepted, Accepted + 1);

        await loop.DisposeAsync().Soon();
        await Assert.ThrowsAsync<StreamClosedException>(() => writing.Soon());

        async Task WriteAsync()
        {
            for (int i = 0; i < Many; i++)
            {
                await stream.Sink.PutAsync(i);
                if (Interlocked.Increment(ref put) == Accepted) full.SetResult();
            }
        }
    }

    /// <summary>Time enough for a put that should have waited to come through.</summary>
    private async Task AnotherStreamPassesAsync(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var writing = stream.Sink.WriteAsync(Enumerable.Range(0, 10_000));
        Assert.Equal(10_000, (await stream.Source.DrainAsync()).Count);
        await writing;
    }
}
