namespace Casty.Orleans;

/// <summary>The defaults of one process, set by <c>AddCastyStreams</c> on a silo or a client.</summary>
public sealed class CastyStreamsOptions
{
    /// <summary>What sinks of this process, and producers of this silo, use where a call names no value.</summary>
    public StreamProducerOptions Producer { get; set; } = new();

    /// <summary>What sources of this process use where a call names no value.</summary>
    public StreamConsumerOptions Consumer { get; set; } = new();

    /// <summary>How grains of this silo handle streams where they name no value themselves.</summary>
    public StreamHandlerOptions Handler { get; set; } = new();

    /// <summary>
    /// How long an end of a stream lives on without hearing from the other; an end that died is noticed within twice this time.
    /// The producer's silo decides for its streams. At least 100 milliseconds and at most 1 day. Default: 60 seconds.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a sink or a source that was handed over, as an argument or a result of a call, keeps its place for whoever uses it. Then
    /// the process that gave it logs a warning and lets go. More than zero and at most 1 day. Default: 1 minute.
    /// </summary>
    public TimeSpan HandOverTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>What the process' connections take in one message, where that is not what a client's options say.</summary>
    internal int? MaxMessageSize { get; set; }

    internal void Validate(string parameter)
    {
        ArgumentNullException.ThrowIfNull(Producer, $"{parameter}.{nameof(Producer)}");
        ArgumentNullException.ThrowIfNull(Consumer, $"{parameter}.{nameof(Consumer)}");
        Producer.Validate($"{parameter}.{nameof(Producer)}");
        Consumer.Validate($"{parameter}.{nameof(Consumer)}");
        ArgumentNullException.ThrowIfNull(Handler, $"{parameter}.{nameof(Handler)}");
        Handler.Validate($"{parameter}.{nameof(Handler)}");
        if (LeaseDuration < TimeSpan.FromMilliseconds(100) || LeaseDuration > TimeSpan.FromDays(1))
        {
            throw new ArgumentOutOfRangeException($"{parameter}.{nameof(LeaseDuration)}", LeaseDuration,
                "LeaseDuration must be between 100 milliseconds and 1 day.");
        }

        if (HandOverTimeout <= TimeSpan.Zero || HandOverTimeout > TimeSpan.FromDays(1))
        {
            throw new ArgumentOutOfRangeException($"{parameter}.{nameof(HandOverTimeout)}", HandOverTimeout,
                "HandOverTimeout must be more than zero and at most 1 day.");
        }
    }
}
