using Casty.Orleans.Protocol;
using Orleans;

namespace Casty.Orleans;

/// <summary>Opens the ends of a stream. The same on a silo, in a grain, and on a client.</summary>
public static class StreamGrainFactoryExtensions
{
    /// <summary>Joins a stream as a writer. The stream begins with the first end that joins; a source may come before any sink.</summary>
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
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<SinkRef<T>> GetSinkAsync<T>(this IGrainFactory grains, string producer,
        StreamProducerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(grains);
        Require.Name(producer, nameof(producer));
        options?.Validate(nameof(options));
        cancellationToken.ThrowIfCancellationRequested();

        var host = StreamHost.For<T>(grains);
        var codec = host.Of<T>().Codec;
        var owner = host.CurrentGrain;
        var grain = host.Grains.GetGrain<IStreamProducerGrain<T>>(producer);
        var id = Guid.NewGuid();

        StreamAttachRequest Request(Joining.Observers<T> observers) => new()
        {
            Process = host.Process,
            End = id,
            Observer = observers.Demand,
            BufferSize = options?.BufferSize,
            SubscriptionTimeout = options?.SubscriptionTimeout,
            DefaultBufferSize = host.Options.Producer.BufferSize,
            DefaultSubscriptionTimeout = host.Options.Producer.SubscriptionTimeout,
        };

        StreamJoined<T> joined;
        try
        {
            joined = await Joining.RunAsync<T>(
                host, async observers => await grain.AttachAsync(Request(observers)),
                () => grain.WithdrawAsync(id), cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentException refusal) when (refusal.GetType() == typeof(ArgumentException))
        {
            throw new ArgumentException(refusal.Message, nameof(options), refusal);   // the name of a parameter does not cross processes
        }

        var stream = new StreamKey(joined.Stream, joined.Incarnation);
        var now = host.Clock.Now;
        var core = new WriterCore<Element<T>>(stream, joined.Peer, StreamTimings.For(joined.Lease), now, Element<T>.SizeOf, pool: Element<T>.Pool)
        {
            JoinedAt = new RosterMark(joined.Incarnation, joined.RosterVersion),
        };
        core.Keep(WireFormat.FromWire(joined.Roster));
        core.OnDemand(new Demand(stream, joined.Peer, 0, 0, joined.Limit, joined.Grant), now, out _);

        var end = new SinkEnd<T>(host, id, producer, core, Joining.Elements(host, joined), codec, joined,
            async report => await grain.RejoinWriterAsync(Request(await Joining.PeekAsync<T>(host)), WireFormat.ToWire(report, host)));
        Joining.ReleaseObserversAfter<T>(host, end.Released);
        host.TieTo(owner, end);
        end.Start();
        return new SinkRef<T>(host, end);
    }

    /// <summary>Joins a stream as its reader.</summary>
    /// <typeparam name="T">The type of the elements. A stream is known by this type and its name.</typeparam>
    /// <param name="grains">The cluster.</param>
    /// <param name="producer">The stream's name: 1 to 1,000 characters.</param>
    /// <param name="consumer">
    /// The subscription's name, 1 to 1,000 characters: a later reader of the same name goes on where this one stopped, and takes
    /// over if this one still reads. Null makes a one-off subscription.
    /// </param>
    /// <param name="options">How the source asks for elements. Null inherits everything.</param>
    /// <param name="cancellationToken">Ends the wait and leaves nothing behind.</param>
    /// <returns>The source. Read it to its end, leave its loop, or dispose it.</returns>
    /// <exception cref="ArgumentException">A name is empty or too long, or a consumer without a name is to detach.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="StreamOccupiedException">The stream has a consumer of another name.</exception>
    /// <exception cref="global::Orleans.Serialization.CodecNotFoundException"><typeparamref name="T"/> cannot be serialised.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<SourceRef<T>> GetSourceAsync<T>(this IGrainFactory grains, string producer, string? consumer = null,
        StreamConsumerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(grains);
        Require.Name(producer, nameof(producer));
        if (consumer is not null) Require.Name(consumer, nameof(consumer));
        options?.Validate(nameof(options));
        if (consumer is null && options?.OnLeave == StreamLeave.Detach)
        {
            throw new ArgumentException("OnLeave = Detach needs a consumer name: nobody could go on reading a subscription without one.", nameof(options));
        }

        cancellationToken.ThrowIfCancellationRequested();

        var host = StreamHost.For<T>(grains);
        var codec = host.Of<T>().Codec;
        var owner = host.CurrentGrain;
        var resolved = (options ?? new StreamConsumerOptions()).Or(host.Options.Consumer);
        string name = consumer ?? StreamNames.Anonymous();
        long maxBytes = resolved.MaxDemandBytes ?? StreamConsumerOptions.DefaultMaxDemandBytes;
        var grain = host.Grains.GetGrain<IStreamConsumerGrain<T>>(StreamNames.ConsumerKey(producer, name));
        var id = Guid.NewGuid();
        long number = host.NextRequest();

        StreamSubscribeRequest<T> Request(Joining.Observers<T> observers) => new()
        {
            Process = host.Process,
            End = id,
            Observer = observers.Elements,
            Producer = producer,
            Consumer = name,
            IsNamed = consumer is not null,
            MaxDemandBytes = maxBytes,
            Number = number,
        };

        var joined = await Joining.RunAsync<T>(
            host, async observers => await grain.OpenAsync(Request(observers)),
            () => grain.CloseAsync(id, withdraw: true), cancellationToken).ConfigureAwait(false);

        var (initial, max) = resolved.Window;
        var core = new ReaderCore<Element<T>>(new StreamKey(joined.Stream, joined.Incarnation), joined.Peer, joined.Position, initial, max,
            StreamTimings.For(joined.Lease), host.Clock.Now, Element<T>.SizeOf, maxBytes, Element<T>.Pool);
        core.Keep(WireFormat.FromWire(joined.Roster));
        var end = new SourceEnd<T>(host, id, producer, name, consumer is not null, core, Joining.Demand(host, joined), codec,
            onReleased: () => Joining.Tell(host, () => grain.CloseAsync(id, withdraw: false)),
            joined, async report => await host.Grains.GetGrain<IStreamProducerGrain<T>>(producer)
                .RejoinReaderAsync(Request(await Joining.PeekAsync<T>(host)), WireFormat.ToWire(report, host)));
        Joining.ReleaseObserversAfter<T>(host, end.Released);
        host.TieTo(owner, end);
        end.Start();
        return new SourceRef<T>(host, end, resolved);
    }
}
