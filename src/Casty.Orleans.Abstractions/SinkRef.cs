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
/// <para>
/// It may be an argument or a result of a grain call, also inside of something else that Orleans serialises, before anything was put:
/// then it belongs to whoever receives it, opens when it is used there, and every member here throws
/// <see cref="InvalidOperationException"/>. What can go wrong with the opening comes out of the first use: mostly
/// <see cref="StreamSupersededException"/>, where it was used already or not used within <see cref="CastyStreamsOptions.HandOverTimeout"/>.
/// </para>
/// </remarks>
/// <typeparam name="T">The type of the elements: any that Orleans can serialise.</typeparam>
public sealed class SinkRef<T> : IAsyncDisposable, IHolder<SinkEnd<T>>
{
    private readonly Held<SinkEnd<T>> _held;
    private readonly IServiceProvider? _services;
    private StreamHost? _host;
    private object? _token;   // a SinkToken, which most refs never have
    private SinkWriter<T>? _writer;
    private bool _isEnding;

    internal SinkRef(StreamHost host, SinkEnd<T> end)
    {
        _host = host;
        Producer = end.Producer;
        _held = new Held<SinkEnd<T>>(this, end);
    }

    /// <summary>One that was handed over, and opens when it is used.</summary>
    internal SinkRef(IServiceProvider services, SinkToken token)
    {
        _services = services;
        _token = token;
        Producer = token.Producer;
        _held = new Held<SinkEnd<T>>(this);
        GC.SuppressFinalize(this);   // many never open: such as those in messages that pass through
    }

    /// <summary>A sink that is collected undisposed counts as disposed.</summary>
    ~SinkRef()
    {
        if (_held?.End is { } end && end.TryEnd(Abandon)) Host.Log.OnCollected("sink", Producer);
    }

    /// <summary>The stream's name.</summary>
    public string Producer { get; }

    /// <summary>
    /// Ends when the reader has finished this sink's elements. Faults with why it did not: with the cause that a writer failed
    /// the stream with, <see cref="StreamClosedException"/> if the reader left, <see cref="StreamAbandonedException"/> if it
    /// vanished. Is cancelled when the sink is handed over. Nobody has to look at it.
    /// </summary>
    public Task Completion => _held.Completion;

    /// <summary>
    /// The same sink for code that knows channels. <see cref="ChannelWriter{T}.TryComplete"/> completes or fails this writer's
    /// part; a stream that takes no more shows as <see cref="ChannelClosedException"/> with the stream's exception inside.
    /// </summary>
    public ChannelWriter<T> Writer => _writer ??= new SinkWriter<T>(this);

    /// <summary>Puts an element. Waits while the stream's buffer is full (P-07, docs/protocol.md).</summary>
    /// <param name="element">The element.</param>
    /// <param name="cancellationToken">Ends the wait; a cancelled put has not put.</param>
    /// <exception cref="StreamClosedException">The stream takes no more: it was completed, failed or cancelled.</exception>
    /// <exception cref="StreamAbandonedException">The stream's producer or reader is gone.</exception>
    /// <exception cref="StreamTerminatedException">The stream was ended from outside.</exception>
    /// <exception cref="ArgumentException">
    /// Serialised, the element takes more than three quarters of the process' <c>MaxMessageBodySize</c>. Its neighbours are not affected.
    /// </exception>
    /// <exception cref="global::Orleans.Serialization.CodecNotFoundException">The element cannot be serialised. Its neighbours are not affected.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask PutAsync(T element, CancellationToken cancellationToken = default) =>
        _held.End is { } end ? end.PutAsync(element, this, cancellationToken) : PutWhenOpenAsync(element, cancellationToken);

    /// <summary>Puts an element if that needs no waiting.</summary>
    /// <param name="element">The element.</param>
    /// <returns>False if the buffer is full, the stream takes no more, or a sink that was handed over is only being opened.</returns>
    /// <exception cref="ArgumentException">As of <see cref="PutAsync"/>.</exception>
    /// <exception cref="global::Orleans.Serialization.CodecNotFoundException">The element cannot be serialised.</exception>
    public bool TryPut(T element)
    {
        if (_held.End is { } end) return end.TryPut(element);
        _ = _held.OpenAsync();
        return false;
    }

