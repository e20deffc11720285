namespace Casty.Orleans;

/// <summary>
/// The defaults of one process, set by <c>AddCastyStreams</c> on a silo or a client: by the section <see cref="SectionName"/> of its
/// configuration, such as <c>appsettings.json</c>, and then by code.
/// </summary>
/// <remarks>They are for the time before the process' host starts: a later change is not checked.</remarks>
public sealed class CastyStreamsOptions
{
    /// <summary>The section of a process' configuration that <c>AddCastyStreams</c> reads where it is given none.</summary>
    public const string SectionName = "CastyStreams";

    /// <summary>What sinks of this process, and producers of this silo, use where a call names no value. Not null. Default: nothing set, so the built-in values.</summary>
    public StreamProducerOptions Producer { get; set; } = new();

    /// <summary>What sources of this process use where a call names no value. Not null. Default: nothing set, so the built-in values.</summary>
    public StreamConsumerOptions Consumer { get; set; } = new();

    /// <summary>How grains of this silo handle streams where they name no value themselves. Not null. Default: nothing set, so the built-in values.</summary>
    public StreamHandlerOptions Handler { get; set; } = new();

    /// <summary>
    /// How long an end of a stream lives on without hearing from the other; an end that died is noticed within twice this time.
    /// The producer's silo decides for its streams (P-10, docs/protocol.md). To go on after a silo was killed, it should be longer than Orleans'
    /// <c>SystemResponseTimeout</c> (30 s). At least 100 milliseconds and at most 1 day. Default: 60 seconds.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a sink or a source that was handed over, as an argument or a result of a call, keeps its place for whoever uses it. Then
    /// the process that gave it logs a warning and lets go (P-17, docs/protocol.md). More than zero and at most 1 day. Default: 1 minute.
    /// </summary>
    public TimeSpan HandOverTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>What the process' connections take in one message, where that is not what a client's options say.</summary>
    internal int? MaxMessageSize { get; set; }

    internal void Validate(string parameter)
    {
        foreach (var flaw in Flaws()) throw flaw.ToException($"{parameter}.{flaw.Key.Replace(':', '.')}");
    }

    /// <summary>The options that are out of their range.</summary>
    internal IEnumerable<OptionFlaw> Flaws()
    {
        if (Producer is null) yield return new(nameof(Producer), null, $"a {nameof(StreamProducerOptions)}");
        if (Consumer is null) yield return new(nameof(Consumer), null, $"a {nameof(StreamConsumerOptions)}");
        if (Handler is null) yield return new(nameof(Handler), null, $"a {nameof(StreamHandlerOptions)}");
        foreach (var flaw in Producer?.Flaws() ?? []) yield return flaw.Under(nameof(Producer));
        foreach (var flaw in Consumer?.Flaws() ?? []) yield return flaw.Under(nameof(Consumer));
        foreach (var flaw in Handler?.Flaws() ?? []) yield return flaw.Under(nameof(Handler));
        if (LeaseDuration < TimeSpan.FromMilliseconds(100) || LeaseDuration > TimeSpan.FromDays(1))
        {
            yield return new(nameof(LeaseDuration), LeaseDuration, "between 100 milliseconds and 1 day");
        }

        if (HandOverTimeout <= TimeSpan.Zero || HandOverTimeout > TimeSpan.FromDays(1))
        {
            yield return new(nameof(HandOverTimeout), HandOverTimeout, "more than zero and at most 1 day");
        }
    }
}
