namespace Casty.Orleans;

/// <summary>
/// What a ref holds: an end in this process; or a place that an end elsewhere keeps for it, which becomes an end of this process when
/// the ref is first used; or nothing any more, as it was handed over. Any thread may call it.
/// </summary>
internal sealed class Held<TEnd>
    where TEnd : class, IRefEnd
{
    private readonly Lock _gate = new();
    private readonly IHolder<TEnd> _ref;
    private readonly TaskCompletionSource? _completion;   // where it was not open from the beginning
    private Task<TEnd>? _opening;
    private Task<TEnd>? _opened;          // how the opening came out
    private Task? _over;                  // the completion, once what it was of is not held any more
    private List<Action<Task<TEnd>>>? _early;
    private volatile TEnd? _end;
    private bool _canOpen;                // it is a place elsewhere
    private bool _isPassedOn;

    /// <summary>An end that is open.</summary>
    public Held(IHolder<TEnd> @ref, TEnd end)
    {
        _ref = @ref;
        _end = end;
    }

    /// <summary>A place elsewhere.</summary>
    public Held(IHolder<TEnd> @ref)
    {
        _ref = @ref;
        _canOpen = true;
        _completion = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>The end, while it is open.</summary>
    public TEnd? End => _end;

    /// <summary>Ends as the stream does for this ref; is cancelled once it was handed over.</summary>
    public Task Completion
    {
        get
        {
            lock (_gate) return _completion?.Task ?? _over ?? _end!.Completion;
        }
    }

    /// <summary>It was handed over, and was not used here since: others decide what becomes of it.</summary>
    public bool IsHandedOver
    {
        get
        {
            lock (_gate) return !IsUsed && (_isPassedOn || !_canOpen);
        }
    }

    /// <exception cref="InvalidOperationException">The ref was handed over.</exception>
    public void ThrowIfHandedOver()
    {
        lock (_gate)
        {
            if (!IsUsed && !_canOpen) throw _ref.HandedOver();
        }
    }

    /// <summary>The end, opened now if it is not. Whoever waits may give up; that does not end the opening.</summary>
    /// <exception cref="InvalidOperationException">The ref was handed over.</exception>
    public Task<TEnd> OpenAsync()
    {
        lock (_gate)
        {
            ThrowIfHandedOver();
            return _opened ?? (_end is { } end ? Task.FromResult(end) : _opening ??= BeginAsync());
        }
    }

    /// <summary>
    /// Calls <paramref name="action"/> once it is known whether the end is open: in the order of the calls, and before anybody else has it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The ref was handed over.</exception>
    public void WhenOpen(Action<Task<TEnd>> action)
    {
        lock (_gate)
        {
            var opening = OpenAsync();
            if (_opened is not null || _end is not null) action(opening);
            else (_early ??= []).Add(action);
        }
    }

    /// <summary>Hands over.</summary>
    /// <param name="park">Has the end keep its place; throws if it cannot.</param>
    /// <param name="inUse">What is thrown while the end is being opened, or where it could not be.</param>
    /// <returns>False if this is a place elsewhere that was not used here: then it is passed on as it is, however often.</returns>
    /// <exception cref="InvalidOperationException">It was handed over before, or is in use.</exception>
    public bool HandOver(Action<TEnd> park, Func<Exception> inUse)
    {
        lock (_gate)
        {
            ThrowIfHandedOver();
            if (!IsUsed)
            {
                _isPassedOn = true;
                _completion!.TrySetCanceled();
                return false;
            }

            if (_end is null) throw inUse();
            park(_end);
            _over = _end.Completion;
            _end = null;
            _canOpen = false;
            _opening = _opened = null;
            return true;
        }
    }

    private bool IsUsed => _end is not null || _opening is not null;

    private Task<TEnd> BeginAsync()
    {
        var opening = OpenedAsync();
        _ = opening.ContinueWith(static failed => failed.Exception, CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);   // faults, observed or not
        return opening;
    }

    private async Task<TEnd> OpenedAsync()
    {
        var opened = TryOpenAsync();
        await ((Task)opened).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            foreach (var action in _early ?? []) action(opened);
            _early = null;
            _opened = opened;
            if (opened.IsCompletedSuccessfully)
            {
                _end = opened.Result;
                _ref.OnOpen(_end);
            }
        }

        _ = FollowAsync(opened);
        return await opened.ConfigureAwait(false);
    }

    /// <summary>What it throws at once is how the opening came out, as what it throws later is.</summary>
    private async Task<TEnd> TryOpenAsync() => await _ref.OpenAsync().ConfigureAwait(false);

    private async Task FollowAsync(Task<TEnd> opened)
    {
        try
        {
            var end = await opened.ConfigureAwait(false);
            await end.Completion.ConfigureAwait(false);
            _completion!.TrySetResult();
        }
        catch (OperationCanceledException)
        {
            _completion!.TrySetCanceled();
        }
        catch (Exception exception)
        {
            _completion!.TrySetException(exception);
            _ = _completion.Task.Exception;   // faults, observed or not
        }
    }
}