    /// <summary>Waits until a put may succeed at once.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False if the stream takes no more.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ValueTask<bool> WaitToPutAsync(CancellationToken cancellationToken = default) =>
        _held.End is { } end ? end.WaitToPutAsync(cancellationToken) : WaitWhenOpenAsync(cancellationToken);

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
    /// <exception cref="ArgumentNullException"><paramref name="elements"/> is null.</exception>
    /// <inheritdoc cref="PutAsync" path="/exception"/>
    public Task PutAllAsync(IAsyncEnumerable<T> elements, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(elements);
        _held.ThrowIfHandedOver();
        return Sequence.PutAllAsync(this, elements, cancellationToken);
    }

    /// <inheritdoc cref="PutAllAsync(IAsyncEnumerable{T}, CancellationToken)" path="/summary"/>
    /// <remarks>The token is looked at between two elements, and while one waits for room.</remarks>
    /// <param name="elements">The elements.</param>
    /// <param name="cancellationToken">Ends the wait for room.</param>
    /// <exception cref="ArgumentNullException"><paramref name="elements"/> is null.</exception>
    /// <inheritdoc cref="PutAsync" path="/exception"/>
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
    /// writer has ended (P-13, P-15, docs/protocol.md). To survive the producer's silo as well, await <see cref="Completion"/>. Puts that
    /// still wait fail. Completing twice, or after the reader has left, is harmless.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; completing still takes effect.</param>
    /// <exception cref="StreamAbandonedException">
    /// The producer is gone and does not hold everything; or this writer had let go of the stream, by itself or with its host or grain.
    /// </exception>
    /// <exception cref="StreamClosedException">Another writer failed the stream.</exception>
    /// <exception cref="StreamTerminatedException">The stream was ended from outside.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task CompleteAsync(CancellationToken cancellationToken = default) => EndAsync(StreamEnd.Completed, cancellationToken);

