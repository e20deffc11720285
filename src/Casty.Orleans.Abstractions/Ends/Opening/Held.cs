namespace Casty.Orleans;

/// <summary>
/// What a ref holds: an end in this process; or a place that an end elsewhere keeps for it, which becomes an end of this process when
/// the ref is first used; or nothing any more, as it was handed over. Any thread may call it.
/// </summary>
internal sealed class Held<TEnd>
    where TEnd : class, IRefEnd
{
    private readonly Lock _gate = new();
    private readonly Func<Exception> _handedOver;
    private readonly Action<TEnd>? _onOpen;
    private readonly TaskCompletionSource? _completion;
    private Func<Task<TEnd>>? _open;      // null where it was open from the beginning, or was handed over since
    private Task<TEnd>? _opening;
    private Task<TEnd>? _opened;          // how the opening came out
    private List<Action<Task<TEnd>>>? _early;
    private volatile TEnd? _end;
    private bool _isPassedOn;

    /// <summary>An end that is open.</summary>
    /// <param name="end">The end.</param>
    /// <param name="completion">Ends when the stream does for it.</param>
    /// <param name="handedOver">What is thrown once the ref was handed over.</param>
    public Held(TEnd end, Task completion, Func<Exception> handedOver)
    {
        _end = end;
        _opening = _opened = Task.FromResult(end);
        Completion = completion;
        _handedOver = handedOver;
    }

    /// <summary>A place elsewhere.</summary>
    /// <param name="open">Takes the place. Begins in the turn of whoever uses the ref first.</param>
    /// <param name="onOpen">Called once it is taken.</param>
    /// <param name="handedOver">What is thrown once the ref was handed over.</param>
    public Held(Func<Task<TEnd>> open, Action<TEnd> onOpen, Func<Exception> handedOver)
    {
        _open = open;
        _onOpen = onOpen;
        _completion = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Completion = _completion.Task;
        _handedOver = handedOver;
    }

    /// <summary>The end, while it is open.</summary>
    public TEnd? End => _end;

    /// <summary>Ends as the stream does for this ref; is cancelled once it was handed over.</summary>
    public Task Completion { get; }

    /// <summary>It was handed over, and was not used here since: others decide what becomes of it.</summary>
    public bool IsHandedOver
    {
        get
        {
            lock (_gate) return _opening is null && (_isPassedOn || _open is null);
        }
    }

    /// <exception cref="InvalidOperationException">The ref was handed over.</exception>
    public void ThrowIfHandedOver()
    {
        lock (_gate)
        {
            if (_opening is null && _open is null) throw _handedOver();
        }
    }

    /// <summary>The end, opened now if it is not. Whoever waits may give up; that does not end the opening.</summary>
    /// <exception cref="InvalidOperationException">The ref was handed over.</exception>
    public Task<TEnd> OpenAsync()
    {
        lock (_gate)
        {
            ThrowIfHandedOver();
            return _opened ?? (_opening ??= Begin(_open!));
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
            _ = OpenAsync();
            if (_opened is not null) action(_opened);
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
            if (_opening is null)
            {
                _isPassedOn = true;
                _completion!.TrySetCanceled();
                return false;
            }

            if (_end is null) throw inUse();
            park(_end);
            _end = null;
            _open = null;
            _opening = _opened = null;
            return true;
        }
    }

    private Task<TEnd> Begin(Func<Task<TEnd>> open)
    {
        var opening = BeginAsync(open);
        _ = opening.ContinueWith(static failed => failed.Exception, CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);   // faults, observed or not
        return opening;
    }

    private async Task<TEnd> BeginAsync(Func<Task<TEnd>> open)
    {
        var opened = open();
        await ((Task)opened).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            foreach (var action in _early ?? []) action(opened);
            _early = null;
            _opened = opened;
            if (opened.IsCompletedSuccessfully)
            {
                _end = opened.Result;
                _onOpen!(_end);
            }
        }

        _ = FollowAsync(opened);
        return await opened.ConfigureAwait(false);
    }

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
