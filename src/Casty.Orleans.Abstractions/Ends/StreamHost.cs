using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Serialization;

namespace Casty.Orleans;

/// <summary>
/// What the streams of one silo or client share: its ends, its observers, its clock. It hangs on that process' own services,
/// so two clusters in one process do not meet, and it needs no registration.
/// </summary>
internal sealed class StreamHost
{
    // A property attached to each container, not a place where containers meet.
    private static readonly ConditionalWeakTable<IGrainFactory, StreamHost> Hosts = [];

    private readonly ConcurrentDictionary<Guid, IStreamEnd> _ends = new();
    private readonly ConditionalWeakTable<IGrainContext, ConcurrentDictionary<Guid, IStreamEnd>> _endsOf = [];
    private readonly Dictionary<(Type, string), object> _producers = [];
    private readonly Dictionary<Guid, object> _runs = [];
    private readonly ConcurrentDictionary<Type, object> _perType = new();
    private readonly ConcurrentDictionary<Guid, Task> _beforeStop = new();
    private readonly ConcurrentDictionary<(Type Type, StreamRole Role), EndMeter> _meters = new();
    private readonly IServiceProvider? _services;
    private volatile bool _isStopping;
    private long _requests;

    /// <summary>The host of one Orleans process.</summary>
    private StreamHost(IServiceProvider services)
    {
        _services = services;
        Grains = services.GetRequiredService<IGrainFactory>();
        Options = services.GetService<IOptions<CastyStreamsOptions>>()?.Value ?? new CastyStreamsOptions();
        Options.Validate(nameof(CastyStreamsOptions));
        ProducerDefaults = Complete(Options.Producer);
        Clock = new StreamClock(services.GetKeyedService<TimeProvider>(TimeProviderNames.Grains) ?? TimeProvider.System);
        Log = new StreamLog(services.GetService<ILoggerFactory>()?.CreateLogger(StreamDiagnostics.LogCategory) ?? NullLogger.Instance);
        Metrics = services.GetService<IMeterFactory>() is { } meters
            ? new StreamMetrics(meters.Create(StreamDiagnostics.MeterName, StreamDiagnostics.Version), () => _ends.Values.OfType<IObservedEnd>())
            : StreamMetrics.None;
        Traces = new StreamTraces(new ActivitySource(StreamDiagnostics.ActivitySourceName, StreamDiagnostics.Version));
        DemandObserver = new ObserverHandle<IStreamDemandObserver>(Grains, Clock, new DemandEndpoint(this));
        MaxMessageSize = Options.MaxMessageSize ?? services.GetRequiredService<IOptions<ClientMessagingOptions>>().Value.MaxMessageBodySize;
        var lifetime = services.GetService<IHostApplicationLifetime>();
        lifetime?.ApplicationStopping.UnsafeRegister(static host => ((StreamHost)host!).LeaveSources(), this);
        services.GetService<IServiceLifecycle>()?.Stopping.Register(
            static (host, cancellationToken) => ((StreamHost)host!).OnStoppingAsync(cancellationToken), this, terminateOnError: false);
        lifetime?.ApplicationStopped.UnsafeRegister(static host => ((StreamHost)host!).Traces.Source!.Dispose(), this);
    }

    private static StreamProducerOptions Complete(StreamProducerOptions options) => options.Or(new StreamProducerOptions
    {
        BufferSize = StreamProducerOptions.DefaultBufferSize,
        SubscriptionTimeout = StreamProducerOptions.DefaultSubscriptionTimeout,
        Delivery = StreamDelivery.Single,
        SlowConsumer = StreamSlowConsumer.Wait,
    });

    /// <summary>A host without Orleans, for a stream inside one process.</summary>
    public StreamHost(CastyStreamsOptions options, TimeProvider time)
    {
        Options = options;
        ProducerDefaults = Complete(options.Producer);
        Clock = new StreamClock(time);
        Log = new StreamLog(NullLogger.Instance);
        Metrics = StreamMetrics.None;
        Traces = new StreamTraces(source: null);
    }

    public Guid Process { get; } = Guid.NewGuid();

    /// <summary>Numbers what this process asks for, in the order in which it does.</summary>
    public long NextRequest() => Interlocked.Increment(ref _requests);

    /// <summary>Answers to elements carry the newest demand. It only saves messages: streams move without it.</summary>
    public bool EchoDemand { get; set; } = true;

