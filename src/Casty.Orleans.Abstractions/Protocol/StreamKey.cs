namespace Casty.Orleans.Protocol;

/// <summary>
/// One run of a stream (<paramref name="Id"/>, random after the time of its beginning) in one lifetime of its producer
/// (<paramref name="Incarnation"/>, only grows). Every frame names both, so a stale one is recognised (P-01).
/// </summary>
internal readonly record struct StreamKey(Guid Id, long Incarnation)
{
    public override string ToString() => $"{Id:N}#{Incarnation}";
}
