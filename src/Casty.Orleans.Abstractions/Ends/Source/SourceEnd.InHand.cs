using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How a reader takes elements that are finished together, once they were handled elsewhere (P-18).</summary>
internal sealed partial class SourceEnd<T>
{
    /// <summary>Lets go of the stream where the host stops: whoever has elements in hand can still finish them.</summary>
    public Func<Task>? Parting { get; set; }

    /// <summary>The run of the stream.</summary>
    public Guid Stream
    {
        get
        {
            lock (_gate) return _core.Stream.Id;
        }
    }

    /// <summary>The end is the stream's own: this reader was not cut off from it.</summary>
    public bool IsAtStreamsEnd
    {
        get
        {
            lock (_gate) return _core.IsAtStreamsEnd;
        }
    }

    /// <summary>
    /// Takes what is ready, at most <paramref name="max"/> elements; none where there are none. For a reader that holds: only
    /// <see cref="FinishInHand"/> and <see cref="FinishEnd"/> finish what was taken.
    /// </summary>
    public T[] TakeInHand(int max)
    {
        while (true)
        {
            ArraySegment<Element<T>> next;
            bool speak;
            lock (_gate)
            {
                var now = SeeLease();
                next = _left is null ? _core.Peek(max) : default;
                if (next.Count > 0 && next[0].IsHole) _core.OnTakenInHand(1);
                speak = TakeDemand(now);
                Settle();
            }

            if (speak) Schedule();
            if (next.Count == 0) return [];
            if (next[0].IsHole) continue;

            // Decoded without the lock: that is user code.
            var taken = new T[next.Count];
            int count = DecodeWhole(next, taken);
            lock (_gate)
            {
                if (_core.IsOver) continue;   // it was stopped meanwhile
                _core.OnTakenInHand(count);
            }

            return count == taken.Length ? taken : taken[..count];
        }
    }

    /// <summary>What was taken is finished.</summary>
    public void FinishInHand()
    {
        bool speak;
        lock (_gate)
        {
            var now = SeeLease();
            _core.Finish();
            speak = TakeDemand(now);
            Settle();
        }

        if (speak) Schedule();
    }

    /// <summary>The stream's end was handled as well.</summary>
    public void FinishEnd()
    {
        lock (_gate)
        {
            _core.FinishEnd();
            TakeDemand();
        }

        Schedule();
    }
}
