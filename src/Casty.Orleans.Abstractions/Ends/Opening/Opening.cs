using System.Diagnostics;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>Opens an end in this process: a new one, or one in the place that another keeps which was handed over.</summary>
internal static class Opening
{
    /// <param name="host">The process.</param>
    /// <param name="producer">The stream's name.</param>
    /// <param name="options">What the caller named; not for a place that is kept.</param>
    /// <param name="place">The place that it takes; null opens a new writer.</param>
    /// <param name="cancellationToken">Ends the wait and leaves nothing behind.</param>
    public static async Task<SinkEnd<T>> SinkAsync<T>(StreamHost host, string producer, StreamProducerOptions? options, SinkPlace? place,
        CancellationToken cancellationToken)
    {
        var codec = host.Of<T>().Codec;
        var owner = host.CurrentGrain;
        options = options?.Or(new StreamProducerOptions());   // the caller's may change, and they are said again until they are answered
        var grain = StreamHost.GrainOf<IStreamProducerGrain<T>>(host.Grains, producer);
        var id = Guid.NewGuid();
        long start = Stopwatch.GetTimestamp();   // real time: it is about processes
        using var activity = host.Traces.StartOpen(StreamRole.Sink, producer, typeof(T), consumer: null);
        var opener = Activity.Current;

        StreamAttachRequest Request(Joining.Observers<T> observers, Activity? asker) => new()
        {
            Process = host.Process,
            End = id,
            Observer = observers.Demand,
            BufferSize = options?.BufferSize,
            SubscriptionTimeout = options?.SubscriptionTimeout,
            DefaultBufferSize = host.Options.Producer.BufferSize,
            DefaultSubscriptionTimeout = host.Options.Producer.SubscriptionTimeout,
            Delivery = options?.Delivery,
            SlowConsumer = options?.SlowConsumer,
            DefaultDelivery = host.Options.Producer.Delivery,
            DefaultSlowConsumer = host.Options.Producer.SlowConsumer,
            Replaces = place?.Writer ?? 0,
            Stream = place?.Stream ?? Guid.Empty,
            AskedFor = Stopwatch.GetElapsedTime(start),
            Trace = StreamTraces.IdOf(asker),
        };

        StreamJoined<T> joined;
        try
        {
            joined = await Joining.RunAsync<T>(
                host, async observers => await grain.AttachAsync(Request(observers, opener)),
                () => place is null ? grain.WithdrawAsync(id) : Task.CompletedTask, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            StreamTraces.Fail(activity, exception);
            if (exception.GetType() != typeof(ArgumentException)) throw;
            throw new ArgumentException(exception.Message, nameof(options), exception);   // the name of a parameter does not cross processes
        }

        var traces = StreamTraces.End(activity, joined.Trace);   // what the end does from now on belongs to no activity
        var stream = new StreamKey(joined.Stream, joined.Incarnation);
        var now = host.Clock.Now;
        var core = new WriterCore<Element<T>>(stream, joined.Peer, StreamTimings.For(joined.Lease), now, Element<T>.SizeOf, pool: Element<T>.Pool)
        {
            JoinedAt = new RosterMark(joined.Incarnation, joined.RosterVersion),
        };
        core.Keep(Joining.Roster(host, joined), now);
        core.OnDemand(new Demand(stream, joined.Peer, 0, 0, joined.Limit, joined.Grant), now, out _);

        var end = new SinkEnd<T>(host, id, producer, core, Joining.Elements(host, joined), codec, joined, Rejoining<T>.Writer)
        {
            Replaces = place?.Writer ?? 0,
            Traces = traces,
        };
        host.Log.Opened("sink", producer, end.ElementType);
        end.Untie = host.TieTo(owner, end);
        end.Start();
        return end;
    }

    /// <param name="host">The process.</param>
    /// <param name="producer">The stream's name.</param>
    /// <param name="consumer">The subscription's name.</param>
    /// <param name="isNamed">The subscription outlives its reader.</param>
    /// <param name="options">How it asks for elements.</param>
    /// <param name="place">The place that it takes; null takes whosever it finds, and one without an end whosever it finds in that run.</param>
    /// <param name="cancellationToken">Ends the wait and leaves nothing behind.</param>
    /// <param name="isHolding">What is taken is finished only when the reader says so, and the end as well (P-18).</param>
    /// <remarks>
    /// A subscription is at home in a grain, which takes one reader after the other. One without a name has but this reader, so nothing is
    /// kept at home once it has joined.
    /// </remarks>
    public static async Task<SourceEnd<T>> SourceAsync<T>(StreamHost host, string producer, string consumer, bool isNamed,
        StreamConsumerOptions options, SourcePlace? place, CancellationToken cancellationToken, bool isHolding = false)
    {
        var codec = host.Of<T>().Codec;
        var owner = host.CurrentGrain;
        var home = HomeOf<T>(host, producer, consumer);
        var id = Guid.NewGuid();
        var terms = new JoinTerms(options, place, Stopwatch.GetTimestamp());
        long number = host.NextRequest();
        using var activity = host.Traces.StartOpen(StreamRole.Source, producer, typeof(T), consumer);
        var opener = Activity.Current;

        StreamJoined<T> joined;
        try
        {
            joined = await Joining.RunAsync<T>(
                host,
                async observers => await home.OpenAsync(terms.Request(host, id, producer, consumer, isNamed, observers.Elements, opener, number)),
                () => place is not null && place.End != Guid.Empty ? Task.CompletedTask : WithdrawAsync(),
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            StreamTraces.Fail(activity, exception);
            if (exception.GetType() != typeof(ArgumentException)) throw;
            throw new ArgumentException(exception.Message, nameof(options), exception);   // the name of a parameter does not cross processes
        }

        var traces = StreamTraces.End(activity, joined.Trace);
        var (initial, max) = options.Window;
        var core = new ReaderCore<Element<T>>(new StreamKey(joined.Stream, joined.Incarnation), joined.Peer, joined.Position, initial, max,
            StreamTimings.For(joined.Lease), host.Clock.Now, Element<T>.SizeOf, terms.MaxBytes, Element<T>.Pool);
        core.Delivery = joined.Delivery;
        core.Begin(WireFormat.FromWire(joined.Positions));
        if (isHolding) core.Hold();
        core.Keep(Joining.Roster(host, joined));
        var end = new SourceEnd<T>(host, id, producer, consumer, isNamed, core, Joining.Demand(host, joined), codec, joined, Rejoining<T>.Reader)
        {
            Terms = terms,
            Traces = traces,
        };
        host.Log.Opened("source", producer, end.ElementType);
        end.Untie = host.TieTo(owner, end);
        end.Start();
        return end;

        // By way of the home, behind the request that is on its way there. A home that had let the reader in may have gone since, and the
        // one in its place knows of nothing.
        async Task WithdrawAsync()
        {
            await home.CloseAsync(id, withdraw: true);
            if (!isNamed) await StreamHost.GrainOf<IStreamProducerGrain<T>>(host.Grains, producer).UnsubscribeAsync(id);
        }
    }

    /// <summary>The reader of a subscription that has a name has left it.</summary>
    public static void Close<T>(StreamHost host, SourceEnd<T> end) =>
        Joining.Tell(host, () => HomeOf<T>(host, end.Producer, end.Consumer).CloseAsync(end.Id, withdraw: false));

    private static IStreamConsumerGrain<T> HomeOf<T>(StreamHost host, string producer, string consumer) =>
        StreamHost.GrainOf<IStreamConsumerGrain<T>>(host.Grains, StreamNames.ConsumerKey(producer, consumer));
}
