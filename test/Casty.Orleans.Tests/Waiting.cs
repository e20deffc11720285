using System.Diagnostics;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Every wait of a test is bounded. The bound only keeps a hang from hanging the run; no test is about time.</summary>
internal static class Waiting
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static Task Soon(this Task task) => task.WaitAsync(Limit);

    public static Task<TResult> Soon<TResult>(this Task<TResult> task) => task.WaitAsync(Limit);

    public static Task Soon(this ValueTask task) => task.AsTask().Soon();

    public static Task<TResult> Soon<TResult>(this ValueTask<TResult> task) => task.AsTask().Soon();

    /// <summary>Reads a source to its end.</summary>
    public static Task<List<T>> DrainAsync<T>(this SourceRef<T> source) => source.ToListAsync().Soon();

    /// <summary>Reads a source until it learns that its stream was abandoned.</summary>
    public static async Task<List<T>> DrainUntilAbandonedAsync<T>(this SourceRef<T> source)
    {
        var read = new List<T>();
        await Assert.ThrowsAsync<StreamAbandonedException>(async () =>
        {
            await foreach (var element in source) read.Add(element);
        }).Soon();
        return read;
    }

    /// <summary>Reads the next elements of a loop that goes on.</summary>
    public static async Task<List<T>> NextAsync<T>(this IAsyncEnumerator<T> loop, int count)
    {
        var taken = new List<T>();
        while (taken.Count < count)
        {
            if (!await loop.MoveNextAsync().Soon()) throw new InvalidOperationException($"The loop ended after {taken.Count} of {count} elements.");
            taken.Add(loop.Current);
        }

        return taken;
    }

    /// <summary>Gives way to everybody else, or does <paramref name="meanwhile"/>, until <paramref name="condition"/> holds.</summary>
    public static async Task UntilAsync(Func<bool> condition, Func<string>? state = null, Func<Task>? meanwhile = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit) throw new TimeoutException($"It did not come true. {state?.Invoke()}");
            if (meanwhile is null) await Task.Yield();
            else await meanwhile();
        }
    }
}
