using System.Threading.Channels;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>
/// A reader's handle on a stream: a bounded channel in the caller's process whose room is what it asked for. Read it with
/// <c>await foreach</c>, once; leaving the loop cleans up the whole stream. Get one with
/// <see cref="StreamGrainFactoryExtensions.GetSourceAsync"/>.
/// </summary>
/// <remarks>
/// Any thread may use it, and so may a grain: every await resumes on the grain's own scheduler. An element counts as finished
/// when the loop asks for the next one.
/// </remarks>
/// <typeparam name="T">The type of the elements.</typeparam>
public sealed class SourceRef<T> : IAsyncEnumerable<T>, IAsyncDisposable
{
    private readonly SourceEnd<T> _end;
    private readonly StreamHost _host;
    private readonly TimeSpan _inactivityTimeout;
    private readonly Leave _onLeave;
    private SourceReader<T>? _reader;
    private int _use;

    private const int UsedByLoop = 1;
    private const int UsedByReader = 2;

    internal SourceRef(StreamHost host, SourceEnd<T> end, StreamConsumerOptions options)
    {
        _host = host;
        _end = end;
        _inactivityTimeout = options.InactivityTimeout ?? Timeout.InfiniteTimeSpan;
        _onLeave = options.OnLeave == StreamLeave.Detach && end.IsNamed ? Leave.Detach : Leave.Cancel;
    }

    /// <summary>A source that is collected undisposed counts as disposed.</summary>
    ~SourceRef()
    {
        if (_end is null) return;
        if (_end.End is null) _host.Log.Collected("source", _end.Producer);
        _end.Leave(_onLeave);   // where the stream has ended, it finishes the last element
    }

    /// <summary>The stream's name.</summary>
    public string Producer => _end.Producer;

    /// <summary>The subscription's name; a fresh one where none was given.</summary>
    public string Consumer => _end.Consumer;

    /// <summary>
    /// Ends when the reader has been given everything and has seen the stream complete; faults with what its loop throws; is
    /// cancelled if the reader left before the end. Nobody has to look at it.
    /// </summary>
    public Task Completion => _end.Completion;

    /// <summary>
    /// The same source for code that knows channels. Several readers may share it. Not together with <c>await foreach</c>. Dispose
    /// the source to leave early.
    /// </summary>
    /// <exception cref="InvalidOperationException">The source is being enumerated.</exception>
    public ChannelReader<T> Reader
    {
        get
        {
            Use(UsedByReader);
            return _reader ??= new SourceReader<T>(this, _end);
        }
    }

    /// <summary>Reads the stream. Once: leaving the loop leaves the stream.</summary>
    /// <param name="cancellationToken">Ends the loop with <see cref="OperationCanceledException"/> and leaves the stream.</param>
    /// <exception cref="InvalidOperationException">The source was enumerated before, or its <see cref="Reader"/> is in use.</exception>
    public IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        Use(UsedByLoop);
        return new Enumerator(this, cancellationToken);
    }

    /// <summary>
    /// Stops reading and keeps the stream: a later reader of the same name goes on exactly after the last element that this one
    /// was given. Harmless if the stream has ended.
    /// </summary>
    /// <exception cref="InvalidOperationException">The consumer has no name of its own, so nobody could go on.</exception>
    /// <exception cref="StreamException">The producer could not be told; after its lease the next reader goes on after the last finished element.</exception>
    public async ValueTask DetachAsync()
    {
        if (!_end.IsNamed)
        {
            throw new InvalidOperationException("Only a source that was opened with a consumer name can be detached: nobody could go on reading this one.");
        }

        GC.SuppressFinalize(this);
        _end.Leave(Leave.Detach);
        await _end.Released;
    }

    /// <summary>
    /// Leaves the stream unless it has ended: cancels it, or detaches where <see cref="StreamConsumerOptions.OnLeave"/> says so.
    /// A loop that is under way throws <see cref="OperationCanceledException"/>. Disposing twice is harmless. Never throws.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _end.Leave(_onLeave);

        // A producer that does not answer is not waited for: it is told again until it does, or its lease ends.
        await _end.Released.WaitAsync(TimeSpan.FromSeconds(5), _host.Clock.Provider).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <inheritdoc/>
    public override string ToString() => $"SourceRef<{typeof(T).Name}> of '{Producer}' for '{Consumer}'";

    /// <summary>The element that the loop holds is being put somewhere else.</summary>
    internal bool IsInHand { get => _end.IsInHand; set => _end.IsInHand = value; }

    /// <summary>Leaves, and the element that the loop holds was not finished: for a named consumer it is the next one.</summary>
    internal void LeaveInHand() => _end.Leave(_onLeave, isInHand: true);

    /// <summary>Whom the loop was for threw, and nobody else sees it.</summary>
    internal void OnObserverThrew(Exception exception) => _host.Log.ObserverThrew(exception, Producer);

    /// <summary>The loop was ended from outside.</summary>
    internal bool IsLeft => _end.End is { Reason: StreamEndReason.Cancelled or StreamEndReason.Superseded };

    /// <summary>Waits for an element as long as the options allow.</summary>
    internal async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
    {
        var wait = _end.WaitToReadAsync(cancellationToken);
        if (_inactivityTimeout == Timeout.InfiniteTimeSpan || wait.IsCompleted) return await wait.ConfigureAwait(false);

        try
        {
            return await wait.AsTask().WaitAsync(_inactivityTimeout, _host.Clock.Provider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Stream '{Producer}' brought no element within the inactivity timeout of {_inactivityTimeout}.");
        }
    }

    /// <summary>What the loop throws at the end; null where it just ends.</summary>
    internal Exception? Error => _end.End is { } end ? StreamErrors.ForReader(Producer, Consumer, end) : null;

    private void Use(int use)
    {
        int before = Interlocked.CompareExchange(ref _use, use, 0);
        if (before == 0 || (before == use && use == UsedByReader)) return;
        throw new InvalidOperationException(before == UsedByLoop
            ? $"The source of stream '{Producer}' is enumerated already; a source is read once. Get another source to read again."
            : $"The source of stream '{Producer}' is read through its Reader; it cannot be enumerated as well.");
    }

    private sealed class Enumerator(SourceRef<T> source, CancellationToken cancellationToken) : IAsyncEnumerator<T>
    {
        public T Current { get; private set; } = default!;

        public ValueTask<bool> MoveNextAsync()
        {
            if (!cancellationToken.IsCancellationRequested && source._end.TryNext(out var value))
            {
                Current = value;
                return new ValueTask<bool>(true);
            }

            return MoveNextSlowAsync();
        }

        public ValueTask DisposeAsync() => source.DisposeAsync();

        private async ValueTask<bool> MoveNextSlowAsync()
        {
            try
            {
                while (true)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    bool more = await source.WaitAsync(cancellationToken).ConfigureAwait(false);
                    cancellationToken.ThrowIfCancellationRequested();
                    if (source._end.TryNext(out var value))
                    {
                        Current = value;
                        return true;
                    }

                    if (more || source._end.End is null) continue;
                    if (source.Error is { } error) throw error;
                    return false;
                }
            }
            catch (Exception exception) when (exception is OperationCanceledException or TimeoutException)
            {
                source._end.Leave(source._onLeave);
                throw;
            }
        }
    }
}
