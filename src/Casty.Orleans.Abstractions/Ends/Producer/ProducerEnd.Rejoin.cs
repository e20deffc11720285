using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How a producer takes the place of one that was lost, and gives up its own (P-15).</summary>
internal sealed partial class ProducerEnd<T>
{
    private const int MostFarewells = 2;

    private Signal _opened;
    private List<(long Version, long Except, TaskCompletionSource Waiter)>? _unkept;
    private bool _isClosed;
    private Roster? _lastRoster;   // once it is closed
    private ITimer? _silence;
    private long _silentVersion;

    /// <summary>The run of the stream, and this lifetime of its producer.</summary>
    public StreamKey Stream => _core.Stream;

    /// <summary>Who belongs to the stream, as far as that is known.</summary>
    public Roster? Roster
    {
        get
        {
            lock (_gate) return _core.Roster;
        }
    }

    /// <summary>Nothing has come of this run yet: it may have begun only because the one before could not be found.</summary>
    public bool IsProvisional
    {
        get
        {
            lock (_gate) return _core.IsProvisional && _fan?.IsProvisional != false;
        }
    }

    /// <summary>Ends once it is known who belongs to the stream: at once, unless this producer takes the place of a lost one.</summary>
    public Task Opened => _opened.Task;

    /// <summary>A reader waits for it to be known: one that has joined nothing yet.</summary>
    /// <param name="consumer">Its subscription.</param>
    /// <param name="isReturning">Or it has joined a run of the stream that gave way to this one.</param>
    public void OnAsking(string consumer, bool isReturning = false)
    {
        lock (_gate)
        {
            if (isReturning) _fan?.OnReturning(consumer, _host.Clock.Now);
            if (_fan is null) _core.OnAsking(consumer, _host.Clock.Now);
            else _fan.OnAsking(consumer, _host.Clock.Now);
        }

        Run();
    }

    /// <summary>Ends once another process knows who belongs to the stream now, if there is one that could (P-15).</summary>
    /// <param name="except">Who must not vouch for it: a writer, or the reader itself.</param>
    public async Task KeptAsync(long except = 0)
    {
        TaskCompletionSource waiter;
        lock (_gate)
        {
            if (_isClosed || _core.IsOver || IsKept(_core.RosterVersion, except)) return;
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            (_unkept ??= []).Add((_core.RosterVersion, except, waiter));
        }

        Run();
        await waiter.Task.ConfigureAwait(false);
    }

    /// <summary>
    /// Who should know may be dead. Its lease will tell, and whoever waits need not wait for that. In real time: it is about processes.
    /// Under the lock.
    /// </summary>
    private void LimitSilence()
    {
        if (!IsAwaited || _silentVersion > 0) return;

        _silentVersion = _core.RosterVersion;
        _silence ??= StreamClock.Real.CreateTimer(static end => ((ProducerEnd<T>)end!).OnSilence(), this, Timeout.InfiniteTimeSpan);
        _silence.Change(Timings.Suspicion, Timeout.InfiniteTimeSpan);
    }

    private void OnSilence()
    {
        lock (_gate)
        {
            long version = _silentVersion;
            _silentVersion = 0;
            if (_isClosed || _core.IsOver || !IsAwaited) return;
            _fan?.OnSilence(version, _host.Clock.Now);
            _core.OnSilence(version);
        }

        Run();
    }

    private bool IsAwaited => _unkept is { Count: > 0 } || _core.HasUnkeptEnds;

    /// <summary>Under the lock.</summary>
    private void TellKept()
    {
        if (_unkept is null) return;
        for (int i = _unkept.Count - 1; i >= 0; i--)
        {
            if (!_isClosed && !_core.IsOver && !IsKept(_unkept[i].Version, _unkept[i].Except)) continue;
            _unkept[i].Waiter.TrySetResult();
            _unkept.RemoveAt(i);
        }
    }