    /// <summary>
    /// Fails the stream, behind what this writer has put and the producer holds. Returns once the producer knows. The reader gets
    /// the remaining elements and then the exception, with its type. Without effect if this writer has ended.
    /// </summary>
    /// <param name="cause">What the reader's loop will throw.</param>
    /// <param name="cancellationToken">Ends the wait; failing still takes effect.</param>
    /// <exception cref="ArgumentNullException"><paramref name="cause"/> is null.</exception>
    /// <exception cref="StreamAbandonedException">The producer could not be told.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public Task FailAsync(Exception cause, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cause);
        return EndAsync(new StreamEnd(StreamEndReason.Failed, cause.Message, cause), cancellationToken);
    }

    /// <summary>
    /// Lets go of the stream. Without <see cref="CompleteAsync"/> or <see cref="FailAsync"/> before, this writer abandons: the
    /// other writers go on, and the stream ends in <see cref="StreamAbandonedException"/> where it would have completed.
    /// Disposing twice is harmless, and so is disposing what was handed over. Never throws.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_held.IsHandedOver) return;

        // A producer that does not answer is not waited for, nor whoever keeps the place: they are told again until they do, or the lease ends.
        await EndQuietlyAsync(Abandon).WaitAsync(LetGoTimeout, Host.Clock.Provider).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <inheritdoc/>
    public override string ToString() => $"SinkRef<{typeof(T).Name}> of '{Producer}'";

    /// <summary>The end, while it is open.</summary>
    internal SinkEnd<T>? End => _held.End;

    /// <summary>It was handed over, and is not open yet.</summary>
    internal bool IsUnopened => _held.End is null;

    /// <summary>Ends once the sink is open, if it can be.</summary>
    internal Task OpenAsync(CancellationToken cancellationToken) => _held.OpenAsync().WaitAsync(cancellationToken);

    /// <summary>Ends this writer's part without waiting for it; true if it had not ended.</summary>
    internal bool TryEnd(StreamEnd how)
    {
        if (_held.End is { } end)
        {
            bool ended = end.TryEnd(how);
            if (ended) GC.SuppressFinalize(this);
            return ended;
        }

        _ = _held.OpenAsync();
        _ = EndQuietlyAsync(how);
        return !Interlocked.Exchange(ref _isEnding, true);
    }

    /// <summary>Why the stream takes no more from this writer; null while it may put.</summary>
    internal StreamEnd? Closing => _held.End?.Closing;

    /// <summary>What goes in its place where Orleans serialises or copies it: from then on it belongs to whoever receives that.</summary>
    internal SinkToken HandOver()
    {
        SinkPlace? place = null;
        if (_held.HandOver(end => place = end.Park(), () => StreamErrors.NotHandedOver("sink", Producer, "it is in use")))
        {
            GC.SuppressFinalize(this);
            _token = new SinkToken { Producer = Producer, Stream = place!.Stream, Writer = place.Writer };
        }

        return Token;
    }

    private static readonly StreamEnd Abandon = new(StreamEndReason.Abandoned, "A writer let go of the stream without completing it.");

    private static readonly TimeSpan LetGoTimeout = TimeSpan.FromSeconds(5);

    private StreamHost Host => _host ??= StreamHost.For(_services!);

    private SinkToken Token => (SinkToken)_token!;

    Exception IHolder<SinkEnd<T>>.HandedOver() => StreamErrors.HandedOver("sink", Producer);

    Task<SinkEnd<T>> IHolder<SinkEnd<T>>.OpenAsync() =>
        Opening.SinkAsync<T>(Host, Producer, options: null, new SinkPlace(Token.Stream, Token.Writer), CancellationToken.None);

    void IHolder<SinkEnd<T>>.OnOpen(SinkEnd<T> end) => GC.ReRegisterForFinalize(this);

    /// <summary>Puts once the sink is open, in the order of the calls; a mutable element is copied now.</summary>
    private ValueTask PutWhenOpenAsync(T element, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        try
        {
            var put = new EarlyPut<T>(this, Host.Of<T>().Codec.Copy(element).Value, cancellationToken);
            _held.WhenOpen(put.Begin);
            return new ValueTask(put.WaitAsync());
        }
        catch (Exception exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    private async ValueTask<bool> WaitWhenOpenAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var end = await _held.OpenAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        return await end.WaitToPutAsync(cancellationToken).ConfigureAwait(false);
    }

    private Task EndAsync(StreamEnd how, CancellationToken cancellationToken) =>
        _held.End is { } end ? EndAsync(end, how, cancellationToken) : EndWhenOpenAsync(how).WaitAsync(cancellationToken);

    private async Task EndWhenOpenAsync(StreamEnd how) =>
        await EndAsync(await _held.OpenAsync().ConfigureAwait(false), how, CancellationToken.None).ConfigureAwait(false);

    /// <summary>Nobody waits to hear how it came out.</summary>
    private async Task EndQuietlyAsync(StreamEnd how) =>
        await EndWhenOpenAsync(how).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task EndAsync(SinkEnd<T> end, StreamEnd how, CancellationToken cancellationToken)
    {
        bool isFirst = !end.HasEndedItself;
        bool hasEnded = end.TryEnd(how);
        if (hasEnded) GC.SuppressFinalize(this);
        await end.EndReceivedAsync(cancellationToken);
        bool isUnheard = hasEnded && !end.IsEndKnown;

        // Whoever completes is not to take a part for complete that it, or its host, had let go of before.
        bool isCompleting = how.Reason == StreamEndReason.Completed;
        if (isCompleting && end.Closing is { Reason: StreamEndReason.Abandoned } abandoned) throw StreamErrors.ForPut(Producer, abandoned);
        if (isFirst && end.Outcome is { } outcome && outcome != how
            && outcome.Reason is not (StreamEndReason.Completed or StreamEndReason.Cancelled)
            && (isCompleting || isUnheard))
        {
            throw StreamErrors.ForPut(Producer, outcome);
        }
    }
}
