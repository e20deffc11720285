namespace Casty.Orleans.Benchmarks;

internal static class Check
{
    /// <summary>A benchmark that loses elements measures nothing.</summary>
    public static void Count(int expected, int actual)
    {
        if (expected != actual) throw new InvalidOperationException($"{actual} elements arrived of {expected}.");
    }
}
