using Orleans;

namespace Casty.Orleans.Interop.Tests.Snippets;

/// <summary>What the streams of these samples carry.</summary>
[GenerateSerializer, Immutable, Alias("interop.PriceUpdate")]
public sealed record PriceUpdate([property: Id(0)] string Symbol, [property: Id(1)] double Price);
