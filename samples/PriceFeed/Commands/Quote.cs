using Orleans;

namespace PriceFeed.Commands;

/// <summary>A price with its number, so that a reader can tell whether one is missing, doubled or out of turn.</summary>
[GenerateSerializer, Immutable]
public sealed record Quote(long Number, string Symbol, decimal Price)
{
    public override string ToString() => $"#{Number} {Symbol}: ${Price:F2}";

    /// <summary>The first <paramref name="count"/> quotes of a price that wanders.</summary>
    public static IEnumerable<Quote> Walk(string symbol, long count)
    {
        var random = new Random(42);
        decimal price = 142.50m;
        for (long number = 1; number <= count; number++)
        {
            yield return new Quote(number, symbol, price);
            price = Math.Max(1m, price + random.Next(-200, 201) / 100m);
        }
    }
}
