namespace Casty.Orleans;

/// <summary>
/// Checks what asks to join a stream. The library's own callers have checked it before; others may speak the contracts as well.
/// </summary>
internal static class RequestCheck
{
    /// <exception cref="ArgumentException">Something is missing or out of its range.</exception>
    public static void Validate(this StreamAttachRequest request, string producer)
    {
        ArgumentNullException.ThrowIfNull(request);
        Require.Name(producer, nameof(producer));
        ArgumentNullException.ThrowIfNull(request.Observer);
        Require.Id(request.End, $"{nameof(request)}.{nameof(request.End)}");
        ArgumentOutOfRangeException.ThrowIfNegative(request.Replaces);
        request.Named.Validate(nameof(request));
        request.Defaults.Validate(nameof(request));
    }

    /// <exception cref="ArgumentException">Something is missing or out of its range.</exception>
    public static void Validate<T>(this StreamSubscribeRequest<T> request, string producer)
    {
        ArgumentNullException.ThrowIfNull(request);
        Require.Name(producer, nameof(producer));
        ArgumentNullException.ThrowIfNull(request.Observer);
        Require.Id(request.End, $"{nameof(request)}.{nameof(request.End)}");
        Require.Name(request.Consumer, $"{nameof(request)}.{nameof(request.Consumer)}");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(request.MaxDemandBytes);
        new StreamConsumerOptions { Delivery = request.Delivery, Start = request.Start }.Validate(nameof(request));
    }
}
