using System.Runtime.CompilerServices;
using Orleans;
using Orleans.Placement;
using Orleans.Runtime;

namespace Casty.Orleans.Benchmarks;

/// <summary>The rival at hand: a grain method that returns a sequence.</summary>
[Alias("bench.ISequenceGrain`1")]
public interface ISequenceGrain<T> : IGrainWithIntegerKey
{
    /// <summary>The grain lives in the silo that calls this first.</summary>
    [Alias("place")]
    Task PlaceAsync();

    [Alias("ready")]
    IAsyncEnumerable<T> Ready(int count, int size);

    [Alias("awaiting")]
    IAsyncEnumerable<T> Awaiting(int count, int size);

    /// <summary>Counts what it produces.</summary>
    [Alias("counted")]
    IAsyncEnumerable<T> Counted(int count, int size);

    /// <summary>One element, then nothing until the reader leaves.</summary>
    [Alias("idle")]
    IAsyncEnumerable<T> Idle(int size, CancellationToken cancellationToken = default);

    [Alias("push")]
    Task PushAsync(IPriceObserver observer, int count);
}

[PreferLocalPlacement]
public sealed class SequenceGrain<T> : Grain, ISequenceGrain<T>
{
    public Task PlaceAsync() => Task.CompletedTask;

    public async IAsyncEnumerable<T> Ready(int count, int size)
    {
        await Task.CompletedTask;
        var kind = Kind.Of<T>(size);
        for (int i = 0; i < count; i++) yield return kind[i];
    }

    public async IAsyncEnumerable<T> Awaiting(int count, int size)
    {
        var kind = Kind.Of<T>(size);
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            yield return kind[i];
        }
    }

    public async IAsyncEnumerable<T> Counted(int count, int size)
    {
        await Task.CompletedTask;
        var kind = Kind.Of<T>(size);
        for (int i = 0; i < count; i++)
        {
            Produced.Add();
            yield return kind[i];
        }
    }

    public async IAsyncEnumerable<T> Idle(int size, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        yield return Kind.Of<T>(size)[0];
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    public Task PushAsync(IPriceObserver observer, int count) => Task.Run(() => Pushes.PushAsync(observer, count));
}

internal static class Enumerables
{
    public const string Defaults = "IAsyncEnumerable, defaults";
    public const string Batches = "IAsyncEnumerable, batches of 1,000";
    public const string Download = "IAsyncEnumerable download, defaults";

    public static async Task ReadAsync<T>(BenchmarkCluster cluster, IGrainFactory reader, Kind<T> kind, int count, int? batch = null)
    {
        await cluster.SiloB.GetGrain<ISequenceGrain<T>>(0).PlaceAsync();
        var elements = reader.GetGrain<ISequenceGrain<T>>(0).Ready(count, kind.Size);
        await Check.AllAsync(batch is { } size ? elements.WithBatchSize(size) : elements, kind, count);
    }

    public static async Task ReadAwaitingAsync(BenchmarkCluster cluster, IGrainFactory reader, int count)
    {
        await cluster.SiloB.GetGrain<ISequenceGrain<Price>>(0).PlaceAsync();
        await Check.AllAsync(reader.GetGrain<ISequenceGrain<Price>>(0).Awaiting(count, Kind.Price.Size), Kind.Price, count);
    }

    /// <summary>The reader takes one element, and no other until it is told to leave.</summary>
    public static async Task StallAsync(BenchmarkCluster cluster, int count, Task until, int? batch = null)
    {
        await cluster.SiloB.GetGrain<ISequenceGrain<Price>>(0).PlaceAsync();
        var elements = cluster.Client.GetGrain<ISequenceGrain<Price>>(0).Counted(count, Kind.Price.Size);
        await foreach (var _ in batch is { } size ? elements.WithBatchSize(size) : elements)
        {
            await until;
            break;
        }
    }
}
