namespace Casty.Orleans;

/// <summary>
/// Something that happens once. It is a task for whoever asks for one, and none before: of thousands of idle ends, each has several that
/// nobody waits for. Any thread may use it; a field that is one must not be readonly.
/// </summary>
internal struct Signal
{
    private object? _state;   // null; a source, once somebody has asked; a completed task, if it happened before that

    public readonly bool IsSet => _state is TaskCompletionSource asked ? asked.Task.IsCompleted : _state is not null;

    /// <summary>Ends when it happens. Always the same one, once it was asked for.</summary>
    public Task Task => Ask() is TaskCompletionSource asked ? asked.Task : Task.CompletedTask;

    public bool TrySetResult()
    {
        object? before = Interlocked.CompareExchange(ref _state, Task.CompletedTask, null);
        return before is null || (before is TaskCompletionSource asked && asked.TrySetResult());
    }

    public bool TrySetCanceled(CancellationToken cancellationToken = default) => Ask() is TaskCompletionSource asked && asked.TrySetCanceled(cancellationToken);

    /// <summary>It faults, observed or not.</summary>
    public bool TrySetException(Exception exception)
    {
        if (Ask() is not TaskCompletionSource asked || !asked.TrySetException(exception)) return false;
        _ = asked.Task.Exception;
        return true;
    }

    private object Ask() => Volatile.Read(ref _state)
        ?? Interlocked.CompareExchange(ref _state, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), null) ?? _state!;
}
