using Orleans;

namespace Casty.Orleans.Benchmarks;

/// <summary>The element: a small record with a string.</summary>
[GenerateSerializer, Immutable, Alias("bench.price")]
public sealed record Price([property: Id(0)] string Symbol, [property: Id(1)] double Value, [property: Id(2)] long At)
{
    public static readonly Price[] Samples = [.. Enumerable.Range(0, 256).Select(i => new Price($"SYM{i % 16}", 100 + i / 7.0, i))];

    public static Price Of(long i) => Samples[i & 255];
}
