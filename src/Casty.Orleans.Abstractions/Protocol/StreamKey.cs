namespace Casty.Orleans.Protocol;

/// <summary>
/// One run of a stream (<paramref name="Id"/>, random after the time of its beginning) in one lifetime of its producer
/// (<paramref name="Incarnation"/>, only grows). Every frame names both, so a stale one is recognised (P-01).
/// </summary>
internal readonly record struct StreamKey(Guid Id, long Incarnation)
{
    /// <summary>So many readers a lifetime can number, from its incarnation on, without meeting the next one's numbers.</summary>
    private const long Epochs = 1 << 20;

    /// <summary>The stream in the lifetime that takes the place of this one.</summary>
    /// <param name="atLeast">A clock: lifetimes that do not know of each other are to differ too.</param>
    public StreamKey Next(long atLeast = 0) => this with { Incarnation = Math.Max(atLeast, Incarnation + Epochs) };

    public override string ToString() => $"{Id:N}#{Incarnation}";
}
