using Casty.Orleans.Protocol;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>How it came out that a stream was read for a grain.</summary>
internal enum HandlingOutcome
{
    /// <summary>The stream is over.</summary>
    Over,

    /// <summary>The grain consumes no more, by its own will or its policy.</summary>
    Stopped,

    /// <summary>The place is left, for whoever reads next for that grain.</summary>
    Left,

    /// <summary>Another reads for it, or it could not go on: the producer's next call may have it do so.</summary>
    Lost,
}

/// <summary>
/// Reads a stream for a grain that handles it: takes what is ready, calls the grain, and finishes it when the handler has succeeded.
/// Everything in here is in the turns of the grain that reads, but <see cref="PartAsync"/>.
/// </summary>
internal sealed class Handling<T>
{
    private static readonly TimeSpan LetGoTimeout = TimeSpan.FromSeconds(5);

    private readonly StreamHost _host;
    private readonly HandlingLog _log;
    private readonly IStreamHandlerExtension _handler;
    private readonly string _stream;
    private readonly string _consumer;
    private readonly string _grain;
    private readonly Guid _id = Guid.NewGuid();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _hurry = new();
    private StreamHandlerTraits _traits = new();
    private StreamConsumerOptions _options;
    private SourceEnd<T> _end;
    private StreamLeave? _leave;
    private long _number;

    private Handling(StreamHost host, HandlingLog log, IStreamHandlerExtension handler, string stream, string consumer, GrainId grain, SourceEnd<T> end)
    {
        _host = host;
        _log = log;
        _handler = handler;
        _stream = stream;
        _consumer = consumer;
        _grain = grain.ToString();
        _options = host.Options.Consumer;
        _end = Take(end);
    }

    /// <summary>The run of the stream that it reads.</summary>
    public Guid Run => _end.Stream;

    /// <summary>The grain consumes no more, though its handler may still be called.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Nothing more of this run is read, though its end may still be handled: who asks to consume means the next one.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>Ends when nothing more is handled, and the stream was let go of.</summary>
    public Task<HandlingOutcome> Done { get; private set; } = null!;   // set as it begins

    /// <summary>Joins the stream and begins.</summary>
    /// <param name="host">The process.</param>
    /// <param name="log">Where it is told what goes wrong.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="consumer">The subscription's name.</param>
    /// <param name="grain">The grain that handles it.</param>
    /// <param name="run">The run of the stream that it is to be; null joins whatever there is.</param>
    /// <param name="cancellationToken">Ends the wait and leaves nothing behind.</param>
    public static async Task<Handling<T>> BeginAsync(StreamHost host, HandlingLog log, string stream, string consumer, GrainId grain, Guid? run, CancellationToken cancellationToken)
    {
        var handler = host.Grains.GetGrain<IStreamHandlerExtension>(grain);
        var end = await OpenAsync(host, stream, consumer, host.Options.Consumer, run, cancellationToken);
        var handling = new Handling<T>(host, log, handler, stream, consumer, grain, end);
        using (ExecutionContext.SuppressFlow())   // what came with the call that begins it does not travel with those to the handler
        {
            handling.Done = Task.Factory.StartNew(handling.RunAsync, CancellationToken.None, TaskCreationOptions.None, TaskScheduler.Current).Unwrap();
        }

        return handling;
    }

    /// <summary>The grain consumes no more, once its handler has returned.</summary>
    public void Stop(StreamLeave leave)
    {
        IsStopping = true;
        _leave ??= leave;
        _stop.Cancel();
    }