    public CastyStreamsOptions Options { get; }

    /// <summary>How a stream of this silo buffers where its writers name nothing: one object for all streams.</summary>
    public StreamProducerOptions ProducerDefaults { get; }

    public PeerWatch Peers { get; } = new();

    public StreamClock Clock { get; }

    public StreamLog Log { get; }

    public StreamMetrics Metrics { get; }

    public StreamTraces Traces { get; }

    /// <summary>What the ends of one role and one type of elements add to.</summary>
    public EndMeter MeterOf(Type elementType, StreamRole role) =>
        _meters.GetOrAdd((elementType, role), static (key, metrics) => new EndMeter(metrics, key.Type.ToString(), key.Role), Metrics);

    /// <summary>The largest message that this process' connections take; without a cluster there are none.</summary>
    public int MaxMessageSize { get; } = int.MaxValue;

    /// <summary>The largest element: a quarter of a message is left for what surrounds it.</summary>
    public int MaxElementSize => (int)(MaxMessageSize * 0.75);

    /// <summary>About how many bytes of elements go into a frame: with the largest element on top of them, it is a message still.</summary>
    public long MaxFrameSize => Math.Min(FrameLimits.Bytes, MaxMessageSize / 8);

    /// <summary>Its streams can be reached from other processes.</summary>
    public bool HasCluster => _services is not null;

    public IGrainFactory Grains { get => field ?? throw new InvalidOperationException("This host has no cluster."); }

    public ObserverHandle<IStreamDemandObserver> DemandObserver { get => field ?? throw new InvalidOperationException("This host has no cluster."); }

    /// <summary>How many ends this process hosts now, those that only wait to be forgotten included.</summary>
    public int EndCount => _ends.Count;

    /// <summary>How many observers are registered now.</summary>
    public int ObserverCount => (DemandObserver.IsCreated ? 1 : 0) + _perType.Values.Count(one => ((IPerType)one).IsObserverCreated);

    /// <summary>The host of the process that <paramref name="grains"/> belongs to.</summary>
    public static StreamHost For<T>(IGrainFactory grains)
    {
        if (Hosts.TryGetValue(grains, out var host)) return host;

        var services = grains is IClusterClient client
            ? client.ServiceProvider
            : GrainOf<IStreamProducerGrain<T>>(grains, "-").GetCallerServices().Services;
        host = For(services);
        Hosts.TryAdd(grains, host);
        return host;
    }

    /// <summary>A grain of a stream.</summary>
    public static TGrain GrainOf<TGrain>(IGrainFactory grains, string key)
        where TGrain : IGrainWithStringKey => Hosted((grains, key), static at => at.grains.GetGrain<TGrain>(at.key));

    /// <summary>What tells of streams.</summary>
    public static IStreamManagementGrain ManagementOf(IGrainFactory grains) => Hosted(grains, static grains => grains.GetGrain<IStreamManagementGrain>(0));

    /// <summary>Where no silo has such grains, Orleans would name an interface, which tells nobody what to do.</summary>
    private static TGrain Hosted<TState, TGrain>(TState state, Func<TState, TGrain> get)
    {
        try
        {
            return get(state);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidOperationException(
                "No silo that this process has heard of hosts streams. Silos need a reference to the package Casty.Orleans.Grains; of one that has just started, others hear a moment later.", exception);
        }
    }

    /// <summary>The host of the process that <paramref name="services"/>, or the scope they are of, belong to.</summary>
    public static StreamHost For(IServiceProvider services)
    {
        // A grain's services are its activation's and end with it; the cluster client knows the process'.
        var root = services.GetRequiredService<IClusterClient>().ServiceProvider;
        var grains = root.GetRequiredService<IGrainFactory>();
        if (Hosts.TryGetValue(grains, out var host)) return host;
        lock (Hosts) return Hosts.GetValue(grains, _ => new StreamHost(root));   // one, or there would be two of each of its instruments
    }

    public void Add(IStreamEnd end) => _ends[end.Id] = end;

    public void Remove(IStreamEnd end) => _ends.TryRemove(end.Id, out _);

    public bool TryGet<TEnd>(Guid id, out TEnd end)
        where TEnd : class
    {
        end = (_ends.GetValueOrDefault(id) as TEnd)!;
        return end is not null;
    }

