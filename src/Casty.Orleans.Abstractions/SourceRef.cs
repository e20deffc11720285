using System.Diagnostics.CodeAnalysis;
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
/// <para>
/// It may be an argument or a result of a grain call, also inside of something else that Orleans serialises, before it is read: then it
/// belongs to whoever receives it, opens when it is used there and goes on exactly there, and every member here throws
/// <see cref="InvalidOperationException"/>. What can go wrong with the opening comes out of the first use: mostly
/// <see cref="StreamSupersededException"/>, where it was used already or not used within <see cref="CastyStreamsOptions.HandOverTimeout"/>.
/// </para>
/// </remarks>
/// <typeparam name="T">The type of the elements.</typeparam>
public sealed class SourceRef<T> : IAsyncEnumerable<T>, IAsyncDisposable, IHolder<SourceEnd<T>>
{
    private readonly Held<SourceEnd<T>> _held = null!;   // set by either constructor
    private readonly IServiceProvider? _services;
    private readonly StreamConsumerOptions _options;
    private readonly bool _isNamed;
    private readonly Leave _onLeave;
    private StreamHost? _host;
    private object? _token;   // a SourceToken, which most refs never have
    private SourceReader<T>? _reader;
    private Hand? _hand;
    private int _use;

    private const int UsedByLoop = 1;
    private const int UsedByReader = 2;

    internal SourceRef(StreamHost host, SourceEnd<T> end, StreamConsumerOptions options)
        : this(end.Producer, end.Consumer, end.IsNamed, options)
    {
        _host = host;
        _held = new Held<SourceEnd<T>>(this, end);
    }

    /// <summary>One that was handed over, and opens when it is used.</summary>
    internal SourceRef(IServiceProvider services, SourceToken token)
        : this(token.Producer, token.Consumer, token.IsNamed, new StreamConsumerOptions
        {
            InitialDemand = token.InitialDemand,
            MaxDemand = token.MaxDemand,
            MaxDemandBytes = token.MaxDemandBytes,
            InactivityTimeout = token.InactivityTimeout,
            OnLeave = token.OnLeave,
        })
    {
        _services = services;
        _token = token;
        _held = new Held<SourceEnd<T>>(this);
        GC.SuppressFinalize(this);   // many never open: such as those in messages that pass through
    }

    private SourceRef(string producer, string consumer, bool isNamed, StreamConsumerOptions options)
    {
        Producer = producer;
        Consumer = consumer;
        _isNamed = isNamed;
        _options = options;
        _onLeave = options.OnLeave == StreamLeave.Detach && isNamed ? Leave.Detach : Leave.Cancel;
    }

    /// <summary>A source that is collected undisposed counts as disposed.</summary>
    ~SourceRef()
    {
        if (_held?.End is not { } end) return;
        bool isOpen = end.End is null;
        end.Leave(_onLeave);   // where the stream has ended, it finishes the last element
        if (isOpen) Host.Log.OnCollected("source", Producer);
    }

    /// <summary>The stream's name.</summary>
    public string Producer { get; }

    /// <summary>The subscription's name; a fresh one where none was given.</summary>
    public string Consumer { get; }

    /// <summary>
    /// Ends when the reader has been given everything and has seen the stream complete; faults with what its loop throws; is
    /// cancelled if the reader left before the end, or the source is handed over. Nobody has to look at it.
    /// </summary>
    public Task Completion => _held.Completion;

    /// <summary>
    /// How many elements of a broadcast were dropped for this consumer, as it had not asked for them (<see cref="StreamSlowConsumer.DropOldest"/>);
    /// as known here. The gap lies before the next element that arrives after the number has grown. 0 for other streams, and while the source is not open.
    /// </summary>
    public long Dropped => _held.End?.Dropped ?? 0;

    /// <summary>
    /// The same source for code that knows channels. Several readers may share it. Not together with <c>await foreach</c>. Dispose
    /// the source to leave early.
    /// </summary>
    /// <exception cref="InvalidOperationException">The source is being enumerated, or was handed over.</exception>
    public ChannelReader<T> Reader
    {
        get
        {
            Use(UsedByReader);
            return _reader ??= new SourceReader<T>(this);
        }
    }

