using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>
/// Calls the handlers of one activation: one after another for each stream, whatever is sent twice and whoever goes on after his time.
/// </summary>
internal sealed class StreamHandlerExtension(IGrainContext context) : IStreamHandlerExtension
{
    private readonly StreamHost _host = StreamHost.For(context.ActivationServices);
    private readonly Dictionary<(Type, string), Turn> _turns = [];

    public Task<StreamHandlerTraits> DescribeAsync<T>(string stream)
    {
        try
        {
            return Task.FromResult(Describe<T>(stream));
        }
        catch (Exception exception)
        {
            // What is thrown across tells that the grain could not be activated, or called.
            return Task.FromResult(new StreamHandlerTraits { Failure = WireFormat.ToWire(new Protocol.StreamEnd(StreamEndReason.Failed, exception.Message, exception), _host) });
        }
    }

    private StreamHandlerTraits Describe<T>(string stream)
    {
        var handler = Handler<T>();
        var options = handler.GetHandlerOptions(stream) ?? new StreamHandlerOptions();
        options.Validate($"{handler.GetType().Name}.{nameof(handler.GetHandlerOptions)}");
        options = options.Or(_host.Options.Handler);
        return new StreamHandlerTraits
        {
            BatchSize = handler is IStreamBatchHandler<T> ? options.BatchSize ?? StreamHandlerOptions.DefaultBatchSize : 1,
            Retries = options.Retries ?? StreamHandlerOptions.DefaultRetries,
            RetryDelay = options.RetryDelay ?? StreamHandlerOptions.DefaultRetryDelay,
            OnFailure = options.OnFailure ?? StreamHandlerFailure.Fail,
            Timeout = options.HandlerTimeout ?? Timeout.InfiniteTimeSpan,
            InitialDemand = options.Consumer?.InitialDemand,
            MaxDemand = options.Consumer?.MaxDemand,
            MaxDemandBytes = options.Consumer?.MaxDemandBytes,
        };
    }

    public Task<StreamHandled> HandleAsync<T>(StreamHandOut<T> handOut, CancellationToken cancellationToken)
    {
        var key = (typeof(T), handOut.Stream);
        var before = _turns.GetValueOrDefault(key);

        // Its answer was lost, or is long in coming: the reader asks again for what has begun.
        if (before is not null && (before.Reader, before.Number) == (handOut.Reader, handOut.Number)) return before.Outcome;

        var turn = new Turn(handOut.Reader, handOut.Number);
        _turns[key] = turn;
        return turn.Outcome = HandleAsync(Handler<T>(), handOut, turn, before?.Running, cancellationToken);
    }

    private async Task<StreamHandled> HandleAsync<T>(IHandlesStream<T> handler, StreamHandOut<T> handOut, Turn turn, Task? before, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(Require.Wait(handOut.Timeout), _host.Clock.Provider);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var token = enough.Token;
        try
        {
            if (before is { IsCompleted: false })
            {
                turn.Running = before;
                await before.WaitAsync(token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
                token.ThrowIfCancellationRequested();
            }

            turn.Running = CallAsync(handler, handOut, token);
            await turn.Running.WaitAsync(token);
            if (handOut.End is not null) _turns.Remove((typeof(T), handOut.Stream));   // nothing is kept of streams that are over
            return new StreamHandled();
        }
        catch (Exception exception)
        {
            var cause = timeout.IsCancellationRequested && exception is OperationCanceledException
                ? new TimeoutException($"A handler of stream '{handOut.Stream}' has not returned within its timeout of {handOut.Timeout}.")
                : exception;
            return new StreamHandled { Failure = WireFormat.ToWire(new Protocol.StreamEnd(StreamEndReason.Failed, cause.Message, cause), _host) };
        }
    }

    private static async Task CallAsync<T>(IHandlesStream<T> handler, StreamHandOut<T> handOut, CancellationToken cancellationToken)
    {
        if (handOut.End is { Reason: StreamEndReason.Completed })
        {
            await handler.OnCompletedAsync(handOut.Stream);
        }
        else if (handOut.End is { } end)
        {
            await handler.OnFailedAsync(handOut.Stream, StreamErrors.ForReader(handOut.Stream, "", WireFormat.FromWire(end)!)!);
        }
        else if (handler is IStreamBatchHandler<T> batches)
        {
            await batches.OnBatchAsync(handOut.Elements, handOut.Stream, cancellationToken);
        }
        else
        {
            await ((IStreamHandler<T>)handler).OnElementAsync(handOut.Elements[0], handOut.Stream, cancellationToken);
        }
    }

    private IHandlesStream<T> Handler<T>() => context.GrainInstance as IHandlesStream<T>
        ?? throw new InvalidOperationException($"{context.GrainInstance?.GetType()} handles no elements of {typeof(T)}.");

    /// <summary>What a reader has asked for last.</summary>
    private sealed class Turn(Guid reader, long number)
    {
        public Guid Reader => reader;

        public long Number => number;

        public Task<StreamHandled> Outcome { get; set; } = null!;   // set as soon as it is made

        /// <summary>The handler itself, which may go on when its time is over.</summary>
        public Task? Running { get; set; }
    }
}