    /// <summary>A writer goes on with this producer.</summary>
    /// <param name="end">The writer's end.</param>
    /// <param name="port">Where the writer hears of demand.</param>
    /// <param name="report">What it knows.</param>
    /// <param name="replaces">The number of the writer in whose place it joined; 0 where it took none.</param>
    /// <returns>The stream as it goes on; null if this producer has given up its place.</returns>
    /// <exception cref="StreamAbandonedException">It does not go on with this writer.</exception>
    public StreamKey? Rejoin(Guid end, IWriterPort port, WriterReport report, long replaces = 0)
    {
        IWriterPort? dismissed;
        lock (_gate)
        {
            if (_isClosed) return null;
            MakeFanAgain(report.Roster);
            if (!_core.Report(report, port.Process, _host.Clock.Now, replaces)) throw Gone("writer");
            _fan?.Settle(_host.Clock.Now);

            _warnAt = TimeSpan.MaxValue;
            _writerNumbers[end] = report.Writer;
            _writers[report.Writer] = port;
            dismissed = Replace(replaces);
        }

        Dismiss(dismissed, replaces);
        Run();
        return _core.Stream;
    }

    /// <summary>The reader goes on with this producer.</summary>
    /// <returns>The stream as it goes on; null if this producer has given up its place.</returns>
    /// <exception cref="StreamSupersededException">The subscription has a newer reader.</exception>
    /// <exception cref="StreamAbandonedException">The stream does not go on with this reader.</exception>
    public StreamKey? Rejoin(Guid end, IReaderPort<T> port, ReaderReport report, long maxBytes)
    {
        bool isTorn = false;
        lock (_gate)
        {
            if (_isClosed) return null;
            if (report.Stream.Id != _core.Stream.Id) throw Gone("reader");
            MakeFanAgain(report.Roster, report.Delivery);
            if (report.Epoch < (_fan?.NewestEpochOf(report.Consumer) ?? _core.NewestEpoch)) throw new StreamSupersededException($"Another reader of stream '{Name}' took the name '{report.Consumer}'.");

            if (_fan is not null)
            {
                if (!_fan.HasLeft(report.Epoch) && !RejoinConsumer(end, port, report, maxBytes) && !_core.IsOver)
                {
                    isTorn = _fan.TryYieldTo(report, end, _host.Clock.Now);
                    if (!isTorn) throw Gone("reader");
                }
            }
            else if (_core.IsWelcome(report))
            {
                _core.Reader = end;
                _core.Report(report, maxBytes, port.Process, _host.Clock.Now);
                _reader = port;
                IsReaderRemote = !port.IsLocal;
                _isReaderReady = true;
                _inFlight.GiveUp();
                _delivery.Forget();   // its elements may be counted anew
                if (IsReaderRemote) EncodeHeld();
            }
            else if (_core.MustYieldTo(report))
            {
                isTorn = true;
            }
            else if (!_core.HasLeft(report.Epoch) && (_core.Reader != end || (!_core.IsReaderAttached && !_core.IsOver)))
            {
                throw Gone("reader");
            }

            if (!_core.HasHadWriters) ExpectWriter();
        }

        if (isTorn)
        {
            Close();
            return null;
        }

        Run();
        return _core.Stream;
    }

    /// <summary>
    /// An end has gone on to a newer lifetime of this stream: that one counts, and the activation that this one belongs to is not the one
    /// that Orleans finds. The ends that are still here are to look again.
    /// </summary>
    public void OnReplaced(StreamKey by)
    {
        if (by.Id == _core.Stream.Id && by.Incarnation > _core.Stream.Incarnation) CloseAsReplaced();
    }

    /// <summary>It did not know. One that gave up its place by itself may have its successor in the same activation.</summary>
    private void CloseAsReplaced()
    {
        if (Close()) _home?.OnReplaced(this);
    }

    /// <summary>
    /// This lifetime of the producer is over, and the stream is not: every end that speaks to it is sent to the grain, which makes
    /// the stream go on elsewhere. A stream that is over stays, as its ends may not have been told yet.
    /// </summary>
    /// <returns>False if it had given up its place before, or the stream is over.</returns>
    public bool Close()
    {
        KeyValuePair<long, IWriterPort>[] writers;
        Legacy<Element<T>>[] legacies;
        (IReaderPort<T> Port, long Epoch)[] readers;
        lock (_gate)
        {
            if (_isClosed || _core.IsOver || _isFree) return false;
            _isClosed = true;
            _opened.TrySetResult();
            TellKept();
            _lastRoster = _core.LastRoster(_host.Clock.Now);
            long[] orphans = [.. _core.Unfinished.Where(writer => _core.IsAbsent(writer) || !_writers.ContainsKey(writer))];
            legacies = [.. orphans.Select(_core.LegacyOf).OfType<Legacy<Element<T>>>()];
            writers = [.. _writers.Where(one => !orphans.Contains(one.Key))];
            readers = Readers();
        }

        _host.Forget(this);
        _host.Clock.Deadlines.Remove(this);
        _silence?.Dispose();
        _host.AwaitAtStop(HandOverAsync(writers, legacies, readers));
        return true;
    }