    /// <summary>What this process shares among streams of <typeparamref name="T"/>.</summary>
    /// <exception cref="global::Orleans.Serialization.CodecNotFoundException">Nothing serialises <typeparamref name="T"/>.</exception>
    public PerType<T> Of<T>() => (PerType<T>)_perType.GetOrAdd(typeof(T), static (_, host) => new PerType<T>(
        new ElementCodec<T>(host._services!, host.MaxElementSize),
        new ObserverHandle<IStreamElementObserver<T>>(host.Grains, host.Clock, new ElementEndpoint<T>(host))), this);

    /// <summary>
    /// Orleans can carry the exception, with everything in it, beside the largest element: a message that is too large would close
    /// a connection that everybody shares.
    /// </summary>
    public bool CanCarry(Exception exception)
    {
        try
        {
            return _services!.GetRequiredService<Serializer<Exception>>().SerializeToArray(exception).Length <= MaxMessageSize / 16;
        }
        catch (Exception)
        {
            // An exception is user code as well: whatever it throws, it is not the exception that is to be told.
            return false;
        }
    }

    /// <summary>The producer of a stream in this silo: the one that there is, or a new run of the stream.</summary>
    /// <param name="name">The stream's name.</param>
    /// <param name="home">The activation that a new one belongs to.</param>
    /// <param name="lost">The lifetime of the producer that an end asks for; null joins whatever there is.</param>
    /// <param name="hasBegun">Elements of its run have been read.</param>
    public ProducerEnd<T> GetProducer<T>(string name, IProducerHome<T> home, Protocol.StreamKey? lost = null, bool hasBegun = false)
    {
        lock (_producers)
        {
            // A run that is over, but whose ends have not all been told, is not lost: it answers for itself. One that an end has left
            // behind for a newer lifetime is: two activations began at once, and all meet in one that is newer than both.
            if (lost is { } asked && _runs.TryGetValue(asked.Id, out object? run))
            {
                var known = (ProducerEnd<T>)run;
                if (asked.Incarnation <= known.Stream.Incarnation) return known;
                known.Close();
            }

            if (_producers.TryGetValue((typeof(T), name), out object? named))
            {
                var present = (ProducerEnd<T>)named;
                if (lost is not { } stream || present.Stream.Id == stream.Id || !present.IsProvisional) return present;

                // Of two runs that did not find each other the one goes on of which something has come; else the older one, whoever asks
                // first: ids are in the order of time.
                if (!hasBegun && present.Stream.Id.CompareTo(stream.Id) < 0) return present;
                present.Close();   // its ends follow, and join the stream that was there before them
            }

            var producer = new ProducerEnd<T>(this, name, Of<T>().Codec, home, lost);
            _producers[(typeof(T), name)] = producer;
            _runs[producer.Stream.Id] = producer;

            // It is spoken to through the observers as long as anything of it is left, whatever becomes of its grain's activation.
            _ = Joining.AcquireAsync<T>(this);
            return producer;
        }
    }

    /// <summary>Whoever asks for that stream is not to find this lifetime of its producer.</summary>
    public void Forget<T>(ProducerEnd<T> producer)
    {
        FreeName(producer);
        lock (_producers)
        {
            if (_runs.GetValueOrDefault(producer.Stream.Id) == producer) _runs.Remove(producer.Stream.Id);
        }
    }

    /// <summary>That run of a stream is over: the next one to ask for its name begins another.</summary>
    public void FreeName<T>(ProducerEnd<T> producer)
    {
        lock (_producers)
        {
            if (_producers.GetValueOrDefault((typeof(T), producer.Name)) == producer) _producers.Remove((typeof(T), producer.Name));
        }
    }

    /// <summary>The streams that have their producer in this silo, those included whose end was not told to everybody yet.</summary>
    public IObservedProducer[] Producers
    {
        get
        {
            lock (_producers) return [.. _runs.Values.Cast<IObservedProducer>()];
        }
    }

    /// <summary>The run of a stream that has its producer in this silo; null if it has not.</summary>
    public IObservedProducer? FindRun(Guid stream)
    {
        lock (_producers) return _runs.GetValueOrDefault(stream) as IObservedProducer;
    }

