namespace Casty.Orleans;

/// <summary>What becomes of an element whose handler has failed for the last time.</summary>
public enum StreamHandlerFailure
{
    /// <summary>The stream is cancelled: its writers are told, with the handler's exception as the cause; and its other consumers, where there are any.</summary>
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
/// <remarks>Read when elements begin to come to the grain: a later change has no effect before they do so again.</remarks>
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
    /// Positive, or <see cref="Timeout.InfiniteTimeSpan"/>, which waits for ever: the stream stands still meanwhile, and its writers wait.
    /// Default: infinite.
    /// </summary>
    public TimeSpan? HandlerTimeout { get; set; }

    /// <summary>
    /// How elements are asked for. <see cref="StreamConsumerOptions.OnLeave"/> and <see cref="StreamConsumerOptions.InactivityTimeout"/> do
    /// not concern a handler, and must be null. Default: null, the silo's <see cref="CastyStreamsOptions.Consumer"/>.
    /// </summary>
    public StreamConsumerOptions? Consumer { get; set; }

    internal void Validate(string parameter)
    {
        foreach (var flaw in Flaws()) throw flaw.ToException(parameter);
    }

    /// <summary>The options that are out of their range.</summary>
    internal IEnumerable<OptionFlaw> Flaws()
    {
        if (BatchSize is < 1 or > 10_000) yield return new(nameof(BatchSize), BatchSize, "between 1 and 10,000");
        if (Retries < 0) yield return new(nameof(Retries), Retries, "0 or more");
        if (RetryDelay < TimeSpan.Zero || RetryDelay > TimeSpan.FromDays(1)) yield return new(nameof(RetryDelay), RetryDelay, "between zero and 1 day");
        if (OnFailure is { } failure && !Enum.IsDefined(failure)) yield return new(nameof(OnFailure), OnFailure, "Fail, Skip or Stop");
        if (!Require.IsTimeout(HandlerTimeout)) yield return new(nameof(HandlerTimeout), HandlerTimeout, Require.Timeout);
        foreach (var flaw in Consumer?.Flaws() ?? []) yield return flaw.Under(nameof(Consumer));
        if (Consumer?.OnLeave is { } leave) yield return new OptionFlaw(nameof(StreamConsumerOptions.OnLeave), leave, "null, as a handler leaves nothing").Under(nameof(Consumer));
        if (Consumer?.InactivityTimeout is { } wait)
        {
            yield return new OptionFlaw(nameof(StreamConsumerOptions.InactivityTimeout), wait, "null, as a handler waits for as long as it takes").Under(nameof(Consumer));
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
