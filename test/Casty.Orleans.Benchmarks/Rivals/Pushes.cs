using Orleans;
using Orleans.Concurrency;

namespace Casty.Orleans.Benchmarks;

/// <summary>The ceiling: awaited pushes of ready batches to a bare observer, four in flight, with none of a stream's promises.</summary>
[Alias("bench.IPriceObserver")]
public interface IPriceObserver : IGrainObserver
{
    [AlwaysInterleave, Alias("push")]
    ValueTask PushAsync([Immutable] Price[] prices);
}

internal static class Pushes
{
    public const string Name = "awaited pushes of 1,024, four in flight";

    private const int Batch = 1024;

    /// <param name="until">The reader stands still until then.</param>
    public static async Task RunAsync(BenchmarkCluster cluster, IGrainFactory reader, int count, Task? until = null)
    {
        await cluster.SiloB.GetGrain<ISequenceGrain<Price>>(0).PlaceAsync();
        var counter = new Counter(until);
        var observer = reader.CreateObjectReference<IPriceObserver>(counter);
        await reader.GetGrain<ISequenceGrain<Price>>(0).PushAsync(observer, count);
        Check.Count(count, counter.Count);   // only counted: pushes overtake one another
        reader.DeleteObjectReference<IPriceObserver>(observer);
        GC.KeepAlive(counter);
    }

    /// <summary>In the producer's silo.</summary>
    public static async Task PushAsync(IPriceObserver observer, int count)
    {
        using var slots = new SemaphoreSlim(4);
        var pending = new List<Task>();
        for (int first = 0; first < count; first += Batch)
        {
            var batch = new Price[Math.Min(Batch, count - first)];
            for (int i = 0; i < batch.Length; i++) batch[i] = Kind.Price[first + i];
            Produced.Add(batch.Length);
            await slots.WaitAsync();
            pending.Add(PushOneAsync(batch));
        }

        await Task.WhenAll(pending);

        async Task PushOneAsync(Price[] batch)
        {
            await observer.PushAsync(batch);
            slots.Release();
        }
    }

    private sealed class Counter(Task? until) : IPriceObserver
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public ValueTask PushAsync(Price[] prices)
        {
            Interlocked.Add(ref _count, prices.Length);
            return until is null ? default : new(until);
        }
    }
}
