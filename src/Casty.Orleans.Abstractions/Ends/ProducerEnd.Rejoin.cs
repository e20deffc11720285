using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How a producer takes the place of one that was lost, and gives up its own (P-15).</summary>
internal sealed partial class ProducerEnd<T>
{
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<(long Version, long Writer, TaskCompletionSource Waiter)> _unkept = [];
    private bool _isClosed;

    /// <summary>The run of the stream, and this lifetime of its producer.</summary>
    public StreamKey Stream => _core.Stream;

    /// <summary>Nothing has come of this run yet: it may have begun only because the one before could not be found.</summary>
    public bool IsProvisional
    {
        get
        {
            lock (_gate) return _core is { Sent: 0, Confirmed: 0, IsRebuilding: false, IsOver: false };
        }
    }

    /// <summary>Ends once another process knows who belongs to the stream now, if there is one that could (P-15).</summary>
    public async Task KeptAsync(long writer)
    {
        Task kept;
        lock (_gate)
        {
            if (_core.IsKept(_core.RosterVersion, writer)) return;
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _unkept.Add((_core.RosterVersion, writer, waiter));
            kept = waiter.Task;
        }

        // Who should know may be dead; its lease ends that, and the one that waits need not wait for it.
        await kept.WaitAsync(Timings.Suspicion, _host.Clock.Provider).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <summary>Under the lock.</summary>
    private void TellKept()
    {
        for (int i = _unkept.Count - 1; i >= 0; i--)
        {
            if (!_isClosed && !_core.IsKept(_unkept[i].Version, _unkept[i].Writer)) continue;
            _unkept[i].Waiter.TrySetResult();
            _unkept.RemoveAt(i);
        }
    }

    /// <summary>A writer goes on with this producer.</summary>
    /// <returns>The stream as it goes on; null if it does not, with this writer.</returns>
    public StreamKey? Rejoin(Guid end, IDemandPort port, WriterReport report)
    {
        lock (_gate)
        {
            if (_isClosed) return null;
            if (report.Stream != _core.Stream || !_writers.ContainsKey(report.Writer))
            {
                if (!IsWelcome(report)) return null;
                _core.Report(report, carriesRoster: port is RemoteDemand, _host.Clock.Now);
                _named ??= new StreamProducerOptions();
            }

            _writerNumbers[end] = report.Writer;
            _writers[report.Writer] = port;
        }

        Run();
        return _core.Stream;
    }

    /// <summary>The reader goes on with this producer.</summary>
    /// <returns>The stream as it goes on; null if it does not, with this reader.</returns>
    /// <exception cref="StreamSupersededException">The subscription has another reader.</exception>
    public StreamKey? Rejoin(Guid end, IReaderPort<T> port, ReaderReport report, long maxBytes)
    {
        lock (_gate)
        {
            if (_isClosed || report.Stream.Id != _core.Stream.Id) return null;
            if (report.Epoch < _core.Epoch) throw new StreamSupersededException($"Another reader of stream '{Name}' took the name '{report.Consumer}'.");
            if (report.Stream != _core.Stream)
            {
                if (!_core.IsRebuilding && !(_core.IsReaderAttached && _readerEnd == end)) return null;
                _core.Report(report, maxBytes, carriesRoster: !port.IsLocal, _host.Clock.Now);
            }

            if (_core.IsReaderAttached || _core.IsRebuilding)
            {
                _reader = port;
                _readerEnd = end;
                IsReaderRemote = !port.IsLocal;
                _isReaderReady = true;
                _inFlight.GiveUp();
            }
        }

        Run();
        return _core.Stream;
    }

    /// <summary>
    /// This lifetime of the producer is over, and the stream is not: every end that speaks to it is sent to the grain, which makes
    /// the stream go on elsewhere.
    /// </summary>
    public void Close()
    {
        KeyValuePair<long, IDemandPort>[] writers;
        IReaderPort<T>? reader;
        Roster? roster;
        lock (_gate)
        {
            if (_isClosed) return;
            _isClosed = true;
            _opened.TrySetResult();
            TellKept();
            writers = [.. _writers];
            reader = _core.IsReaderAttached ? _reader : null;
            roster = _core.Roster;
        }

        // Told or not, they find out; told, they do at once.
        foreach (var (writer, port) in writers) _ = TellWriterAsync(port, new Demand(_core.Stream, writer, 0, 0, 0, Roster: roster, IsMoved: true));
        if (reader is not null) _ = TellReaderAsync(reader, roster);

        _host.FreeName(this);
        _host.Remove(this);
        _timer.Dispose();
        _released.TrySetResult();
    }

    private async Task TellReaderAsync(IReaderPort<T> reader, Roster? roster)
    {
        try
        {
            await reader.OnFrameAsync(new Frame<Element<T>>(_core.Stream, _core.Epoch, [], Roster: roster, IsMoved: true)).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            _host.Log.FrameLost(exception, Name);
        }
    }

    /// <summary>
    /// Members of the lost lifetime are waited for; once the stream goes on without them they stay out, as elements of theirs may
    /// be missing. A stranger joined a run that is given up for this one; it brings what it has put.
    /// </summary>
    private bool IsWelcome(WriterReport report)
    {
        if (_core.IsOver || _isFree) return false;
        return report.Stream.Id == _core.Stream.Id
            ? _core.IsRebuilding
            : report.Confirmed == 0 && _core.End is null;
    }
}