    /// <summary>
    /// Told of it, the ends follow at once. Where one may not have been, this producer stays for two leases to answer it with what it
    /// last knew: who comes without that would have to be waited for (P-15). What is held here alone goes to heirs.
    /// </summary>
    private async Task HandOverAsync(KeyValuePair<long, IWriterPort>[] writers, Legacy<Element<T>>[] legacies, (IReaderPort<T> Port, long Epoch)[] readers)
    {
        foreach (var legacy in legacies) Bequeath(legacy);
        var told = writers.Select(one => IsToldAsync(() => one.Value.OnDemandAsync(Farewell(one.Key)).AsTask(), reply => !reply.IsUnknown)).ToList();
        foreach (var (reader, epoch) in readers)
        {
            var farewell = new Frame<Element<T>>(_core.Stream, epoch, [], Roster: _lastRoster, IsMoved: true);
            told.Add(IsToldAsync(() => reader.OnFrameAsync(farewell).AsTask(), reply => !reply.IsUnknown));
        }

        bool[] isTold = await Task.WhenAll(told).ConfigureAwait(false);
        _ = RetireAsync(isTold.All(one => one) ? TimeSpan.Zero : 2 * Timings.Lease);
    }

    private async Task RetireAsync(TimeSpan wait)
    {
        if (wait > TimeSpan.Zero) await Task.Delay(wait, _host.Clock.Provider).ConfigureAwait(false);
        Release();
    }

    /// <summary>The end of a stream that is over would be forgotten with this producer, and with the reader too if that is here.</summary>
    public Task TellOutcomeAsync()
    {
        var untold = new List<Task>();
        lock (_gate)
        {
            if (!_core.IsOver) return Task.CompletedTask;
            foreach (var (writer, port) in _writers)
            {
                if (_core.TryTakeDemandFor(writer, out var outcome)) untold.Add(IsToldAsync(() => port.OnDemandAsync(outcome).AsTask(), reply => !reply.IsUnknown));
            }
        }

        return Task.WhenAll(untold);
    }

    /// <summary>
    /// A writer that has ended and is gone has left its elements here alone: a sink of this process takes its place until whoever
    /// follows has them.
    /// </summary>
    private void Bequeath(Legacy<Element<T>> legacy)
    {
        var core = WriterCore<Element<T>>.Inherit(_core.Stream, legacy, _lastRoster, Timings, _host.Clock.Now, Element<T>.SizeOf, Element<T>.Pool);
        _ = Joining.AcquireAsync<T>(_host);
        var heir = new SinkEnd<T>(_host, Guid.NewGuid(), Name, core, this, _codec, rejoin: Rejoining<T>.Writer);
        heir.Start();
        _host.AwaitAtStop(heir.HandOverAsync());
    }

    private Demand Farewell(long writer) => new(_core.Stream, writer, 0, 0, 0, Roster: _lastRoster, IsMoved: true);

    /// <summary>A silo that stops waits for this, while its connections are closed one after another: what is not answered soon never is.</summary>
    private async Task<bool> IsToldAsync<TReply>(Func<Task<TReply>> tell, Func<TReply, bool> isTold)
    {
        for (int attempt = 0; attempt < MostFarewells; attempt++)
        {
            try
            {
                return isTold(await tell().WaitAsync(Timings.Retry).ConfigureAwait(false));
            }
            catch (Exception exception)
            {
                _host.Log.FrameLost(exception, Name);
            }
        }

        return false;
    }

    private StreamAbandonedException Gone(string end) =>
        new($"Stream '{Name}' goes on without this {end}, or has ended: it was away for too long.");
}
