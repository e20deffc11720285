using System.Diagnostics;
using Casty.Orleans.Protocol;
using Orleans;
using Orleans.Placement;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>
/// The grain that owns a stream. It lets ends join and leave; the buffer itself belongs to the silo, and elements and demand
/// reach it through observers, so no stream loop runs in a turn and no late message revives an activation.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[PreferLocalPlacement]
[GrainType("casty.producer`1")]
public sealed partial class StreamProducerGrain<T> : Grain, IStreamProducerGrain<T>, IProducerHome<T>
{
    private static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Together with the above shorter than the asker waits for one answer.</summary>
    private static readonly TimeSpan FindTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Longer than an end takes to notice that its producer is gone, and to reach the next one.</summary>
    private static readonly TimeSpan LongestSearch = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan FindPeriod = TimeSpan.FromMilliseconds(100);

    private readonly StreamHost _host;
    private Joining.Observers<T> _observers;

    /// <summary>Creates the grain.</summary>
    /// <param name="services">The services of the silo.</param>
    public StreamProducerGrain(IServiceProvider services) => _host = StreamHost.For(services);

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken) =>
        _observers = await Joining.AcquireAsync<T>(_host);

    /// <inheritdoc/>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        // A stream that has not ended goes on where this grain is activated next, from what its ends hold.
        if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is { } producer)
        {
            await producer.Subscribing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            producer.Close();
        }

        Joining.Release<T>(_host);
    }

    /// <inheritdoc/>
    public async Task<StreamJoined<T>?> AttachAsync(StreamAttachRequest request)
    {
        Check(() => request.Validate(this.GetPrimaryKeyString()));
        var port = PortOf(request);
        var since = _host.Traces.Begin();

        while (await (request.Replaces == 0 ? BorrowOpenAsync() : FindOpenAsync(request.Stream, request.AskedFor, one => one.HasPlaceOf(request.Replaces), "sink")) is { } producer)
        {
            if (producer.Attach(request.End, port, request.Named, request.Defaults, request.Replaces) is var (demand, joinedAt, roster))
            {
                await producer.KeptAsync(demand.Peer);
                producer.OnJoined(StreamRole.Sink, request.Trace, since);
                KeepHandlers();
                return Joined(producer, demand.Stream, demand.Peer, limit: demand.Limit, grant: demand.Grant, joinedAt: joinedAt, roster: roster);
            }

            _host.FreeName(producer);
        }

        return null;
    }

    /// <inheritdoc/>
    public Task WithdrawAsync(Guid end)
    {
        if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is { } producer) producer.Withdraw(end);
        else DeactivateOnIdle();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<StreamJoined<T>?> SubscribeAsync(StreamSubscribeRequest<T> request) => SubscribeAsync(request, isReturning: false);

    private async Task<StreamJoined<T>?> SubscribeAsync(StreamSubscribeRequest<T> request, bool isReturning)
    {
        Check(() => request.Validate(this.GetPrimaryKeyString()));
        var port = PortOf(request);
        var since = _host.Traces.Begin();
        while (await PlaceAsync(request) is { } producer)
        {
            if (await producer.SubscribeAsync(request.End, request.Consumer, request.IsNamed, request.MaxDemandBytes, port, request.Replaces, request.Delivery, request.Start, isReturning) is { } reader)
            {
                producer.OnJoined(StreamRole.Source, request.Trace, since);
                if (StreamNames.IsHandler(request.Consumer)) KeepHandlers();
                return Joined(producer, reader.Stream, reader.Epoch, reader.Position, roster: reader.Roster, positions: reader.Positions);
            }

            _host.FreeName(producer);
        }

        return null;
    }

    /// <inheritdoc/>
    public Task UnsubscribeAsync(Guid end)
    {
        if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is { } producer) producer.Unsubscribe(end);
        else DeactivateOnIdle();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public CallerServices GetCallerServices() =>
        throw new NotSupportedException("Answered by the caller's own reference; never sent.");

    /// <inheritdoc/>
    public Task<StreamJoined<T>> RejoinWriterAsync(StreamAttachRequest request, StreamWriterReport report)
    {
        Check(() =>
        {
            request.Validate(this.GetPrimaryKeyString());
            report.Validate();
        });
        var facts = WireFormat.FromWire(report);
        var since = _host.Traces.Begin();
        while (true)
        {
            var producer = Borrow(facts.Stream, hasBegun: facts.Confirmed > 0);
            producer.OnAsked(request.Trace);
            if (producer.Rejoin(request.End, PortOf(request), facts, request.Replaces) is not { } stream) continue;

            producer.OnJoined(StreamRole.Sink, request.Trace, since);
            KeepHandlersOnceOpen(producer);
            return Task.FromResult(Joined(producer, stream, report.Writer));
        }
    }

    /// <inheritdoc/>
    public async Task<StreamJoined<T>?> RejoinReaderAsync(StreamSubscribeRequest<T> request, StreamReaderReport report)
    {
        Check(() =>
        {
            request.Validate(this.GetPrimaryKeyString());
            report.Validate();
        });
        var facts = WireFormat.FromWire(report, request.Consumer, request.IsNamed);
        var since = _host.Traces.Begin();
        while (true)
        {
            // It joined a run that was given up before anything came of it: it joins the one that was there before, as if for the first
            // time. It has a place to wait in, unlike one that has not joined yet: it asks again.
            bool hasBegun = report is not { Positions: [], Unfinished: [] };
            var producer = Borrow(facts.Stream, hasBegun);
            producer.OnAsked(request.Trace);
            if (report.Stream != producer.Stream.Id && !hasBegun)
            {
                producer.OnAsking(request.Consumer, isReturning: true);
                return producer.Opened.IsCompleted ? await SubscribeAsync(request, isReturning: true) : null;
            }

            // Where this one gives up its place because of the reader, its successor hears of the reader first.
            if (producer.Rejoin(request.End, PortOf(request), facts, request.MaxDemandBytes) is not { } stream) continue;
            producer.OnJoined(StreamRole.Source, request.Trace, since);
            KeepHandlersOnceOpen(producer);
            return Joined(producer, stream, report.Epoch);
        }
    }

    /// <summary>Who asks for what cannot be leaves no activation behind.</summary>
    private void Check(Action validate)
    {
        try
        {
            validate();
        }
        catch (ArgumentException)
        {
            if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is null) DeactivateOnIdle();
            throw;
        }
    }

    private IWriterPort PortOf(StreamAttachRequest request) => request.Process == _host.Process
        ? new LocalWriter(_host, request.End)
        : new RemoteDemand(_host, request.Observer, request.Process, request.End);

    private IReaderPort<T> PortOf(StreamSubscribeRequest<T> request) => request.Process == _host.Process
        ? new LocalReader<T>(_host, request.End)
        : new RemoteElements<T>(_host, request.Observer, request.Process, request.End);

    /// <summary>Where a reader is to be let in: to whatever there is, to a run of the stream, or to the place that another keeps.</summary>
    /// <exception cref="StreamSupersededException">That is not there any more.</exception>
    private Task<ProducerEnd<T>?> PlaceAsync(StreamSubscribeRequest<T> request)
    {
        if (request.Replaces != Guid.Empty) return FindOpenAsync(request.Stream, request.AskedFor, one => one.HasPlaceOf(request.Replaces), "source", request.Consumer);
        if (request.Stream == Guid.Empty) return BorrowOpenAsync(request.Consumer);
        var producer = _host.FindProducer<T>(this.GetPrimaryKeyString());
        if (producer?.Stream.Id == request.Stream) return OpenAsync(producer, request.Consumer);
        if (producer is null) DeactivateOnIdle();
        throw new StreamSupersededException($"That run of stream '{this.GetPrimaryKeyString()}' is over.");
    }

    /// <summary>The producer, once it is known who belongs to its stream; null if that takes longer than a caller should be kept waiting.</summary>
    private Task<ProducerEnd<T>?> BorrowOpenAsync(string? reader = null) => OpenAsync(Borrow(), reader);

    /// <summary>
    /// The producer in whose stream an end that was handed over keeps its place: a new run has none. Where the producer was lost, that end
    /// brings the stream here, which may take it a while to notice. Null if that takes longer than a caller should be kept waiting.
    /// </summary>
    /// <exception cref="StreamSupersededException">No end has, after a long search.</exception>
    private async Task<ProducerEnd<T>?> FindOpenAsync(Guid stream, TimeSpan askedFor, Func<ProducerEnd<T>, bool> hasPlace, string handle, string? reader = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (_host.FindRun<T>(stream) is { } run) return await OpenAsync(run, reader);
            if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is { } named && hasPlace(named)) return await OpenAsync(named, reader);
            if (Stopwatch.GetElapsedTime(start) > FindTimeout) break;
            await Task.Delay(FindPeriod);
        }

        if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is null) DeactivateOnIdle();
        return askedFor < LongestSearch ? null : throw StreamErrors.Used(handle, this.GetPrimaryKeyString());
    }

    private static async Task<ProducerEnd<T>?> OpenAsync(ProducerEnd<T> producer, string? reader)
    {
        if (!producer.Opened.IsCompleted && reader is not null) producer.OnAsking(reader);
        if (producer.Opened.IsCompleted) return producer;

        await producer.Opened.WaitAsync(OpenTimeout).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return producer.Opened.IsCompleted ? producer : null;
    }

    private ProducerEnd<T> Borrow(StreamKey? lost = null, bool hasBegun = false)
    {
        var producer = _host.GetProducer<T>(this.GetPrimaryKeyString(), this, lost, hasBegun);

        // A live stream keeps its activation, however quiet it is; one whose name is free lets it go.
        DelayDeactivation(TimeSpan.MaxValue);
        return producer;
    }

    /// <summary>The stream is over, its ends know, and nobody has begun another under its name. Called on any thread.</summary>
    void IProducerHome<T>.OnReleased(ProducerEnd<T> producer) =>
        // In a turn: or another stream might begin in this activation between the look and the deed, and be left without one.
        GrainContext.Scheduler.QueueAction(() =>
        {
            if (_host.FindProducer<T>(producer.Name) is null) DeactivateOnIdle();
        });

    /// <summary>Another activation is the stream's home: whoever asks must not find this one any more. Called on any thread.</summary>
    void IProducerHome<T>.OnReplaced(ProducerEnd<T> producer) => GrainContext.Scheduler.QueueAction(DeactivateOnIdle);

    private StreamJoined<T> Joined(ProducerEnd<T> producer, StreamKey stream, long peer, long position = 0, long limit = 0,
        long grant = 0, long joinedAt = 0, Roster? roster = null, WriterPosition[]? positions = null) => new()
    {
        Stream = stream.Id,
        Incarnation = stream.Incarnation,
        Peer = peer,
        Position = position,
        Limit = limit,
        Grant = grant,
        Process = _host.Process,
        End = producer.Id,
        Elements = _observers.Elements,
        Demand = _observers.Demand,
        Lease = producer.Timings.Lease,
        RosterVersion = joinedAt,
        Roster = WireFormat.ToWire(roster),
        IsOpening = !producer.Opened.IsCompleted,
        Delivery = producer.Delivery,
        Trace = producer.Trace,
        Positions = WireFormat.ToWire(positions ?? []),
    };
}
