using Orleans;

namespace Casty.Orleans;

/// <summary>
/// The grain that reads a stream for a grain that handles it, and calls that. Its key is that of the subscription
/// (<see cref="IStreamConsumerGrain{T}"/>), whose name tells whom it calls: so whoever knows of the subscription can have it go on. Part of
/// the protocol; applications use <see cref="StreamHandlerGrainExtensions"/>.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[Alias("casty.IStreamHandlingGrain`1")]
public interface IStreamHandlingGrain<T> : IGrainWithStringKey
{
    /// <summary>Begins to read. It returns once it has joined the stream; harmless where it reads already.</summary>
    /// <param name="cancellationToken">Ends the wait and leaves nothing behind.</param>
    /// <exception cref="StreamOccupiedException">The stream is <see cref="StreamDelivery.Single"/> and has a consumer of another name.</exception>
    [ResponseTimeout(Joining.LongResponseTimeout), Alias("begin")]
    Task BeginAsync(CancellationToken cancellationToken);

    /// <summary>The stream's producer, from time to time: it is to read that run, unless it has stopped doing so.</summary>
    /// <param name="stream">The run of the stream.</param>
    /// <returns>False where it has stopped.</returns>
    /// <exception cref="StreamException">It cannot join the stream.</exception>
    [ResponseTimeout(Joining.LongResponseTimeout), Alias("keep")]
    Task<bool> KeepAsync(Guid stream);

    /// <summary>Reads no more, once the handler that is being called has returned; it returns before that.</summary>
    /// <param name="leave">What becomes of the stream.</param>
    [Alias("stop")]
    Task StopAsync(StreamLeave leave);
}