    /// <summary>
    /// Lets go of the stream, exactly behind what was handled: the handler that is being called is waited for until <paramref name="hurry"/>
    /// is cancelled. On any thread.
    /// </summary>
    public async Task PartAsync(CancellationToken hurry = default)
    {
        await using var _ = hurry.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _hurry);
        await _stop.CancelAsync();
        await Done;
    }

    private static Task<SourceEnd<T>> OpenAsync(StreamHost host, string stream, string consumer, StreamConsumerOptions options, Guid? run, CancellationToken cancellationToken) =>
        Opening.SourceAsync<T>(host, stream, consumer, isNamed: true, options, run is { } id ? new SourcePlace(id, Guid.Empty) : null, cancellationToken, isHolding: true);

    private SourceEnd<T> Take(SourceEnd<T> end)
    {
        end.Parting = () => PartAsync();
        return end;
    }

    private async Task<HandlingOutcome> RunAsync()
    {
        try
        {
            return await HandleAllAsync();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return await LeaveAsync();
        }
        catch (Exception exception)
        {
            _log.HandlingFailed(exception, _grain, _stream);
            await ReleaseAsync(StreamLeave.Detach);
            return HandlingOutcome.Lost;
        }
    }

    private async Task<HandlingOutcome> HandleAllAsync()
    {
        // The grain need not be there before there is something to handle.
        await _end.WaitToReadAsync(_stop.Token);
        if (await DescribeAsync() is { } refused) return refused;

        while (true)
        {
            _stop.Token.ThrowIfCancellationRequested();
            T[] elements;
            try
            {
                elements = _end.TakeInHand(_traits.BatchSize);
            }
            catch (Exception exception) when (_end.End is { Reason: StreamEndReason.Failed })
            {
                // An element that cannot be deserialised: the writers are being told.
                IsEnding = true;
                await HandOutAsync([], new StreamEnd(StreamEndReason.Failed, exception.Message, exception));
                return HandlingOutcome.Over;
            }

            if (elements.Length > 0)
            {
                if (await HandOutAsync(elements, end: null) is { } outcome) return outcome;
                _end.FinishInHand();
            }
            else if (_end.End is null)
            {
                await _end.WaitToReadAsync(_stop.Token);
            }
            else if (await EndAsync(_end.End) is { } over)
            {
                return over;
            }
        }
    }

    /// <summary>What the grain says of how it handles the stream; its window may be another one than that which was joined with.</summary>
    /// <returns>Null where all is well; otherwise how it came out.</returns>
    private async Task<HandlingOutcome?> DescribeAsync()
    {
        var refused = await RepeatAsync(async _ =>
        {
            var traits = await _handler.DescribeAsync<T>(_stream);
            if (traits.Failure is null) _traits = traits;
            return new StreamHandled { Failure = traits.Failure };
        }, count: 0, isEnd: false);
        if (refused is not null) return refused;

        var own = new StreamConsumerOptions { InitialDemand = _traits.InitialDemand, MaxDemand = _traits.MaxDemand, MaxDemandBytes = _traits.MaxDemandBytes };
        var options = own.Or(_host.Options.Consumer);
        bool isAlike = (options.Window, options.MaxDemandBytes) == (_options.Window, _options.MaxDemandBytes);
        _options = options;
        if (isAlike || _end.End is not null) return null;

        await ReleaseAsync(StreamLeave.Detach);
        _end = Take(await OpenAsync(_host, _stream, _consumer, _options, _end.Stream, _stop.Token));
        return null;
    }

    /// <summary>Nothing more comes: over, or null where it goes on nevertheless.</summary>
    private async Task<HandlingOutcome?> EndAsync(StreamEnd end)
    {
        if (end.Reason == StreamEndReason.Superseded) return HandlingOutcome.Lost;
        if (end.Reason == StreamEndReason.Cancelled) return HandlingOutcome.Left;
        if (!_end.IsAtStreamsEnd)
        {
            // This reader was cut off, which need not be true of the stream.
            try
            {
                _end = Take(await OpenAsync(_host, _stream, _consumer, _options, _end.Stream, _stop.Token));
                return null;
            }
            catch (StreamException)
            {
                // It was true.
            }
        }

        IsEnding = true;
        var outcome = await HandOutAsync([], end);
        _end.FinishEnd();
        await ReleasedAsync();
        return outcome ?? HandlingOutcome.Over;
    }

    /// <summary>Has the grain handle elements, or the stream's end.</summary>
    /// <returns>Null where it goes on; otherwise how it came out.</returns>
    private Task<HandlingOutcome?> HandOutAsync(T[] elements, StreamEnd? end)
    {
        var ended = WireFormat.ToWire(end, _host);
        return RepeatAsync(token => _handler.HandleAsync(new StreamHandOut<T>
        {
            Reader = _id,
            Number = _number,
            Stream = _stream,
            Elements = elements,
            End = ended,
            Timeout = _traits.Timeout,
        }, token), elements.Length, isEnd: end is not null);
    }

    /// <summary>Calls the grain as often as its policy says.</summary>
    /// <returns>Null where it goes on; otherwise how it came out.</returns>
    private async Task<HandlingOutcome?> RepeatAsync(Func<CancellationToken, Task<StreamHandled>> call, int count, bool isEnd)
    {
        for (int failures = 1; ; failures++)
        {
            _number++;
            if (await CallAsync(call) is not { } failure) return null;

            _hurry.Token.ThrowIfCancellationRequested();
            if (failures > _traits.Retries) return await DecideAsync(failure, count, isEnd, failures);

            var delay = DelayAfter(failures);
            var waiting = Task.Delay(delay, _host.Clock.Provider, _stop.Token);
            _log.Retrying(failure.Cause, _grain, _stream, failures, delay);
            await waiting;
        }
    }

    private TimeSpan DelayAfter(int failures)
    {
        var longest = _traits.RetryDelay > StreamHandlerOptions.LongestRetryDelay ? _traits.RetryDelay : StreamHandlerOptions.LongestRetryDelay;
        double delay = _traits.RetryDelay.TotalMilliseconds * Math.Pow(2, Math.Min(failures - 1, 40));
        return delay < longest.TotalMilliseconds ? TimeSpan.FromMilliseconds(delay) : longest;
    }

    /// <summary>Calls the grain until it has answered: what is lost on the way is no failure of its handler.</summary>
    /// <returns>What the handler threw; null where it succeeded.</returns>
    private async Task<StreamEnd?> CallAsync(Func<CancellationToken, Task<StreamHandled>> call)
    {
        for (int failures = 1; ; failures++)
        {
            try
            {
                return WireFormat.FromWire((await call(_hurry.Token)).Failure);
            }
            catch (Exception exception) when (Joining.IsTransient(exception))
            {
                _log.HandlerCallLost(exception, _grain, _stream);
                await Task.Delay(Joining.Pause, _stop.Token);   // real time: it is about processes
            }
            catch (GrainExtensionNotInstalledException exception)
            {
                return new StreamEnd(StreamEndReason.Failed, "A silo whose grains handle streams must call AddCastyStreams; that of the grain has not.", exception);
            }
            catch (Exception exception)
            {
                // What a handler throws comes as an answer: the grain cannot be activated, or was not reached.
                _hurry.Token.ThrowIfCancellationRequested();
                var delay = DelayAfter(failures);
                if (delay < Joining.Pause) delay = Joining.Pause;
                var waiting = Task.Delay(delay, _host.Clock.Provider, _stop.Token);
                _log.CannotReach(exception, _grain, _stream, delay);
                await waiting;
            }
        }
    }

    /// <summary>What becomes of what has failed for the last time. Null where it counts as handled.</summary>
    private async Task<HandlingOutcome?> DecideAsync(StreamEnd failure, int count, bool isEnd, int failures)
    {
        if (isEnd)
        {
            _log.EndUnhandled(failure.Cause, _grain, _stream, failures);
            return null;
        }

        switch (_traits.OnFailure)
        {
            case StreamHandlerFailure.Skip:
                _log.Skipped(failure.Cause, _grain, _stream, count, failures);
                return null;

            case StreamHandlerFailure.Stop:
                IsStopping = true;
                _log.Stopped(failure.Cause, _grain, _stream, failures);
                await ReleaseAsync(StreamLeave.Detach);
                return HandlingOutcome.Stopped;

            default:
                IsEnding = true;
                _log.FailedStream(failure.Cause, _grain, _stream, failures);
                await CancelAsync(failure);
                return HandlingOutcome.Over;
        }
    }

    private async Task<HandlingOutcome> LeaveAsync()
    {
        await ReleaseAsync(_leave ?? StreamLeave.Detach);
        return _leave is null ? HandlingOutcome.Left : HandlingOutcome.Stopped;
    }

    /// <summary>What is in hand is not finished: it is the next for whoever reads on.</summary>
    private Task ReleaseAsync(StreamLeave leave)
    {
        if (leave == StreamLeave.Cancel) return CancelAsync(cause: null);
        _end.Parting = null;
        _end.Leave(Leave.Detach, isInHand: true);
        return ReleasedAsync();
    }

    private Task CancelAsync(StreamEnd? cause)
    {
        _end.Parting = null;
        _end.FinishEnd();   // at the end there is nothing to cancel
        _end.Leave(Leave.Cancel, cause);
        return ReleasedAsync();
    }

    /// <summary>A producer that does not answer is not waited for: it is told again until it does, or its lease ends.</summary>
    private Task ReleasedAsync() => _end.Released.WaitAsync(LetGoTimeout, _host.Clock.Provider)
        .ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
