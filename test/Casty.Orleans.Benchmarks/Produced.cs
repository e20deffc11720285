namespace Casty.Orleans.Benchmarks;

/// <summary>How much a producer has produced, for the scenario that asks. It is in this process, wherever it runs.</summary>
internal static class Produced
{
    private static int _count;

    public static int Count => Volatile.Read(ref _count);

    public static void Reset() => Volatile.Write(ref _count, 0);

    public static void Add(int count = 1) => Interlocked.Add(ref _count, count);
}
