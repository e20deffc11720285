namespace Casty.Orleans.Protocol;

/// <summary>
/// One run of a stream (<paramref name="Id"/>, random after the time of its beginning) in one lifetime of its producer
/// (<paramref name="Incarnation"/>, only grows). Every frame names both, so a stale one is recognised (P-01).
/// </summary>
internal readonly record struct StreamKey(Guid Id, long Incarnation)
{
    /// <summary>The stream in the lifetime that takes the place of this one.</summary>
    /// <param name="now">A clock, in ticks: two that take the same place one after another do not know of each other, and are to differ too.</param>
    public StreamKey Next(long now) => this with { Incarnation = Math.Max(now, Incarnation + 1) };

    public override string ToString() => $"{Id:N}#{Incarnation}";
}
