using System.Runtime.CompilerServices;

namespace Casty.Orleans.Protocol;

/// <summary>A growing circular buffer addressed by absolute position: it holds <c>[Start, End)</c>.</summary>
internal sealed class RingBuffer<T>(long start = 0)
{
    private T[] _items = [];

    public long Start { get; private set; } = start;

    public long End { get; private set; } = start;

    public int Count => (int)(End - Start);

    public T this[long position]
    {
        get => _items[Index(position)];
        set => _items[Index(position)] = value;
    }

    public void Append(T item)
    {
        EnsureRoom(1);
        _items[Index(End)] = item;
        End++;
    }

    public void Append(ReadOnlySpan<T> items)
    {
        if (items.IsEmpty) return;

        EnsureRoom(items.Length);
        int index = Index(End);
        int run = Math.Min(items.Length, _items.Length - index);
        items[..run].CopyTo(_items.AsSpan(index));
        items[run..].CopyTo(_items);
        End += items.Length;
    }

    public void CopyTo(long position, Span<T> destination)
    {
        int index = Index(position);
        int run = Math.Min(destination.Length, _items.Length - index);
        _items.AsSpan(index, run).CopyTo(destination);
        _items.AsSpan(0, destination.Length - run).CopyTo(destination[run..]);
    }

    public void Convert(Func<T, T> convert)
    {
        for (long position = Start; position < End; position++) _items[Index(position)] = convert(this[position]);
    }

    /// <summary>Forgets everything before <paramref name="position"/>, references included.</summary>
    public void DropBefore(long position)
    {
        int count = (int)(Math.Min(position, End) - Start);
        if (count <= 0) return;

        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>())
        {
            int index = Index(Start);
            int run = Math.Min(count, _items.Length - index);
            _items.AsSpan(index, run).Clear();
            _items.AsSpan(0, count - run).Clear();
        }

        Start += count;
    }

    /// <summary>Forgets everything and gives the memory back.</summary>
    public void Clear()
    {
        Start = End;
        _items = [];
    }

    private int Index(long position) => (int)(position & (_items.Length - 1));

    private void EnsureRoom(int more)
    {
        int needed = Count + more;
        if (needed <= _items.Length) return;

        var items = new T[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(needed, 8))];
        if (Count > 0)
        {
            for (long position = Start; position < End; position++)
            {
                items[position & (items.Length - 1)] = this[position];
            }
        }

        _items = items;
    }
}
