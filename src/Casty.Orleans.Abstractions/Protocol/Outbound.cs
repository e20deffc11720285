using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>
/// The sending half of a leg: what was put and is not yet confirmed, and how much of it may leave.
/// Positions are absolute and only grow; the end, once there is one, takes the position after the last element (P-02).
/// </summary>
/// <param name="start">The position of the first element.</param>
/// <param name="sizeOf">What an element costs on the wire, in bytes; null where nothing is serialised.</param>
/// <param name="maxBytes">What may be out and unconfirmed, in bytes; one element always passes (P-07).</param>
internal sealed class Outbound<T>(long start = 0, Func<T, int>? sizeOf = null, long maxBytes = long.MaxValue)
{
    private readonly RingBuffer<T> _elements = new(start);
    private long _sentBytes;
    private long _highSent = start;

    /// <summary>Everything before it is finished at the far end and forgotten here.</summary>
    public long Confirmed { get; private set; } = start;

    /// <summary>Everything before it has arrived at the far end.</summary>
    public long Received { get; private set; } = start;

    /// <summary>Everything before it has left.</summary>
    public long Sent { get; private set; } = start;

    /// <summary>The position of the next element to be put.</summary>
    public long Next => _elements.End;

    /// <summary>Elements before it may leave.</summary>
    public long Limit { get; private set; } = start;

    /// <summary>No more elements: the end stands at <see cref="Next"/>.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>One past everything that there is to send, the end included.</summary>
    public long Top => IsEnded ? Next + 1 : Next;

    /// <summary>Some of what left has not arrived, as far as is known here.</summary>
    public bool IsUnanswered => Sent > Received;

    /// <summary>Something is ready to leave now.</summary>
    public bool CanSend => CanSendEnd || (Sent < Math.Min(Next, Limit) && HasByteCredit);

    private bool CanSendEnd => IsEnded && Sent == Next;

    private bool HasByteCredit => _sentBytes < maxBytes || Sent <= Confirmed;

    public void Append(T element)
    {
        Debug.Assert(!IsEnded);
        _elements.Append(element);
    }

    public void Append(ReadOnlySpan<T> elements)
    {
        Debug.Assert(!IsEnded);
        _elements.Append(elements);
    }

    public void End() => IsEnded = true;

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

    /// <summary>Applies what the far end says it has. False if it has what was never sent (P-12).</summary>
    public bool TryAcknowledge(long received, long confirmed, out bool progress)
    {
        progress = false;
        if (received > _highSent || confirmed > Math.Max(received, Received)) return false;

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
        while (Sent < Received) Pass();

        AssertInvariants();
        return true;
    }

    /// <summary>Takes the next elements that may leave, at most <paramref name="max"/> and about <paramref name="bytes"/>.</summary>
    public bool TryTake(int max, ref long bytes, out long first, out T[] elements)
    {
        first = Sent;
        long available = Math.Min(Math.Min(Next, Limit) - Sent, max);
        long count = sizeOf is null ? available : 0;

        if (sizeOf is not null)
        {
            long outstanding = _sentBytes;
            while (count < available)
            {
                int size = sizeOf(_elements[Sent + count]);
                bool alone = count == 0 && Sent <= Confirmed;
                if (!alone && (outstanding + size > maxBytes || (bytes < size && count > 0))) break;
                if (bytes <= 0) break;

                outstanding += size;
                bytes -= size;
                count++;
            }
        }

        if (count <= 0)
        {
            elements = [];
            return false;
        }

        elements = new T[count];
        _elements.CopyTo(first, elements);
        for (long i = 0; i < count; i++) Pass();
        AssertInvariants();
        return true;
    }

    /// <summary>Takes the end, when everything before it has left.</summary>
    public bool TryTakeEnd()
    {
        if (!CanSendEnd) return false;
        Pass();
        return true;
    }

    /// <summary>Sends again from what is known to have arrived (P-05).</summary>
    public void Rewind()
    {
        while (Sent > Received)
        {
            Sent--;
            if (Sent < Next && Sent >= Confirmed) _sentBytes -= SizeOf(Sent);
        }

        AssertInvariants();
    }

    /// <summary>A new far end begins at <paramref name="position"/>, with nothing asked for (P-09).</summary>
    public bool TryRestart(long position)
    {
        if (position < Confirmed || position > Math.Max(_highSent, Confirmed)) return false;
        position = Math.Min(position, Next);

        Forget(position);
        _sentBytes = 0;
        Received = Sent = Limit = _highSent = position;
        AssertInvariants();
        return true;
    }

    /// <summary>Drops everything (P-11).</summary>
    public void Clear() => _elements.Clear();

    private void Forget(long confirmed)
    {
        if (sizeOf is not null)
        {
            for (long position = Confirmed; position < Math.Min(confirmed, Math.Min(Sent, Next)); position++) _sentBytes -= SizeOf(position);
        }

        Confirmed = Math.Max(Confirmed, confirmed);
        if (Received < Confirmed) Received = Confirmed;
        if (Sent < Confirmed) Sent = Confirmed;
        _highSent = Math.Max(_highSent, Sent);
        _elements.DropBefore(confirmed);
    }

    private void Pass()
    {
        if (Sent < Next) _sentBytes += SizeOf(Sent);
        Sent++;
        _highSent = Math.Max(_highSent, Sent);
    }

    private int SizeOf(long position) => sizeOf?.Invoke(_elements[position]) ?? 0;

    [Conditional("DEBUG")]
    private void AssertInvariants()
    {
        Debug.Assert(Confirmed <= Received && Received <= _highSent && Sent <= _highSent);
        Debug.Assert(Received <= Sent && Sent <= Top);
        Debug.Assert(_sentBytes >= 0);
    }
}
