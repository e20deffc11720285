namespace Casty.Orleans;

/// <summary>What becomes of an element whose handler has failed for the last time.</summary>
public enum StreamHandlerFailure
{
    /// <summary>The stream is cancelled: its writers are told, with the handler's exception as the cause.</summary>
    Fail = 1,

    /// <summary>The element, or the batch, counts as finished, and a warning is logged. The next one follows.</summary>
    Skip = 2,

    /// <summary>
    /// The grain consumes no more. The stream is kept for it, and its writers wait, for <see cref="StreamProducerOptions.SubscriptionTimeout"/>;
    /// <see cref="StreamHandlerGrainExtensions.ConsumeAsync{T}"/> goes on with the same element. Not remembered when a silo is killed:
    /// then it is tried again.
    /// </summary>
    Stop = 3,
}

/// <summary>
/// How a grain handles a stream. A value left null is inherited: from <c>AddCastyStreams</c> in the silo where the grain is activated, then
/// the built-in default.
/// </summary>
public sealed class StreamHandlerOptions
{
    /// <summary>The built-in <see cref="BatchSize"/>.</summary>
    public const int DefaultBatchSize = 100;

    /// <summary>The built-in <see cref="Retries"/>.</summary>
    public const int DefaultRetries = 3;

    /// <summary>The built-in <see cref="RetryDelay"/>.</summary>
    public static readonly TimeSpan DefaultRetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait between two tries.</summary>
    internal static readonly TimeSpan LongestRetryDelay = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The most elements of one call of <see cref="IStreamBatchHandler{T}.OnBatchAsync"/>. At least 1 and at most 10,000. Default: 100.
    /// </summary>
    public int? BatchSize { get; set; }

    /// <summary>How often a call that failed is repeated before <see cref="OnFailure"/> decides. 0 or more. Default: 3.</summary>
    public int? Retries { get; set; }

    /// <summary>
    /// The wait before a call is repeated; it doubles each time, up to a minute where it is less than that. Other calls of the grain are
    /// answered meanwhile. Zero to 1 day. Default: 1 second.
    /// </summary>
    public TimeSpan? RetryDelay { get; set; }

    /// <summary>What becomes of an element whose handler has failed for the last time. Default: <see cref="StreamHandlerFailure.Fail"/>.</summary>
    public StreamHandlerFailure? OnFailure { get; set; }

    /// <summary>
    /// How long a handler may take. Then its token is cancelled and the call counts as failed, by <see cref="TimeoutException"/>. One that
    /// goes on nevertheless is waited for before the grain is given anything else of this stream, in turn for no longer than this.
    /// <see cref="Timeout.InfiniteTimeSpan"/> waits for ever: the stream stands still meanwhile, and its writers wait. Default: infinite.
    /// </summary>
    public TimeSpan? HandlerTimeout { get; set; }

    /// <summary>
    /// How elements are asked for. <see cref="StreamConsumerOptions.OnLeave"/> and <see cref="StreamConsumerOptions.InactivityTimeout"/> do
    /// not concern a handler, and must be null.
    /// </summary>
    public StreamConsumerOptions? Consumer { get; set; }

    internal void Validate(string parameter)
    {
        if (BatchSize is < 1 or > 10_000) throw new ArgumentOutOfRangeException(parameter, BatchSize, "BatchSize must be between 1 and 10,000.");
        if (Retries < 0) throw new ArgumentOutOfRangeException(parameter, Retries, "Retries must be 0 or more.");
        if (RetryDelay is { } delay && (delay < TimeSpan.Zero || delay > TimeSpan.FromDays(1)))
        {
            throw new ArgumentOutOfRangeException(parameter, delay, "RetryDelay must be between zero and 1 day.");
        }

        if (OnFailure is not (null or StreamHandlerFailure.Fail or StreamHandlerFailure.Skip or StreamHandlerFailure.Stop))
        {
            throw new ArgumentOutOfRangeException(parameter, OnFailure, "OnFailure must be Fail, Skip or Stop.");
        }

        Require.Timeout(HandlerTimeout, nameof(HandlerTimeout), parameter);
        Consumer?.Validate($"{parameter}.{nameof(Consumer)}");
        if (Consumer is { OnLeave: not null } or { InactivityTimeout: not null })
        {
            throw new ArgumentException("A handler leaves nothing and waits for as long as it takes: OnLeave and InactivityTimeout must be null.", $"{parameter}.{nameof(Consumer)}");
        }
    }

    internal StreamHandlerOptions Or(StreamHandlerOptions other) => new()
    {
        BatchSize = BatchSize ?? other.BatchSize,
        Retries = Retries ?? other.Retries,
        RetryDelay = RetryDelay ?? other.RetryDelay,
        OnFailure = OnFailure ?? other.OnFailure,
        HandlerTimeout = HandlerTimeout ?? other.HandlerTimeout,
        Consumer = Consumer is { } own ? own.Or(other.Consumer ?? new StreamConsumerOptions()) : other.Consumer,
    };
}
