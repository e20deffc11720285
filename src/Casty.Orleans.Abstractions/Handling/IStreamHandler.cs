namespace Casty.Orleans;

/// <summary>What <see cref="IStreamHandler{T}"/> and <see cref="IStreamBatchHandler{T}"/> have in common.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
public interface IHandlesStream<T>
{
    /// <summary>
    /// Every writer has completed, and every element has been handled. Like an element's, its call is repeated if it fails; the stream is
    /// over afterwards in any case. What consumes the next stream of the name is another registration, which may be made here.
    /// </summary>
    /// <param name="stream">The stream's name.</param>
    Task OnCompletedAsync(string stream) => Task.CompletedTask;

    /// <summary>The stream failed, and what was put before has been handled. Not called for what a handler itself threw.</summary>
    /// <param name="stream">The stream's name.</param>
    /// <param name="error">
    /// The writer's exception, with its type; <see cref="StreamAbandonedException"/> where a writer is gone or let go without a word.
    /// </param>
    Task OnFailedAsync(string stream, Exception error) => Task.CompletedTask;

    /// <summary>
    /// How that stream is handled. Asked for in a turn of the grain, whenever its elements begin to come to it: it belongs to the handler and
    /// not to a registration, as it must be known wherever the grain is activated next. Null inherits everything.
    /// </summary>
    /// <param name="stream">The stream's name.</param>
    StreamHandlerOptions? GetHandlerOptions(string stream) => null;
}

/// <summary>
/// A grain that handles a stream's elements one by one. It begins with <see cref="StreamHandlerGrainExtensions.ConsumeAsync{T}"/>, or by
/// itself where the grain's class has <see cref="ConsumesStreamAttribute"/>; from then on the grain is activated when elements come, as
/// by a reminder, and may be collected while none do.
/// </summary>
/// <remarks>
/// Each call is a turn of its own, under the grain's own rules of reentrancy: other calls are answered between two elements. Elements come
/// one after another and in order. One is finished when the task of its call has succeeded: until then it may come again (at least once),
/// as after a failure, or after its silo was killed. The silo must have called <c>AddCastyStreams</c>.
/// </remarks>
/// <typeparam name="T">The type of the elements.</typeparam>
public interface IStreamHandler<T> : IHandlesStream<T>
{
    /// <summary>Handles an element.</summary>
    /// <param name="element">The element. It is the handler's own.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="cancellationToken">
    /// Cancelled when <see cref="StreamHandlerOptions.HandlerTimeout"/> is over, or when the silo that reads the stream stops and can wait no longer.
    /// </param>
    Task OnElementAsync(T element, string stream, CancellationToken cancellationToken);
}

/// <summary>
/// A grain that handles a stream's elements in batches: whatever is ready, never waiting for more, at most
/// <see cref="StreamHandlerOptions.BatchSize"/>. In all else it is like <see cref="IStreamHandler{T}"/>, and it goes before one.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
public interface IStreamBatchHandler<T> : IHandlesStream<T>
{
    /// <summary>Handles a batch. All of it is finished when the task has succeeded, and all of it comes again when it has not.</summary>
    /// <param name="elements">One element or more, in order. They are the handler's own.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="cancellationToken">As in <see cref="IStreamHandler{T}.OnElementAsync"/>.</param>
    Task OnBatchAsync(IReadOnlyList<T> elements, string stream, CancellationToken cancellationToken);
}
