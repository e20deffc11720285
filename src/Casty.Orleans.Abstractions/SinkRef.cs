using System.Threading.Channels;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>
/// A writer's handle on a stream: a bounded channel in the caller's process whose room is the credit that the stream's
/// producer granted. Get one with <see cref="StreamGrainFactoryExtensions.GetSinkAsync"/>.
/// </summary>
/// <remarks>
/// Any thread may use it, and so may a grain: every await resumes on the grain's own scheduler. Elements of one sink arrive in
/// the order in which they were put. A mutable element is copied before <see cref="PutAsync"/> returns.
/// </remarks>
/// <typeparam name="T">The type of the elements: any that Orleans can serialise.</typeparam>
public sealed class SinkRef<T> : IAsyncDisposable
{
    private readonly SinkEnd<T> _end;
    private readonly StreamHost _host;
    private SinkWriter<T>? _writer;

    internal SinkRef(StreamHost host, SinkEnd<T> end)
    {
        _host = host;
        _end = end;
    }

    /// <summary>A sink that is collected undisposed counts as disposed.</summary>
    ~SinkRef()
    {
        if (_end is not null && _end.TryEnd(Abandon)) _host.Log.Collected("sink", _end.Producer);
    }

    /// <summary>The stream's name.</summary>
    public string Producer => _end.Producer;

    /// <summary>
    /// Ends when the reader has finished this sink's elements. Faults with why it did not: with the cause that a writer failed
    /// the stream with, <see cref="StreamClosedException"/> if the reader left, <see cref="StreamAbandonedException"/> if it
    /// vanished. Nobody has to look at it.
    /// </summary>
    public Task Completion => _end.Completion;

    /// <summary>
    /// The same sink for code that knows channels. <see cref="ChannelWriter{T}.TryComplete"/> completes or fails this writer's
    /// part; a stream that takes no more shows as <see cref="ChannelClosedException"/> with the stream's exception inside.
    /// </summary>
    public ChannelWriter<T> Writer => _writer ??= new SinkWriter<T>(this, _end);

    /// <summary>Puts an element. Waits while the stream's buffer is full.</summary>
    /// <param name="element">The element.</param>
    /// <param name="cancellationToken">Ends the wait; a cancelled put has not put.</param>
    /// <exception cref="StreamClosedException">The stream takes no more: it was completed, failed or cancelled.</exception>
    /// <exception cref="StreamAbandonedException">The stream's producer or reader is gone.</exception>
    /// <exception cref="ArgumentException">The element is too large for a message. Its neighbours are not affected.</exception>
    /// <exception cref="global::Orleans.Serialization.CodecNotFoundException">The element cannot be serialised. Its neighbours are not affected.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask PutAsync(T element, CancellationToken cancellationToken = default) => _end.PutAsync(element, this, cancellationToken);

    /// <summary>Puts an element if that needs no waiting.</summary>
    /// <param name="element">The element.</param>
    /// <returns>False if the buffer is full, or the stream takes no more.</returns>
    /// <exception cref="ArgumentException">The element is too large for a message.</exception>
    public bool TryPut(T element) => _end.TryPut(element);

    /// <summary>Waits until a put may succeed at once.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False if the stream takes no more.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<bool> WaitToPutAsync(CancellationToken cancellationToken = default) => _end.WaitToPutAsync(cancellationToken);

    /// <summary>
    /// Puts every element of a sequence, waiting whenever the buffer is full. Completes nothing:
    /// <see cref="StreamSequenceExtensions.PipeToAsync{T}(IAsyncEnumerable{T}, SinkRef{T}, CancellationToken)"/> ends the stream as the sequence ends.
    /// </summary>
    /// <remarks>
    /// One element at a time is in hand. The token that the sequence is given is cancelled as soon as the stream takes no more, even
    /// while the sequence is idle; one that ignores it is left when it brings its next element.
    /// </remarks>
    /// <param name="elements">
    /// The elements. Its enumerator is disposed whatever happens. Of a <see cref="SourceRef{T}"/> an element is finished when it was put.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for the sequence and for room.</param>
    /// <inheritdoc cref="PutAsync" path="/exception"/>
    public Task PutAllAsync(IAsyncEnumerable<T> elements, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(elements);
        return Sequence.PutAllAsync(this, _end, elements, cancellationToken);
    }

    /// <inheritdoc cref="PutAllAsync(IAsyncEnumerable{T}, CancellationToken)"/>
    public async Task PutAllAsync(IEnumerable<T> elements, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(elements);
        foreach (var element in elements)
        {
            await PutAsync(element, cancellationToken);
        }
    }

    /// <summary>
    /// This writer is done. Returns once the producer holds everything that was put; the stream ends when its last attached
    /// writer has ended. Puts that still wait fail. Completing twice, or after the reader has left, is harmless.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; completing still takes effect.</param>
    /// <exception cref="StreamAbandonedException">The producer is gone and does not hold everything.</exception>
    /// <exception cref="StreamClosedException">Another writer failed the stream.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task CompleteAsync(CancellationToken cancellationToken = default) => EndAsync(StreamEnd.Completed, cancellationToken);

    /// <summary>
    /// Fails the stream, behind what this writer has put and the producer holds. Returns once the producer knows. The reader gets
    /// the remaining elements and then the exception, with its type. Without effect if this writer has ended.
    /// </summary>
    /// <param name="cause">What the reader's loop will throw.</param>
    /// <param name="cancellationToken">Ends the wait; failing still takes effect.</param>
    /// <exception cref="ArgumentNullException"><paramref name="cause"/> is null.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task FailAsync(Exception cause, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cause);
        return EndAsync(new StreamEnd(StreamEndReason.Failed, cause.Message, cause), cancellationToken);
    }

    /// <summary>
    /// Lets go of the stream. Without <see cref="CompleteAsync"/> or <see cref="FailAsync"/> before, this writer abandons: the
    /// other writers go on, and the stream ends in <see cref="StreamAbandonedException"/> where it would have completed.
    /// Disposing twice is harmless. Never throws.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _end.TryEnd(Abandon);
        await _end.EndReceivedAsync(CancellationToken.None);
    }

    /// <inheritdoc/>
    public override string ToString() => $"SinkRef<{typeof(T).Name}> of '{Producer}'";

    private static readonly StreamEnd Abandon = new(StreamEndReason.Abandoned, "A writer let go of the stream without completing it.");

    private async Task EndAsync(StreamEnd end, CancellationToken cancellationToken)
    {
        bool isFirst = !_end.HasEndedItself;
        if (_end.TryEnd(end)) GC.SuppressFinalize(this);
        await _end.EndReceivedAsync(cancellationToken);

        if (isFirst && _end.Outcome is { } outcome && outcome != end
            && outcome.Reason is not (StreamEndReason.Completed or StreamEndReason.Cancelled)
            && end.Reason != StreamEndReason.Failed)
        {
            throw StreamErrors.ForPut(Producer, outcome);
        }
    }
}
