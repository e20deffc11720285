namespace Casty.Orleans;

/// <summary>
/// What a pipe has taken from its source and not yet put into its sink: at most one element, which is finished once it was put, and not
/// before. Whoever lets go of the source meanwhile has the put taken back, and the pipe leaves when it knows what became of it: else the
/// next pipe of the name would put again what this one has, or nobody would.
/// </summary>
/// <param name="stop">Takes a put back that has not happened.</param>
internal sealed class Hand(CancellationTokenSource stop)
{
    private const int Empty = 0, Full = 1, Asked = 2, Gone = 3;

    private Action<bool>? _leave;
    private int _state;

    /// <summary>It holds an element, or takes one.</summary>
    public bool IsFull => Volatile.Read(ref _state) is Full or Asked;

    /// <summary>Somebody else than the pipe let go of the source.</summary>
    public bool WasLetGo => Volatile.Read(ref _leave) is not null;

    /// <summary>The pipe is about to take an element.</summary>
    /// <returns>False where the source was let go of.</returns>
    public bool TryTake() => Interlocked.CompareExchange(ref _state, Full, Empty) == Empty;

    /// <summary>What was taken was put, or nothing was there to take.</summary>
    public void Clear()
    {
        if (Interlocked.CompareExchange(ref _state, Empty, Full) == Asked) Leave(isInHand: false);
    }

    /// <summary>What was taken was not put, and is not going to be.</summary>
    /// <returns>False where nobody let go of the source: then the pipe has to leave as it would.</returns>
    public bool TryDrop()
    {
        if (Interlocked.CompareExchange(ref _state, Gone, Full) != Asked) return false;
        Leave(isInHand: true);
        return true;
    }

    /// <summary>Lets go of the source: now, or as soon as the pipe knows what became of its element.</summary>
    /// <param name="leave">Leaves the source; told whether what it gave out last is not finished.</param>
    public void LetGo(Action<bool> leave)
    {
        if (Interlocked.CompareExchange(ref _leave, leave, null) is not null) return;
        while (true)
        {
            if (Interlocked.CompareExchange(ref _state, Asked, Full) == Full)
            {
                TakeBack();
                return;
            }

            // Nor may it take another one meanwhile.
            int before = Interlocked.CompareExchange(ref _state, Gone, Empty);
            if (before == Empty) leave(false);
            if (before is Empty or Gone) return;   // where the pipe has dropped what it had, it leaves by itself
        }
    }

    private void TakeBack()
    {
        try
        {
            _ = stop.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // The pipe has ended meanwhile, and left.
        }
    }

    private void Leave(bool isInHand)
    {
        Volatile.Write(ref _state, Gone);
        _leave!(isInHand);
    }
}
