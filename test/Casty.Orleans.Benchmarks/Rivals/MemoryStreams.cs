using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Streams;

namespace Casty.Orleans.Benchmarks;

/// <summary>Orleans' own streams, kept in memory, in a cluster of their own: their agents look for work ten times a second.</summary>
internal sealed class MemoryStreams(BenchmarkCluster cluster) : IAsyncDisposable
{
    public const string Single = "Orleans memory stream";
    public const string Batched = "Orleans memory stream, batches of 1,000";

    public const int Batch = 1000;

    private const string Provider = "memory";

    public static async Task<MemoryStreams> StartAsync() => new(await BenchmarkCluster.StartAsync(
        silo => silo.AddMemoryGrainStorage("PubSubStore").AddMemoryStreams(Provider),
        client => client.AddMemoryStreams(Provider)));

    public async Task RunAsync(int count, int batch)
    {
        var id = StreamId.Create("bench", Guid.NewGuid());
        var arrived = new Arrivals(count);
        var subscription = await cluster.Client.GetStreamProvider(Provider).GetStream<Price>(id).SubscribeAsync(arrived.OnNextAsync);
        var stream = cluster.SiloB.GetStreamProvider(Provider).GetStream<Price>(id);
        for (int first = 0; first < count; first += batch)
        {
            if (batch == 1) await stream.OnNextAsync(Kind.Price[first]);
            else await stream.OnNextBatchAsync(Some(first, Math.Min(batch, count - first)));
        }

        await arrived.All.WaitAsync(TimeSpan.FromMinutes(1));
        await subscription.UnsubscribeAsync();
    }

    /// <summary>The reader stands still at the first batch until then.</summary>
    public async Task StallAsync(int count, Task until)
    {
        var id = StreamId.Create("stalled", Guid.NewGuid());
        var subscription = await cluster.Client.GetStreamProvider(Provider).GetStream<Price>(id).SubscribeAsync((_, _) => until);
        var stream = cluster.SiloB.GetStreamProvider(Provider).GetStream<Price>(id);
        for (int first = 0; first < count && !until.IsCompleted; first += Batch)
        {
            await stream.OnNextBatchAsync(Some(first, Math.Min(Batch, count - first)));
            Produced.Add(Batch);
        }

        await until;
        await subscription.UnsubscribeAsync();
    }

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    private static List<Price> Some(int first, int count) => [.. Enumerable.Range(first, count).Select(i => Kind.Price[i])];

    private sealed class Arrivals(int expected)
    {
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _count;

        public Task All => _all.Task;

        public Task OnNextAsync(Price price, StreamSequenceToken? token)
        {
            try
            {
                Kind.Price.Expect(price, _count++);
                if (_count == expected) _all.TrySetResult();
            }
            catch (InvalidOperationException exception)
            {
                _all.TrySetException(exception);
            }

            return Task.CompletedTask;
        }
    }
}
