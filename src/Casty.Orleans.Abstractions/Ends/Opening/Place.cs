namespace Casty.Orleans;

/// <summary>The place of a sink that was handed over: its end keeps it until another writer joins in its stead.</summary>
/// <param name="Stream">The run of the stream.</param>
/// <param name="Writer">The number of the writer.</param>
internal sealed record SinkPlace(Guid Stream, long Writer);

/// <summary>The place of a source that was handed over: its end keeps it until another reader takes over.</summary>
/// <param name="Stream">The run of the stream.</param>
/// <param name="End">The end.</param>
internal sealed record SourcePlace(Guid Stream, Guid End);
