using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How ends become exceptions, on either side (design: what each side sees).</summary>
internal static class StreamErrors
{
    /// <summary>What a put on a stream that takes no more throws.</summary>
    public static Exception ForPut(string producer, StreamEnd end) => end.Reason switch
    {
        StreamEndReason.Terminated => Terminated(producer, end),
        StreamEndReason.Abandoned => new StreamAbandonedException($"Stream '{producer}' is gone: {end.Message}", end.Cause),
        StreamEndReason.Completed => new StreamClosedException($"Stream '{producer}' takes no more elements: this sink has completed.", end.Reason, end.Cause),
        StreamEndReason.Cancelled => new StreamClosedException($"Stream '{producer}' takes no more elements: its reader has left.", end.Reason, end.Cause),
        _ => new StreamClosedException($"Stream '{producer}' takes no more elements: {end.Message ?? end.Cause?.Message ?? end.Reason.ToString()}", end.Reason, end.Cause),
    };

    /// <summary>What a sink's <c>Completion</c> faults with.</summary>
    public static Exception ForCompletion(string producer, StreamEnd end) =>
        end is { Reason: StreamEndReason.Failed, Cause: { } cause } ? cause : ForPut(producer, end);

    /// <summary>What the members of a ref throw once it was handed over.</summary>
    public static InvalidOperationException HandedOver(string handle, string producer) => new(
        $"This {handle} of stream '{producer}' was handed over, as an argument or a result of a call: it belongs to whoever received it. Open another one to use it here as well.");

    /// <summary>What a call throws that is to hand over a ref that cannot be.</summary>
    public static InvalidOperationException NotHandedOver(string handle, string producer, string why) => new(
        $"This {handle} of stream '{producer}' cannot be handed over: {why}. Hand over one that was opened and not used.");

    /// <summary>What a ref throws that was handed over, where nobody keeps its place any more.</summary>
    /// <param name="handle">A sink or a source.</param>
    /// <param name="producer">The stream's name.</param>
    /// <param name="end">How the stream ended, where that is known.</param>
    public static StreamSupersededException Used(string handle, string producer, StreamEnd? end = null)
    {
        string why = end is null ? "" : $" The stream has ended ({end.Reason}): {end.Message ?? "no more is known."}";
        return new StreamSupersededException(
            $"This {handle} of stream '{producer}' was used already, or has expired: a ref that was handed over is for whoever uses it first, and in time.{why}");
    }

    /// <summary>What a loop over a source throws at the end; null where it just ends.</summary>
    public static Exception? ForReader(string producer, string consumer, StreamEnd end) => end.Reason switch
    {
        StreamEndReason.Completed => null,
        StreamEndReason.Failed when end.Cause is { } cause => cause,
        StreamEndReason.Abandoned => new StreamAbandonedException($"Stream '{producer}' was cut: {end.Message}", end.Cause),
        StreamEndReason.Superseded => new StreamSupersededException($"Another reader of stream '{producer}' took the name '{consumer}'."),
        StreamEndReason.Terminated => Terminated(producer, end),
        StreamEndReason.Cancelled => new OperationCanceledException($"The loop over stream '{producer}' was ended from outside: {end.Message}", end.Cause),
        _ => new StreamException($"Stream '{producer}' failed: {end.Message ?? end.Reason.ToString()}", end.Reason, end.Cause),
    };

    private static StreamTerminatedException Terminated(string producer, StreamEnd end) => new($"Stream '{producer}' was ended from outside: {end.Message}");
}
