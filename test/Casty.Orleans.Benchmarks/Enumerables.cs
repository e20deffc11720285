using Orleans;
using Orleans.Placement;
using Orleans.Runtime;

namespace Casty.Orleans.Benchmarks;

/// <summary>The rival at hand: a grain method that returns a sequence.</summary>
[Alias("bench.ISequenceGrain")]
public interface ISequenceGrain : IGrainWithIntegerKey
{
    [Alias("ready")]
    IAsyncEnumerable<Price> Ready(int count);

    [Alias("awaiting")]
    IAsyncEnumerable<Price> Awaiting(int count);

    [Alias("push")]
    Task PushAsync(IPriceObserver observer, int count);
}

/// <summary>Produces elements that are ready, or awaits between them. It lives in the silo that called it first.</summary>
[PreferLocalPlacement]
public sealed class SequenceGrain : Grain, ISequenceGrain
{
    public async IAsyncEnumerable<Price> Ready(int count)
    {
        await Task.CompletedTask;
        for (int i = 0; i < count; i++) yield return Price.Of(i);
    }

    public async IAsyncEnumerable<Price> Awaiting(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            yield return Price.Of(i);
        }
    }

    public Task PushAsync(IPriceObserver observer, int count) => Task.Run(() => Pushes.PushAsync(observer, count));
}

internal static class Enumerables
{
    public static Task ReadAsync(IGrainFactory reader, int count, int? batch)
    {
        var elements = reader.GetGrain<ISequenceGrain>(0).Ready(count);
        return CountAsync(batch is { } size ? elements.WithBatchSize(size) : elements, count);
    }

    public static Task ReadAwaitingAsync(IGrainFactory reader, int count) =>
        CountAsync(reader.GetGrain<ISequenceGrain>(0).Awaiting(count), count);

    private static async Task CountAsync(IAsyncEnumerable<Price> elements, int count)
    {
        int read = 0;
        await foreach (var _ in elements) read++;
        Check.Count(count, read);
    }
}
