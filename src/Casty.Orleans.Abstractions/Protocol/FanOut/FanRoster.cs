namespace Casty.Orleans.Protocol;

/// <summary>What the roster says of a stream that has several consumers.</summary>
/// <param name="Delivery">Whom the elements go to.</param>
/// <param name="SlowConsumer">What a slow consumer does to the others.</param>
/// <param name="Subscriptions">The consumers.</param>
internal sealed record FanRoster(StreamDelivery Delivery, StreamSlowConsumer SlowConsumer, SubscriptionEntry[] Subscriptions);

/// <summary>One consumer of several.</summary>
/// <param name="Consumer">Its name.</param>
/// <param name="IsNamed">It outlives its reader.</param>
/// <param name="IsRead">It has a reader now.</param>
/// <param name="Epoch">The epoch of its newest reader.</param>
/// <param name="Reader">The end that reads.</param>
/// <param name="Positions">How far it is with each writer, where nobody reads who could say so.</param>
/// <param name="IsOvertaken">It holds elements that the writers were told to be finished, as others had long overtaken it (P-19).</param>
/// <param name="IsDismissed">It was sent away, and its next reader is to hear of that; of a balanced stream, the writers were told to be finished what it may not have received.</param>
internal sealed record SubscriptionEntry(
    string Consumer, bool IsNamed, bool IsRead, long Epoch, Guid Reader, WriterPosition[] Positions, bool IsOvertaken = false, bool IsDismissed = false);
