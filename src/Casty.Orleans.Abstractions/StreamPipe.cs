using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>A connected sink and source over the same core without a cluster, for unit tests of code that uses streams.</summary>
public static class StreamPipe
{
    // Neither end can vanish without the other, and a test's clock may jump: no lease must run out.
    private static readonly TimeSpan NoLease = TimeSpan.FromDays(10_000);

    /// <summary>Creates a stream inside this process.</summary>
    /// <remarks>
    /// It behaves as a stream in a cluster does, demand, backpressure and ends included, but for two things: elements are handed
    /// over by reference, never copied or serialised, and a detached source cannot be opened again. So the consumer's
    /// <see cref="StreamConsumerOptions.MaxDemandBytes"/>, <see cref="StreamConsumerOptions.Delivery"/> and
    /// <see cref="StreamConsumerOptions.Start"/> have no effect.
    /// </remarks>
    /// <typeparam name="T">The type of the elements: any.</typeparam>
    /// <param name="producer">How the stream buffers. Null takes the built-in defaults.</param>
    /// <param name="consumer">How the source asks for elements. Null takes the built-in defaults.</param>
    /// <param name="time">The clock of every timeout. Null takes the system's.</param>
    /// <returns>The two ends.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="ArgumentException">The two name different deliveries.</exception>
    public static (SinkRef<T> Sink, SourceRef<T> Source) Create<T>(StreamProducerOptions? producer = null,
        StreamConsumerOptions? consumer = null, TimeProvider? time = null)
    {
        producer ??= new StreamProducerOptions();
        consumer ??= new StreamConsumerOptions();
        producer.Validate(nameof(producer));
        consumer.Validate(nameof(consumer));

        const string Name = "pipe";
        var host = new StreamHost(new CastyStreamsOptions { LeaseDuration = NoLease }, time ?? TimeProvider.System);
        var middle = new ProducerEnd<T>(host, Name, codec: null);

        var sinkId = Guid.NewGuid();
        var (granted, _, _) = middle.Attach(sinkId, new LocalWriter(host, sinkId), producer)!.Value;
        var writer = new WriterCore<Element<T>>(granted.Stream, granted.Peer, middle.Timings, host.Clock.Now, pool: Element<T>.Pool);
        writer.OnDemand(granted, host.Clock.Now, out _);
        var sink = new SinkEnd<T>(host, sinkId, Name, writer, middle, codec: null);
        sink.Start();

        var sourceId = Guid.NewGuid();
        var subscribing = middle.SubscribeAsync(sourceId, Name, isNamed: true, long.MaxValue, new LocalReader<T>(host, sourceId),
            delivery: consumer.Delivery, start: consumer.Start ?? StreamStart.Latest);
        var joined = subscribing.GetAwaiter().GetResult()!;   // nobody to take over from: done at once
        var (initial, max) = consumer.Window;
        var reader = new ReaderCore<Element<T>>(joined.Stream, joined.Epoch, joined.Position, initial, max, middle.Timings, host.Clock.Now, pool: Element<T>.Pool)
        {
            Delivery = middle.Delivery,
        };
        reader.Begin(joined.Positions);
        var source = new SourceEnd<T>(host, sourceId, Name, Name, isNamed: true, reader, middle, codec: null);
        source.Start();
        return (new SinkRef<T>(host, sink), new SourceRef<T>(host, source, consumer));
    }
}
