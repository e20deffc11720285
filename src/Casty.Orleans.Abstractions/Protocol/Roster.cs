namespace Casty.Orleans.Protocol;

/// <summary>One writer of a stream, as its other ends know it.</summary>
/// <param name="Writer">The writer's number.</param>
/// <param name="EndAt">How many elements it put in all; −1 while it has not ended.</param>
/// <param name="Outcome">How it ended; <see cref="StreamEndReason.None"/> while it has not.</param>
internal readonly record struct RosterEntry(long Writer, long EndAt, StreamEndReason Outcome);

/// <summary>
/// Who belongs to a stream. Ends in other processes than the producer's carry it (P-15): who takes the place of a lost producer
/// has to know whom to wait for, or it would take a stream for complete that lost a writer with its producer.
/// </summary>
/// <param name="Version">Only grows within an incarnation.</param>
/// <param name="Writers">The writers that have not ended, or that do not know yet what became of their elements.</param>
/// <param name="Consumer">The subscription's name; null while there is none.</param>
/// <param name="IsNamed">The subscription outlives its reader.</param>
/// <param name="Epoch">The newest reader's epoch.</param>
/// <param name="BufferSize">The stream's buffer size.</param>
/// <param name="SubscriptionTimeout">The stream's subscription timeout.</param>
internal sealed record Roster(
    long Version, RosterEntry[] Writers, string? Consumer, bool IsNamed, long Epoch, int BufferSize, TimeSpan SubscriptionTimeout);
