namespace Casty.Orleans.Benchmarks;

internal static class Check
{
    /// <summary>Reads everything. A benchmark that loses elements, or takes them out of turn, measures nothing.</summary>
    public static async Task AllAsync<T>(IAsyncEnumerable<T> elements, Kind<T> kind, int expected)
    {
        int read = 0;
        await foreach (var element in elements) kind.Expect(element, read++);
        Count(expected, read);
    }

    public static void Count(int expected, int actual)
    {
        if (expected != actual) throw new InvalidOperationException($"{actual} elements arrived of {expected}.");
    }
}
