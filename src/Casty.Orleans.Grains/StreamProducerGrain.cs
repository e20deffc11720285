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
[Immovable]   // its stream lives in the silo, and does not move with the activation yet
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
        Joining.Release<T>(_host);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<StreamJoined<T>> AttachAsync(StreamAttachRequest request)
    {
        Check(() => request.Validate(this.GetPrimaryKeyString()));
        IDemandPort port = request.Process == _host.Process
            ? new LocalWriter(_host, request.End)
            : new RemoteDemand(_host, request.Observer, request.End);

        while (true)
        {
            var producer = Borrow();
            if (producer.Attach(request.End, port, request.Named, request.Defaults) is { } demand)
            {
                return Task.FromResult(Joined(producer, demand.Stream, demand.Peer, limit: demand.Limit, grant: demand.Grant));
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
        Check(() => request.Validate(this.GetPrimaryKeyString()));
        IReaderPort<T> port = request.Process == _host.Process
            ? new LocalReader<T>(_host, request.End)
            : new RemoteElements<T>(_host, request.Observer, request.End);

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

    private ProducerEnd<T> Borrow()
    {
        var producer = _host.GetProducer<T>(this.GetPrimaryKeyString(), OnFree);

        // A live stream keeps its activation, however quiet it is; one whose name is free lets it go.
        DelayDeactivation(TimeSpan.MaxValue);
        return producer;
    }

    /// <summary>The stream is over and nobody has begun another under its name. Called on any thread.</summary>
    private void OnFree(ProducerEnd<T> producer) =>
        // In a turn: or another stream might begin in this activation between the look and the deed, and be left without one.
        GrainContext.Scheduler.QueueAction(() =>
        {
            if (_host.FindProducer<T>(producer.Name) is null) DeactivateOnIdle();
        });

    private StreamJoined<T> Joined(ProducerEnd<T> producer, Protocol.StreamKey stream, long peer, long position = 0, long limit = 0, long grant = 0) => new()
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
