namespace Casty.Orleans;

/// <summary>A producer in another process, as an end knows it that may have to tell it that another has its place.</summary>
/// <param name="End">The producer's end in its process.</param>
/// <param name="Demand">Where it hears of that.</param>
internal sealed record Elsewhere(Guid End, IStreamDemandObserver Demand);
