namespace Casty.Orleans;

/// <summary>
/// How a stream buffers. A value left null is inherited: from <c>AddCastyStreams</c> in the writer's process, then in the
/// producer's silo, then the built-in default. The first sink's values hold for the stream.
/// </summary>
/// <remarks>Read when an end is opened: a later change has no effect on that end.</remarks>
public sealed class StreamProducerOptions
{
    /// <summary>The built-in <see cref="BufferSize"/>.</summary>
    public const int DefaultBufferSize = 1024;

    /// <summary>The built-in <see cref="SubscriptionTimeout"/>.</summary>
    public static readonly TimeSpan DefaultSubscriptionTimeout = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How many elements the stream holds beyond what its reader has asked for, over all its sinks (P-07, docs/protocol.md). Puts wait while
    /// it is full. 0 or more, in elements; 0 is unbounded: puts never wait, and memory is the only limit. Default: 1024.
    /// </summary>
    public int? BufferSize { get; set; }

    /// <summary>
    /// How long a stream lives while nobody reads it: not yet, or not any more. Then it fails and its writers are told. Positive, or
    /// <see cref="Timeout.InfiniteTimeSpan"/>, which waits for ever. Default: 5 minutes.
    /// </summary>
    public TimeSpan? SubscriptionTimeout { get; set; }

    /// <summary>
    /// Whom the elements go to: one consumer, all of them, or whichever has asked for the next one (P-19, docs/protocol.md).
    /// Default: <see cref="StreamDelivery.Single"/>.
    /// </summary>
    public StreamDelivery? Delivery { get; set; }

    /// <summary>
    /// What a broadcast does for a consumer that asks for less than the others (P-19, docs/protocol.md). Without meaning for other deliveries.
    /// Default: <see cref="StreamSlowConsumer.Wait"/>.
    /// </summary>
    public StreamSlowConsumer? SlowConsumer { get; set; }

    internal void Validate(string parameter)
    {
        foreach (var flaw in Flaws()) throw flaw.ToException(parameter);
    }

    /// <summary>The options that are out of their range.</summary>
    internal IEnumerable<OptionFlaw> Flaws()
    {
        if (BufferSize < 0) yield return new(nameof(BufferSize), BufferSize, "0 (unbounded) or more");
        if (!Require.IsTimeout(SubscriptionTimeout)) yield return new(nameof(SubscriptionTimeout), SubscriptionTimeout, Require.Timeout);
        if (Delivery is { } delivery && !Enum.IsDefined(delivery)) yield return new(nameof(Delivery), Delivery, "Single, Broadcast or Balanced");
        if (SlowConsumer is { } slow && !Enum.IsDefined(slow)) yield return new(nameof(SlowConsumer), SlowConsumer, "Wait, DropOldest or Disconnect");
    }

    /// <summary>These options where they name something, and others for the rest. The others themselves where these name nothing: not to be changed.</summary>
    internal StreamProducerOptions Or(StreamProducerOptions other) => this is { BufferSize: null, SubscriptionTimeout: null, Delivery: null, SlowConsumer: null } ? other : new()
    {
        BufferSize = BufferSize ?? other.BufferSize,
        SubscriptionTimeout = SubscriptionTimeout ?? other.SubscriptionTimeout,
        Delivery = Delivery ?? other.Delivery,
        SlowConsumer = SlowConsumer ?? other.SlowConsumer,
    };
}
