namespace Casty.Orleans;

/// <summary>
/// Elements that a loop takes by itself, without a lock: some that are next, decoded together. Others may see at any time how many it
/// has taken, and may close it: then it takes no more, and how many it took is known exactly.
/// </summary>
internal sealed class Ahead<T>
{
    private const long Closed = long.MinValue / 2;

    private T[] _elements = [];
    private long _taken = Closed;
    private int _count;
    private int _seen;

    /// <summary>Takes the next element; false if there is none here, or it was closed. For one thread at a time.</summary>
    public bool TryTake(out T element)
    {
        // Whoever closes it in between sees this one as taken, or this thread sees that it is closed.
        long taken = Interlocked.Increment(ref _taken);
        if (taken > 0 && taken <= _count)
        {
            element = _elements[taken - 1];
            return true;
        }

        element = default!;
        return false;
    }

    /// <summary>Room for so many elements, for the thread that takes: only while there are none.</summary>
    public Span<T> Room(int count)
    {
        if (_elements.Length < count) _elements = new T[count];
        return _elements.AsSpan(0, count);
    }

    /// <summary>The room holds elements from now on, of which the first is taken. Under the owner's lock, by the thread that takes.</summary>
    public void Open(int count)
    {
        _count = count;
        _seen = 1;
        Volatile.Write(ref _taken, 1);
    }

    /// <summary>How many were taken since this was asked last. Under the owner's lock.</summary>
    public int Take()
    {
        int taken = (int)Math.Clamp(Volatile.Read(ref _taken), 0, _count);
        int more = Math.Max(0, taken - _seen);
        _seen += more;
        return more;
    }

    /// <summary>Takes no more; how many were taken since it was asked. Under the owner's lock.</summary>
    public int Close()
    {
        int taken = (int)Math.Clamp(Interlocked.Exchange(ref _taken, Closed), 0, _count);
        int more = Math.Max(0, taken - _seen);
        _seen += more;
        return more;
    }

    /// <summary>What was taken is not kept alive. By the thread that takes, while there are none.</summary>
    public void Clear() => Array.Clear(_elements);
}
