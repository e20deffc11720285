namespace Casty.Orleans;

/// <summary>Streams as observables and observers, for code that pushes.</summary>
public static class StreamObservableExtensions
{
    /// <summary>A source as an observable, for one observer: a source is read once.</summary>
    /// <remarks>
    /// The observer is called by one call at a time, and the next element is asked for when it has returned: a slow observer holds the
    /// writers back. In a grain it is called in the turns of the grain that subscribed, elsewhere on the thread pool, and never within
    /// the call that subscribes. Disposing the subscription leaves the stream; a call that is under way may still finish, and no other
    /// follows. An observer that throws is logged as an error and has unsubscribed itself.
    /// </remarks>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="source">The source. It is left to the subscription.</param>
    /// <returns>
    /// The observable. A second subscription is refused with <see cref="InvalidOperationException"/>, as is the first one where the source
    /// is read already.
    /// </returns>
    public static IObservable<T> ToObservable<T>(this SourceRef<T> source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new SourceObservable<T>(source);
    }

    /// <summary>A sink as an observer: what is pushed is put, and the end of it completes or fails this writer's part.</summary>
    /// <remarks>
    /// Its calls never throw and, but for <see cref="StreamOverflow.Block"/>, never wait. What comes after the stream has ended has no
    /// effect; <see cref="SinkRef{T}.Completion"/> tells why it ended. An element that cannot be put, as it cannot be serialised or is too
    /// large, fails the stream. Where the sink was handed over, what is pushed before it is open waits in memory for that. Where the subscription should end with the stream, use
    /// <see cref="PipeToAsync{T}(IObservable{T}, SinkRef{T}, StreamOverflow, CancellationToken)"/>.
    /// </remarks>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="sink">The sink. Dispose it as ever.</param>
    /// <param name="overflow">What becomes of an element for which there is no room.</param>
    /// <returns>The observer. Its calls are made one at a time, as observers' are.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="overflow"/> is none of its values.</exception>
    public static IObserver<T> AsObserver<T>(this SinkRef<T> sink, StreamOverflow overflow)
    {
        ArgumentNullException.ThrowIfNull(sink);
        Check(overflow);
        return new SinkObserver<T>(sink, overflow, CancellationToken.None);
    }

    /// <summary>
    /// Pipes an observable into a sink, and ends the sink as the observable ends. Ends when the sink's reader has it all. When the stream
    /// ends before, as its reader leaves for instance, the subscription is disposed.
    /// </summary>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="elements">The observable. It is subscribed to by the calling thread; where the sink was handed over, once that is open.</param>
    /// <param name="sink">Where its elements go. Its part of the stream is over afterwards.</param>
    /// <param name="overflow">What becomes of an element for which there is no room.</param>
    /// <param name="cancellationToken">
    /// Disposes the subscription and lets go of the sink, as if it had been disposed; once the observable has ended, it only ends the wait.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="overflow"/> is none of its values.</exception>
    /// <exception cref="StreamException">The stream's reader left or is gone, or <see cref="StreamOverflow.Fail"/> made it fail.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="Exception">What the observable ended with, or what it threw when it was subscribed to.</exception>
    public static async Task PipeToAsync<T>(this IObservable<T> elements, SinkRef<T> sink, StreamOverflow overflow, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(elements);
        ArgumentNullException.ThrowIfNull(sink);
        Check(overflow);
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (sink.IsUnopened) await sink.OpenAsync(cancellationToken);   // nothing is pushed before there is room for it
            using var subscription = elements.Subscribe(new SinkObserver<T>(sink, overflow, cancellationToken));
            await sink.Completion.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await sink.DisposeAsync();
            throw;
        }
        catch (Exception exception)
        {
            // Without effect where the stream has ended; and what is thrown is what went wrong first.
            await sink.FailAsync(exception, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            throw;
        }
    }

    private static void Check(StreamOverflow overflow)
    {
        if (overflow is StreamOverflow.Block or StreamOverflow.Fail) return;
        throw new ArgumentOutOfRangeException(nameof(overflow), overflow, "It must be Block or Fail.");
    }
}
