using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How ends become exceptions, on either side (design: what each side sees).</summary>
internal static class StreamErrors
{
    /// <summary>What a put on a stream that takes no more throws.</summary>
    public static Exception ForPut(string producer, StreamEnd end) => end.Reason switch
    {
        StreamEndReason.Abandoned => new StreamAbandonedException($"Stream '{producer}' is gone: {end.Message}", end.Cause),
        StreamEndReason.Completed => new StreamClosedException($"Stream '{producer}' takes no more elements: this sink has completed.", end.Reason, end.Cause),
        StreamEndReason.Cancelled => new StreamClosedException($"Stream '{producer}' takes no more elements: its reader has left.", end.Reason, end.Cause),
        _ => new StreamClosedException($"Stream '{producer}' takes no more elements: {end.Message ?? end.Cause?.Message ?? end.Reason.ToString()}", end.Reason, end.Cause),
    };

    /// <summary>What a sink's <c>Completion</c> faults with.</summary>
    public static Exception ForCompletion(string producer, StreamEnd end) =>
        end is { Reason: StreamEndReason.Failed, Cause: { } cause } ? cause : ForPut(producer, end);

    /// <summary>What a loop over a source throws at the end; null where it just ends.</summary>
    public static Exception? ForReader(string producer, string consumer, StreamEnd end) => end.Reason switch
    {
        StreamEndReason.Completed => null,
        StreamEndReason.Failed when end.Cause is { } cause => cause,
        StreamEndReason.Abandoned => new StreamAbandonedException($"Stream '{producer}' was cut: {end.Message}", end.Cause),
        StreamEndReason.Superseded => new StreamSupersededException($"Another reader of stream '{producer}' took the name '{consumer}'."),
        StreamEndReason.Cancelled => new OperationCanceledException($"The loop over stream '{producer}' was ended from outside: {end.Message}", end.Cause),
        _ => new StreamException($"Stream '{producer}' failed: {end.Message ?? end.Reason.ToString()}", end.Reason, end.Cause),
    };
}
