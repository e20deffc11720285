using System.Buffers;
using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>
/// The sending half of a leg: what was put and is not yet confirmed, and how much of it may leave.
/// Positions are absolute and only grow; the end, once there is one, takes the position after the last element (P-02).
/// </summary>
/// <param name="start">The position of the first element.</param>
/// <param name="sizeOf">What an element costs on the wire, in bytes; null where nothing is serialised.</param>
/// <param name="maxBytes">What may be out and unconfirmed, in bytes; one element always passes (P-07).</param>
/// <param name="confirmed">What the far end has finished, where it holds some before <paramref name="start"/> that is not.</param>
/// <param name="pool">Where the arrays of frames come from; null makes each.</param>
internal sealed class Outbound<T>(
    long start = 0, Func<T, int>? sizeOf = null, long maxBytes = long.MaxValue, long? confirmed = null, ArrayPool<T>? pool = null)
{
    private readonly RingBuffer<T> _elements = new(start);
    private long _sentBytes;
    private bool _isSized;            // some element has had a size: where none has, as within a process, nobody counts
    private long _highSent = start;   // survives a rewind: what left once may be acknowledged at any time
    private long _reached = start;    // survives a restart: no reader of this stream has got further

    /// <summary>What may be out and unconfirmed, in bytes; one element always passes (P-07).</summary>
    public long MaxBytes { get; set; } = maxBytes;

    /// <summary>Everything before it is finished at the far end and forgotten here.</summary>
    public long Confirmed { get; private set; } = confirmed ?? start;

    /// <summary>Everything before it has arrived at the far end.</summary>
    public long Received { get; private set; } = start;

    /// <summary>Everything before it has left.</summary>
    public long Sent { get; private set; } = start;

    /// <summary>The position of the next element to be put.</summary>
    public long Next => _elements.End;

    /// <summary>Elements before it may leave.</summary>
    public long Limit { get; private set; } = start;

    /// <summary>How many elements have left that had left before.</summary>
    public long Resent { get; private set; }

    /// <summary>So much of what was granted is not used for now (P-16).</summary>
    public long Withheld { get; set; }

    private long Usable => Limit - Withheld;

    /// <summary>No more elements: the end stands at <see cref="Next"/>.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>One past everything that there is to send, the end included.</summary>
    public long Top => IsEnded ? Next + 1 : Next;

    /// <summary>Some of what left has not arrived, as far as is known here.</summary>
    public bool IsUnanswered => _highSent > Received;

    /// <summary>Elements are there that wait for a grant alone.</summary>
    public bool IsHeldBack => Sent < Next && Sent >= Usable;

    /// <summary>Something is ready to leave now.</summary>
    public bool CanSend => CanSendEnd || (Sent < Math.Min(Next, Usable) && HasByteCredit);

    private bool CanSendEnd => IsEnded && Sent == Next;

    private bool HasByteCredit => Sent <= Confirmed || _sentBytes + SizeOf(Sent) <= MaxBytes;

    public void Append(T element)
    {
        Debug.Assert(!IsEnded);
        _isSized = _isSized || (sizeOf is not null && sizeOf(element) > 0);
        _elements.Append(element);
    }

    public void Append(ReadOnlySpan<T> elements)
    {
        Debug.Assert(!IsEnded);
        _isSized = _isSized || (sizeOf is not null && elements.Length > 0 && (sizeOf(elements[0]) > 0 || sizeOf(elements[^1]) > 0));
        _elements.Append(elements);
    }

    public void End() => IsEnded = true;

    /// <summary>Changes how the elements are kept, not what they are. Their sizes may change, those that are out included.</summary>
    public void Convert(Func<T, T> convert)
    {
        _elements.Convert(convert);
        _isSized = sizeOf is not null;
        _sentBytes = Bytes(Confirmed, Sent);
    }

    /// <summary>Applies a grant. Late or repeated ones have no effect (P-03).</summary>
    public void Grant(long limit)
    {
        Limit = Math.Max(Limit, limit);
        AssertInvariants();
    }

    /// <summary>Gives credit back, but never below what has been put (P-08).</summary>
    public void Recall(long limit)
    {
        Limit = Math.Max(limit, Next);
        AssertInvariants();
    }

    /// <summary>A far end in the same place asks for less than it did: what has not left does not leave.</summary>
    public void Lower(long limit)
    {
        Limit = Math.Max(limit, Math.Min(Sent, Next));
        AssertInvariants();
    }

    /// <summary>Applies what the far end says it has. False if it has what was never sent (P-12).</summary>
    public bool TryAcknowledge(long received, long confirmed, out bool progress)
    {
        progress = false;
        if (confirmed < 0 || confirmed > received || received > _highSent) return false;

        if (received > Received)
        {
            Received = received;
            progress = true;
        }

        if (confirmed > Confirmed)
        {
            progress = true;
            Forget(confirmed);
        }

        // A late acknowledgement can overtake a rewind: what has arrived need not leave again.
        if (Sent < Received) Advance(Received, Bytes(Sent, Received));

        AssertInvariants();
        return true;
    }

    /// <summary>Takes the next elements that may leave, at most <paramref name="max"/> and about <paramref name="bytes"/>.</summary>
    public bool TryTake(int max, ref long bytes, out long first, out ArraySegment<T> elements)
    {
        first = Sent;
        long available = Math.Min(Math.Min(Next, Usable) - Sent, max);
        long count = _isSized ? 0 : available;
        long taken = 0;

        if (_isSized)
        {
            while (count < available && bytes > 0)
            {
                int size = SizeOf(Sent + count);
                bool alone = count == 0 && Sent <= Confirmed;
                if (!alone && (_sentBytes + taken + size > MaxBytes || (bytes < size && count > 0))) break;

                taken += size;
                bytes -= size;
                count++;
            }
        }

        if (count <= 0)
        {
            elements = default;
            return false;
        }

        elements = new ArraySegment<T>(pool?.Rent((int)count) ?? new T[count], 0, (int)count);
        _elements.CopyTo(first, elements);
        Resent += Math.Max(0, Math.Min(first + count, _highSent) - first);
        Advance(first + count, taken);
        AssertInvariants();
        return true;
    }

    /// <summary>What is held at a position, if it is.</summary>
    public bool TryPeek(long position, out T element)
    {
        bool isHeld = position >= _elements.Start && position < _elements.End;
        element = isHeld ? _elements[position] : default!;
        return isHeld;
    }

    /// <summary>Takes the end, when everything before it has left.</summary>
    public bool TryTakeEnd()
    {
        if (!CanSendEnd) return false;
        Advance(Sent + 1, 0);
        return true;
    }

    /// <summary>Sends again from what is known to have arrived (P-05).</summary>
    public void Rewind()
    {
        _sentBytes -= Bytes(Received, Sent);
        Sent = Received;
        AssertInvariants();
    }

    /// <summary>A far end that lost its memory goes on at <paramref name="position"/>: what it had not confirmed is still here (P-15).</summary>
    /// <returns>False if it wants what is confirmed and forgotten, or what was never put.</returns>
    public bool TryResume(long position, long limit)
    {
        if (position < Confirmed || position > Top) return false;

        Received = Sent = _highSent = position;
        _reached = Math.Max(_reached, position);
        _sentBytes = Bytes(Confirmed, position);
        Limit = Math.Max(limit, Next);
        AssertInvariants();
        return true;
    }

    /// <summary>A new far end begins at <paramref name="position"/>, with nothing asked for (P-09).</summary>
    public bool TryRestart(long position)
    {
        position = Math.Min(position, Next);
        if (position < Confirmed || position < _elements.Start || position > _reached) return false;

        Forget(position);
        _sentBytes = 0;
        Received = Sent = Limit = _highSent = position;
        AssertInvariants();
        return true;
    }

    /// <summary>Gives memory back that a burst took; to be called now and then, as long as it says that there may be more.</summary>
    public bool Trim() => _elements.Trim();

    /// <summary>Drops everything (P-11).</summary>
    public void Clear() => _elements.Clear();

    private void Forget(long confirmed)
    {
        _sentBytes -= Bytes(Confirmed, Math.Min(confirmed, Sent));
        Confirmed = confirmed;
        if (Received < Confirmed) Received = Confirmed;
        if (Sent < Confirmed) Sent = Confirmed;
        _highSent = Math.Max(_highSent, Sent);
        _elements.DropBefore(confirmed);
    }

    private void Advance(long position, long bytes)
    {
        _sentBytes += bytes;
        Sent = position;
        _highSent = Math.Max(_highSent, position);
        _reached = Math.Max(_reached, position);
    }

    private long Bytes(long from, long to)
    {
        long bytes = 0;
        if (!_isSized) return bytes;

        for (long position = Math.Max(from, _elements.Start); position < Math.Min(to, Next); position++) bytes += SizeOf(position);
        return bytes;
    }

    private int SizeOf(long position) => _isSized ? sizeOf!(_elements[position]) : 0;

    [Conditional("DEBUG")]
    private void AssertInvariants()
    {
        Debug.Assert(Confirmed <= Received && Received <= _highSent && Sent <= _highSent && _highSent <= _reached);
        Debug.Assert(Received <= Sent && Sent <= Top);
        Debug.Assert(_sentBytes >= 0);
    }
}
