using Orleans;

namespace PriceFeed;

/// <summary>What the guide's stream carries. Any type that Orleans can serialise will do.</summary>
[GenerateSerializer, Immutable]
public sealed record PriceUpdate(string Symbol, decimal Price);
