using Orleans;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>Opens the ends of a stream. The same on a silo, in a grain, and on a client.</summary>
public static class StreamGrainFactoryExtensions
{
    /// <summary>Joins a stream as a writer. The stream begins with the first end that joins; a source may come before any sink.</summary>
    /// <remarks>Any thread may call it. What is opened in a grain's turn is let go of when that grain is deactivated.</remarks>
    /// <typeparam name="T">The type of the elements. A stream is known by this type and its name.</typeparam>
    /// <param name="grains">The cluster.</param>
    /// <param name="producer">The stream's name: 1 to 1,000 characters.</param>
    /// <param name="options">How the stream buffers; the first sink's values hold. Null inherits everything.</param>
    /// <param name="cancellationToken">Ends the wait and leaves nothing behind.</param>
    /// <returns>The sink. Dispose it.</returns>
    /// <exception cref="ArgumentException"><paramref name="producer"/> is empty or too long, or the stream has other options.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="StreamClosedException">A stream of this name has ended and was not read to its end yet; the message says when the name is free.</exception>
    /// <exception cref="global::Orleans.Serialization.CodecNotFoundException"><typeparamref name="T"/> cannot be serialised.</exception>
    /// <exception cref="InvalidOperationException">No silo that this process has heard of hosts streams.</exception>
    /// <exception cref="TimeoutException">No silo answered, though it was asked ten times.</exception>
    /// <exception cref="OrleansException">The same, where Orleans knew at once that none would.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<SinkRef<T>> GetSinkAsync<T>(this IGrainFactory grains, string producer,
        StreamProducerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(grains);
        Require.Name(producer, nameof(producer));
        options?.Validate(nameof(options));
        cancellationToken.ThrowIfCancellationRequested();

        var host = StreamHost.For<T>(grains);
        var end = await Opening.SinkAsync<T>(host, producer, options, place: null, cancellationToken).ConfigureAwait(false);
        return new SinkRef<T>(host, end);
    }

    /// <summary>Joins a stream as its reader.</summary>
    /// <remarks>Any thread may call it. What is opened in a grain's turn is let go of when that grain is deactivated.</remarks>
    /// <typeparam name="T">The type of the elements. A stream is known by this type and its name.</typeparam>
    /// <param name="grains">The cluster.</param>
    /// <param name="producer">The stream's name: 1 to 1,000 characters.</param>
    /// <param name="consumer">
    /// The subscription's name, 1 to 1,000 characters: a later reader of the same name goes on where this one stopped, and takes
    /// over if this one still reads (P-09, docs/protocol.md). Null makes a one-off subscription.
    /// </param>
    /// <param name="options">How the source asks for elements. Null inherits everything.</param>
    /// <param name="cancellationToken">
    /// Ends the wait and leaves nothing behind. A reader that had the name may have been superseded by then, and stays so.
    /// </param>
    /// <returns>The source. Read it to its end, leave its loop, or dispose it.</returns>
    /// <exception cref="ArgumentException">
    /// A name is empty or too long, a consumer's begins with "~grain:", a consumer without a name is to detach, or the stream delivers
    /// otherwise than <see cref="StreamConsumerOptions.Delivery"/> says.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="StreamOccupiedException">The stream is <see cref="StreamDelivery.Single"/> and has a consumer of another name.</exception>
    /// <exception cref="StreamSupersededException">A later call of this process took the name while this one was under way.</exception>
    /// <exception cref="global::Orleans.Serialization.CodecNotFoundException"><typeparamref name="T"/> cannot be serialised.</exception>
    /// <exception cref="InvalidOperationException">No silo that this process has heard of hosts streams.</exception>
    /// <exception cref="TimeoutException">No silo answered, though it was asked ten times.</exception>
    /// <exception cref="OrleansException">The same, where Orleans knew at once that none would.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<SourceRef<T>> GetSourceAsync<T>(this IGrainFactory grains, string producer, string? consumer = null,
        StreamConsumerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(grains);
        Require.Name(producer, nameof(producer));
        if (consumer is not null) Require.Name(consumer, nameof(consumer));
        if (StreamNames.IsHandler(consumer)) throw new ArgumentException($"'{consumer}' names a grain that handles the stream: a consumer's name must not begin like that.", nameof(consumer));
        options?.Validate(nameof(options));
        if (consumer is null && options?.OnLeave == StreamLeave.Detach)
        {
            throw new ArgumentException("OnLeave = Detach needs a consumer name: nobody could go on reading a subscription without one.", nameof(options));
        }

        cancellationToken.ThrowIfCancellationRequested();

        var host = StreamHost.For<T>(grains);
        var resolved = (options ?? new StreamConsumerOptions()).Or(host.Options.Consumer);
        var end = await Opening.SourceAsync<T>(
            host, producer, consumer ?? StreamNames.Anonymous(), consumer is not null, resolved, place: null, cancellationToken).ConfigureAwait(false);
        return new SourceRef<T>(host, end, resolved);
    }
}
