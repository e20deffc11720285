using Orleans;

namespace Casty.Orleans;

/// <summary>Sequences as streams in one call: completion, failure and cancellation pass both ways.</summary>
public static class StreamSequenceExtensions
{
    /// <summary>
    /// Serves a sequence as a stream: opens a sink, puts every element, waits whenever the buffer is full, and completes. Ends when
    /// the reader has it all.
    /// </summary>
    /// <remarks>
    /// <para>A sequence that throws fails the stream with its exception. A reader that leaves stops the sequence, also while it is
    /// idle, through the token that it is given; its enumerator is disposed in any case.</para>
    /// <para>In a grain, the sequence runs in the grain's turns; keep the task instead of awaiting it within a call, which would hold up
    /// the grain for as long as the stream lives.</para>
    /// </remarks>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="grains">The cluster.</param>
    /// <param name="producer">The stream's name: 1 to 1,000 characters.</param>
    /// <param name="elements">The elements. One at a time is in hand.</param>
    /// <param name="options">How the stream buffers; the first sink's values hold. Null inherits everything.</param>
    /// <param name="cancellationToken">
    /// Stops the sequence and lets go of the stream: the reader gets what was put, then <see cref="StreamAbandonedException"/>, unless
    /// other writers go on first. Once the sequence has ended, it only ends the wait.
    /// </param>
    /// <exception cref="StreamClosedException">The reader left, or another writer failed the stream.</exception>
    /// <exception cref="StreamAbandonedException">The stream's producer or reader is gone.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="Exception">Whatever the sequence throws; and what <see cref="StreamGrainFactoryExtensions.GetSinkAsync"/> throws, before it is begun.</exception>
    public static async Task ServeAsync<T>(this IGrainFactory grains, string producer, IAsyncEnumerable<T> elements,
        StreamProducerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(elements);
        await using var sink = await grains.GetSinkAsync<T>(producer, options, cancellationToken);
        await elements.PipeToAsync(sink, cancellationToken);
    }

    /// <inheritdoc cref="ServeAsync{T}(IGrainFactory, string, IAsyncEnumerable{T}, StreamProducerOptions?, CancellationToken)"/>
    public static Task ServeAsync<T>(this IGrainFactory grains, string producer, IEnumerable<T> elements,
        StreamProducerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(elements);
        return grains.ServeAsync(producer, elements.ToAsyncEnumerable(), options, cancellationToken);
    }

    /// <summary>
    /// Pipes a sequence, such as a <see cref="SourceRef{T}"/> or a query over one, into a sink, and ends the sink as the sequence ends.
    /// Ends when the sink's reader has it all.
    /// </summary>
    /// <remarks>
    /// <para>A sequence that ends completes the sink, and one that throws fails it with its exception. The sink's reader holds the sequence
    /// back: one element at a time is in hand. When the reader leaves, the sequence is left at once: a source cancels its stream, or
    /// detaches where <see cref="StreamConsumerOptions.OnLeave"/> says so.</para>
    /// <para>Of a source that is piped by itself, an element is finished when it was put: one that was not is the next one for a reader
    /// that resumes. Behind a query, an element that was given out counts as finished when the pipe is left.</para>
    /// <para>The sink abandons where the pipe is cancelled, or the source is left, detached or taken over by somebody else: other writers
    /// of its stream go on, and the stream does not look completed.</para>
    /// </remarks>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="elements">The elements. Its enumerator is disposed whatever happens.</param>
    /// <param name="sink">Where they go. Its part of the stream is over afterwards.</param>
    /// <param name="cancellationToken">Leaves the sequence and lets go of the sink. Once the sequence has ended, it only ends the wait.</param>
    /// <exception cref="StreamClosedException">The sink's reader left, or another writer failed its stream.</exception>
    /// <exception cref="StreamAbandonedException">The sink's producer or reader is gone.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, or the source was left from outside.</exception>
    /// <exception cref="Exception">Whatever the sequence throws.</exception>
    public static async Task PipeToAsync<T>(this IAsyncEnumerable<T> elements, SinkRef<T> sink, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(elements);
        ArgumentNullException.ThrowIfNull(sink);
        try
        {
            await sink.PutAllAsync(elements, cancellationToken);
        }
        catch (Exception exception) when (IsCancelled(exception))
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

        await sink.CompleteAsync(cancellationToken);
        await sink.Completion.WaitAsync(cancellationToken);

        bool IsCancelled(Exception exception) => exception is StreamSupersededException
            || (exception is OperationCanceledException && (cancellationToken.IsCancellationRequested || elements is SourceRef<T> { IsLeft: true }));
    }
}
