using System.Diagnostics.CodeAnalysis;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How a loop takes elements: some by itself, without the lock, and then it looks around.</summary>
internal sealed partial class SourceEnd<T>
{
    /// <summary>The most elements that a loop takes without a word in between.</summary>
    private const int MostAhead = 256;

    private readonly Ahead<T> _ahead = new();
    private long _leaseEnd;   // of the core, for who looks at it without the lock

    /// <summary>Takes the next element for a loop, of which there is one: not together with <see cref="TryRead"/>.</summary>
    public bool TryNext([MaybeNullWhen(false)] out T value)
    {
        // A process that was paused gives out nothing before it has looked at the time, however little it does besides.
        if (_host.Clock.Coarse.Ticks < Volatile.Read(ref _leaseEnd) && _ahead.TryTake(out value)) return true;
        return TryRefill(out value);
    }

    private bool TryRefill([MaybeNullWhen(false)] out T value)
    {
        while (true)
        {
            ArraySegment<Element<T>> next;
            bool speak;
            lock (_gate)
            {
                Close();
                var now = SeeLease();
                _core.Finish();
                next = _left is null ? _core.Peek(Math.Min(_core.Stride, MostAhead)) : default;
                if (next.Count > 0 && next[0].IsHole) _core.OnTaken(1);
                else if (next.Count == 0) _core.OnStarved();
                speak = TakeDemand(now);
                Settle();
                Publish();
            }

            if (speak) Schedule();
            if (next.Count == 0)
            {
                _ahead.Clear();
                value = default;
                return false;
            }

            if (next[0].IsHole) continue;

            // Decoded without the lock: that is user code.
            var room = _ahead.Room(next.Count);
            int count = DecodeWhole(next, room);
            value = room[0];
            lock (_gate)
            {
                if (_core.IsOver) continue;   // it was stopped meanwhile
                _core.OnTaken(1);
                _ahead.Open(count);
                speak = TakeDemand();
                Settle();
            }

            if (speak) Schedule();
            return true;
        }
    }

    /// <summary>Decodes as many as can be, and at least the first one.</summary>
    private int DecodeWhole(ArraySegment<Element<T>> elements, Span<T> room)
    {
        int count = 0;
        if (_codec is null || !elements[0].IsEncoded)
        {
            while (count < elements.Count && !elements[count].IsEncoded)
            {
                room[count] = ValueOf(elements[count]);
                count++;
            }

            return count;
        }

        try
        {
            _codec.Decode(elements, room, ref count);
        }
        catch (Exception exception) when (count == 0)
        {
            // The element is lost to this reader, so the stream is; its writers are told why.
            lock (_gate)
            {
                if (!_core.IsOver) _core.OnTaken(1);
            }

            Leave(Protocol.Leave.Cancel, new StreamEnd(StreamEndReason.Failed, "An element could not be deserialised.", exception));
            throw;
        }
        catch (Exception)
        {
            // Its turn has not come: it will be first then.
        }

        return count;
    }

    /// <summary>Under the lock: what the loop has taken by itself.</summary>
    private void Sync() => _core.OnTaken(_ahead.Take());

    /// <summary>Under the lock: the loop takes no more by itself until it has been here.</summary>
    private void Close() => _core.OnTaken(_ahead.Close());

    /// <summary>Under the lock, after a change: what the loop must know.</summary>
    private void Publish()
    {
        if (_core.IsOver) _ahead.Close();
        Volatile.Write(ref _leaseEnd, _core.LeaseEnd.Ticks);
    }
}
