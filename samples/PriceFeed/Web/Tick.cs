using Orleans;

namespace PriceFeed.Web;

/// <summary>What the page's stream carries: a price, its number in the stream, and when it was put.</summary>
/// <param name="Number">1 for the first price, 2 for the next: the reader checks that none is missing.</param>
/// <param name="Symbol">The place of its symbol in <see cref="Market.Symbols"/>.</param>
/// <param name="Price">The price.</param>
/// <param name="PutAt">When it was put, as <see cref="Environment.TickCount64"/> of the writer's process.</param>
[GenerateSerializer, Immutable]
public sealed record Tick(long Number, int Symbol, decimal Price, long PutAt);
