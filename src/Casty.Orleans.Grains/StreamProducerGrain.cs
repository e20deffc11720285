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
public sealed class StreamProducerGrain<T> : Grain, IStreamProducerGrain<T>
{
    private readonly StreamHost _host;
    private Joining.Observers<T> _observers;

    /// <summary>Creates the grain.</summary>
    /// <param name="services">The services of the silo.</param>
    public StreamProducerGrain(IServiceProvider services) => _host = StreamHost.For(services);

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken) =>
        _observers = await Joining.AcquireAsync<T>(_host);

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        // A stream that has not ended goes on where this grain is activated next, from what its ends hold.
        _host.FindProducer<T>(this.GetPrimaryKeyString())?.Close();
        Joining.Release<T>(_host);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<StreamJoined<T>> AttachAsync(StreamAttachRequest request)
    {
        var port = PortOf(request);
        var named = new StreamProducerOptions { BufferSize = request.BufferSize, SubscriptionTimeout = request.SubscriptionTimeout };

        while (true)
        {
            var producer = Borrow();
            if (producer.Attach(request.End, port, named) is { } demand)
            {
                await producer.KeptAsync(demand.Peer);
                return Joined(producer, demand.Stream, demand.Peer, limit: demand.Limit, grant: demand.Grant);
            }

            _host.FreeName(producer);
        }
    }

    /// <inheritdoc/>
    public Task WithdrawAsync(Guid end)
    {
        if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is { } producer) producer.Withdraw(end);
        else DeactivateOnIdle();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<StreamJoined<T>> SubscribeAsync(StreamSubscribeRequest<T> request)
    {
        var port = PortOf(request);
        while (true)
        {
            var producer = Borrow();
            if (await producer.SubscribeAsync(request.End, request.Consumer, request.IsNamed, request.MaxDemandBytes, port) is var (stream, epoch, position))
            {
                return Joined(producer, stream, epoch, position);
            }

            _host.FreeName(producer);
        }
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
        var producer = Borrow(new StreamKey(report.Stream, report.Incarnation));
        var stream = producer.Rejoin(request.End, PortOf(request), WireFormat.FromWire(report)) ?? throw Gone(producer, "writer");
        return Task.FromResult(Joined(producer, stream, report.Writer));
    }

    /// <inheritdoc/>
    public async Task<StreamJoined<T>> RejoinReaderAsync(StreamSubscribeRequest<T> request, StreamReaderReport report)
    {
        var producer = Borrow(new StreamKey(report.Stream, report.Incarnation));

        // It joined a run that was given up before anything came of it: it joins the one that was there before, as if for the first time.
        if (report.Stream != producer.Stream.Id && report is { Positions: [], Unfinished: [] }) return await SubscribeAsync(request);

        var facts = WireFormat.FromWire(report, request.Consumer, request.IsNamed);
        var stream = producer.Rejoin(request.End, PortOf(request), facts, request.MaxDemandBytes) ?? throw Gone(producer, "reader");
        return Joined(producer, stream, report.Epoch);
    }

    private static StreamAbandonedException Gone(ProducerEnd<T> producer, string end) =>
        new($"Stream '{producer.Name}' goes on without this {end}, or has ended: it was away for too long.");

    private IDemandPort PortOf(StreamAttachRequest request) => request.Process == _host.Process
        ? new LocalWriter(_host, request.End)
        : new RemoteDemand(_host, request.Observer, request.End);

    private IReaderPort<T> PortOf(StreamSubscribeRequest<T> request) => request.Process == _host.Process
        ? new LocalReader<T>(_host, request.End)
        : new RemoteElements<T>(_host, request.Observer, request.End);

    private ProducerEnd<T> Borrow(StreamKey? lost = null)
    {
        var producer = _host.GetProducer<T>(this.GetPrimaryKeyString(), OnFree, lost);

        // A live stream keeps its activation, however quiet it is; one whose name is free lets it go.
        DelayDeactivation(TimeSpan.MaxValue);
        return producer;
    }

    /// <summary>The stream is over and nobody has begun another under its name. Called on any thread.</summary>
    private void OnFree(ProducerEnd<T> producer)
    {
        if (_host.FindProducer<T>(producer.Name) is not null) return;
        GrainContext.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "The stream has ended."));
    }

    private StreamJoined<T> Joined(ProducerEnd<T> producer, StreamKey stream, long peer, long position = 0, long limit = 0, long grant = 0) => new()
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
    };
}