    /// <summary>Reads the stream. Once: leaving the loop leaves the stream.</summary>
    /// <param name="cancellationToken">Ends the loop with <see cref="OperationCanceledException"/> and leaves the stream.</param>
    /// <exception cref="InvalidOperationException">The source was enumerated before, its <see cref="Reader"/> is in use, or it was handed over.</exception>
    public IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        Use(UsedByLoop);
        return new Enumerator(this, cancellationToken);
    }

    /// <summary>For a pipe, which has each element in hand until it was put.</summary>
    internal IAsyncEnumerator<T> GetAsyncEnumerator(Hand hand, CancellationToken cancellationToken)
    {
        Use(UsedByLoop);
        Hand = hand;
        return new Enumerator(this, cancellationToken);
    }

    /// <summary>
    /// Stops reading and keeps the stream: a later reader of the same name goes on exactly after the last element that this one
    /// was given (P-09, docs/protocol.md). Harmless if the stream has ended.
    /// </summary>
    /// <exception cref="InvalidOperationException">The consumer has no name of its own, so nobody could go on; or the source was handed over.</exception>
    /// <exception cref="StreamException">The producer could not be told; after its lease the next reader goes on after the last finished element.</exception>
    public async ValueTask DetachAsync()
    {
        if (!_isNamed)
        {
            throw new InvalidOperationException(
                $"The source of stream '{Producer}' was opened without a consumer's name, so nobody could go on where it stops. Pass consumer: to GetSourceAsync, or dispose it instead.");
        }

        var end = _held.End ?? await _held.OpenAsync();
        GC.SuppressFinalize(this);
        end.Leave(Leave.Detach, isInHand: false);
        await end.Released;
        end.ThrowIfUnheard();
    }

    /// <summary>
    /// Leaves the stream unless it has ended: cancels it, or detaches where <see cref="StreamConsumerOptions.OnLeave"/> says so.
    /// A loop that is under way throws <see cref="OperationCanceledException"/>. Disposing twice is harmless, and so is disposing what
    /// was handed over. Never throws.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_held.IsHandedOver) return;

        // A producer that does not answer is not waited for: it is told again until it does, or its lease ends.
        await LeaveAsync().WaitAsync(LetGoTimeout, Host.Clock.Provider).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <inheritdoc/>
    public override string ToString() => $"SourceRef<{typeof(T).Name}> of '{Producer}' for '{Consumer}'";

    /// <summary>What the pipe holds that reads this source, if one does.</summary>
    internal Hand? Hand
    {
        get => _hand;
        private set
        {
            _hand = value;
            if (_held.End is { } end) end.Hand = value;
        }
    }

    /// <summary>Leaves, and the element that the loop holds was not finished: for a named consumer it is the next one.</summary>
    internal void LeaveInHand() => _held.End!.Leave(_onLeave, isInHand: true);

    /// <summary>Whom the loop was for threw, and nobody else sees it.</summary>
    internal void OnObserverThrew(Exception exception) => Host.Log.ObserverThrew(exception, Producer);

    /// <summary>The loop was ended from outside.</summary>
    internal bool IsLeft => _held.End?.End is { Reason: StreamEndReason.Cancelled or StreamEndReason.Superseded };

    /// <summary>The end, while it is open.</summary>
    internal SourceEnd<T>? End => _held.End;

    /// <summary>Takes an element if there is one; one that was handed over begins to open.</summary>
    internal bool TryRead([MaybeNullWhen(false)] out T item)
    {
        if (_held.End is { } end) return end.TryRead(out item);
        _ = _held.OpenAsync();
        item = default;
        return false;
    }

    /// <summary>Waits for an element as long as the options allow.</summary>
    internal ValueTask<bool> WaitAsync(CancellationToken cancellationToken) =>
        _held.End is { } end && InactivityTimeout == Timeout.InfiniteTimeSpan ? end.WaitToReadAsync(cancellationToken) : WaitInTimeAsync(cancellationToken);

    private async ValueTask<bool> WaitInTimeAsync(CancellationToken cancellationToken)
    {
        var end = _held.End ?? await _held.OpenAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        var wait = end.WaitToReadAsync(cancellationToken);
        if (InactivityTimeout == Timeout.InfiniteTimeSpan || wait.IsCompleted) return await wait.ConfigureAwait(false);

        try
        {
            return await wait.AsTask().WaitAsync(InactivityTimeout, Host.Clock.Provider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Stream '{Producer}' brought no element within the inactivity timeout of {InactivityTimeout}.");
        }
    }

    /// <summary>What the loop throws at the end; null where it just ends.</summary>
    internal Exception? Error => _held.End?.End is { } end ? StreamErrors.ForReader(Producer, Consumer, end) : null;

    /// <summary>What goes in its place where Orleans serialises or copies it: from then on it belongs to whoever receives that.</summary>
    internal SourceToken HandOver()
    {
        SourcePlace? place = null;
        StreamEnd? ended = null;
        if (_held.HandOver(Park, InUse))
        {
            GC.SuppressFinalize(this);
            var (initial, max) = _options.Window;
            _token = new SourceToken
            {
                Producer = Producer,
                Stream = place!.Stream,
                End = place.End,
                Consumer = Consumer,
                IsNamed = _isNamed,
                InitialDemand = initial,
                MaxDemand = max,
                MaxDemandBytes = _options.MaxDemandBytes ?? StreamConsumerOptions.DefaultMaxDemandBytes,
                InactivityTimeout = InactivityTimeout,
                OnLeave = _onLeave == Leave.Detach ? StreamLeave.Detach : StreamLeave.Cancel,
                Ended = WireFormat.ToWire(ended, Host),
            };
        }

        return (SourceToken)_token!;

        void Park(SourceEnd<T> end)
        {
            if (Volatile.Read(ref _use) != 0) throw InUse();
            place = end.Park(out ended);
        }

        InvalidOperationException InUse() => StreamErrors.NotHandedOver("source", Producer, "it is in use");
    }

    private TimeSpan InactivityTimeout => Require.Wait(_options.InactivityTimeout ?? Timeout.InfiniteTimeSpan);

    private static readonly TimeSpan LetGoTimeout = TimeSpan.FromSeconds(5);

    private StreamHost Host => _host ??= StreamHost.For(_services!);

    Exception IHolder<SourceEnd<T>>.HandedOver() => StreamErrors.HandedOver("source", Producer);

    Task<SourceEnd<T>> IHolder<SourceEnd<T>>.OpenAsync() => (SourceToken)_token! is var token && token.Ended is { } ended
        ? Task.FromResult(SourceEnd<T>.AtEnd(Host, Producer, Consumer, WireFormat.FromWire(ended)!))
        : Opening.SourceAsync<T>(Host, Producer, Consumer, _isNamed, _options, new SourcePlace(token.Stream, token.End), CancellationToken.None);

    void IHolder<SourceEnd<T>>.OnOpen(SourceEnd<T> end)
    {
        GC.ReRegisterForFinalize(this);
        end.Hand = _hand;
    }

    /// <summary>Leaves the stream, once it is open if it is not; ends when the producer knows.</summary>
    private async Task LeaveAsync(bool? isInHand = null)
    {
        try
        {
            var end = _held.End ?? await _held.OpenAsync().ConfigureAwait(false);
            GC.SuppressFinalize(this);
            end.Leave(_onLeave, isInHand: isInHand);
            await end.Released.ConfigureAwait(false);
        }
        catch (Exception)
        {
            // What cannot be opened need not be left.
        }
    }

    private void Use(int use)
    {
        _held.ThrowIfHandedOver();
        int before = Interlocked.CompareExchange(ref _use, use, 0);
        if (before == 0 || (before == use && use == UsedByReader)) return;
        throw new InvalidOperationException(before == UsedByLoop
            ? $"The source of stream '{Producer}' is enumerated already; a source is read once. Get another source to read again."
            : $"The source of stream '{Producer}' is read through its Reader; it cannot be enumerated as well.");
    }

    private sealed class Enumerator(SourceRef<T> source, CancellationToken cancellationToken) : IAsyncEnumerator<T>
    {
        private readonly Hand? _hand = source._hand;
        private SourceEnd<T>? _end = source._held.End;

        public T Current { get; private set; } = default!;

        public ValueTask<bool> MoveNextAsync()
        {
            if (!cancellationToken.IsCancellationRequested && _end is not null && TryNext(_end, out var value))
            {
                Current = value;
                return new ValueTask<bool>(true);
            }

            return MoveNextSlowAsync();
        }

        public ValueTask DisposeAsync()
        {
            _hand?.Clear();
            return source.DisposeAsync();
        }

        /// <summary>A pipe has it in hand from before it is given out.</summary>
        private bool TryNext(SourceEnd<T> end, [MaybeNullWhen(false)] out T value)
        {
            if (_hand is null || !_hand.TryTake()) return end.TryNext(out value);
            if (end.TryNext(out value)) return true;
            _hand.Clear();
            return false;
        }

        private async ValueTask<bool> MoveNextSlowAsync()
        {
            try
            {
                while (true)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    bool more = await source.WaitAsync(cancellationToken).ConfigureAwait(false);
                    cancellationToken.ThrowIfCancellationRequested();
                    _end ??= source._held.End!;
                    if (TryNext(_end, out var value))
                    {
                        Current = value;
                        return true;
                    }

                    if (more || _end.End is null) continue;
                    if (source.Error is { } error) throw error;
                    return false;
                }
            }
            catch (Exception exception) when (exception is OperationCanceledException or TimeoutException)
            {
                _ = source.LeaveAsync(isInHand: false);   // it asked for the next one
                throw;
            }
        }
    }
}