    /// <summary>The producer of a stream in this silo, if there is one.</summary>
    public ProducerEnd<T>? FindProducer<T>(string name)
    {
        lock (_producers) return (ProducerEnd<T>?)_producers.GetValueOrDefault((typeof(T), name));
    }

    /// <summary>The producer of that run of a stream in this silo, if it is here, whether or not the run is over.</summary>
    public ProducerEnd<T>? FindRun<T>(Guid stream)
    {
        lock (_producers) return _runs.GetValueOrDefault(stream) as ProducerEnd<T>;
    }

    /// <summary>The grain whose turn this is, if it is one's.</summary>
    public IGrainContext? CurrentGrain =>
        _services?.GetService<IGrainContextAccessor>()?.GrainContext is { GrainInstance: IGrainBase } context ? context : null;

    /// <summary>Lets go of <paramref name="end"/> when the grain that opened it is deactivated.</summary>
    /// <returns>Undoes that, also to be called once nothing of the end is left; null where no grain opened it.</returns>
    public Action? TieTo(IGrainContext? grain, IStreamEnd end)
    {
        if (grain is null) return null;

        // One continuation for a grain, however many streams come and go while it lives.
        var ends = _endsOf.GetValue(grain, grain =>
        {
            var ends = new ConcurrentDictionary<Guid, IStreamEnd>();
            _ = grain.Deactivated.ContinueWith(_ => LetGo(ends.Values), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            return ends;
        });
        ends[end.Id] = end;
        if (grain.Deactivated.IsCompleted) LetGo(ends.Values);
        return () => ends.TryRemove(end.Id, out _);
    }

    /// <summary>Their grain is deactivated.</summary>
    private void LetGo(IEnumerable<IStreamEnd> ends)
    {
        foreach (var end in ends)
        {
            var letGo = end.LetGoAsync(_isStopping);
            if (_isStopping) AwaitAtStop(letGo.WaitAsync(LetGoTimeout));
        }
    }

    /// <summary>How many ends of a grain's are let go of with it.</summary>
    public int EndCountOf(IGrainContext grain) => _endsOf.TryGetValue(grain, out var ends) ? ends.Count : 0;

    /// <summary>A host that stops waits for <paramref name="task"/>, while the network is still there.</summary>
    public void AwaitAtStop(Task task)
    {
        var id = Guid.NewGuid();
        _beforeStop[id] = task;
        _ = task.ContinueWith(_ => _beforeStop.TryRemove(id, out Task? _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Ends once producers of this silo have been followed elsewhere, and what they alone held is there.</summary>
    public async Task HandOverAsync(CancellationToken cancellationToken)
    {
        // All grains are deactivated by now, but what lets go of their ends is a continuation, which may not have run yet.
        LetGo(_ends.Values.Where(static end => end.IsTied));
        foreach (var producer in _ends.Values.OfType<IProducerEnd>()) AwaitAtStop(producer.TellOutcomeAsync());

        // Handing over may bring more to hand over.
        while (!_beforeStop.IsEmpty && !cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAll(_beforeStop.Values).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static readonly TimeSpan LetGoTimeout = TimeSpan.FromSeconds(2);

    /// <summary>The host begins to stop: whoever loops over a source would hold that up.</summary>
    private void LeaveSources()
    {
        foreach (var end in _ends.Values.Where(end => end.LeavesFirst)) _ = end.LetGoAsync(isHostStopping: true);
    }

    /// <summary>
    /// Orleans begins to stop, after the services that were registered behind it and before its grains: every end lets go, but for those
    /// of grains, which may still end them as they are deactivated.
    /// </summary>
    private async Task OnStoppingAsync(CancellationToken cancellationToken)
    {
        _isStopping = true;
        var ends = _ends.Values.Where(static end => end.LeavesFirst || !end.IsTied).Select(static end => end.LetGoAsync(isHostStopping: true)).ToArray();
        await Task.WhenAll(ends).WaitAsync(LetGoTimeout, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}

/// <summary>What <see cref="StreamHost"/> asks of any <see cref="PerType{T}"/>.</summary>
internal interface IPerType
{
    bool IsObserverCreated { get; }
}

/// <summary>What a process shares among its streams of one type.</summary>
internal sealed record PerType<T>(ElementCodec<T> Codec, ObserverHandle<IStreamElementObserver<T>> Observer) : IPerType
{
    public bool IsObserverCreated => Observer.IsCreated;
}
