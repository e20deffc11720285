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
    private const int Batch = 1024;

    public static async Task RunAsync(IGrainFactory reader, int count)
    {
        var counter = new Counter();
        var observer = reader.CreateObjectReference<IPriceObserver>(counter);
        await reader.GetGrain<ISequenceGrain>(0).PushAsync(observer, count);
        Check.Count(count, counter.Count);
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
            for (int i = 0; i < batch.Length; i++) batch[i] = Price.Of(first + i);
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

    private sealed class Counter : IPriceObserver
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public ValueTask PushAsync(Price[] prices)
        {
            Interlocked.Add(ref _count, prices.Length);
            return default;
        }
    }
}
