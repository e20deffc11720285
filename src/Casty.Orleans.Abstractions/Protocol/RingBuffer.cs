using System.Numerics;
using System.Runtime.CompilerServices;

namespace Casty.Orleans.Protocol;

/// <summary>
/// A circular buffer addressed by absolute position: it holds <c>[Start, End)</c>. It grows by itself and shrinks when told to look.
/// Both cost O(1) per element: a growth doubles the room, and whatever it is trimmed by later is paid for by that growth.
/// </summary>
internal sealed class RingBuffer<T>(long start = 0)
{
    private const int Smallest = 2;   // an idle stream has several of these, and an element now and then
    private T[] _items = [];
    private int _peak;

    public long Start { get; private set; } = start;

    public long End { get; private set; } = start;

    public int Count => (int)(End - Start);

    /// <summary>How many items it has room for.</summary>
    public int Capacity => _items.Length;

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
        _peak = Math.Max(_peak, Count);
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
        _peak = Math.Max(_peak, Count);
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
        _peak = 0;
    }

    /// <summary>
    /// Gives memory back if not more than a quarter of it was used since this was last asked. To be asked now and then, not after
    /// each burst: room that is used again and again stays.
    /// </summary>
    /// <returns>There may be more to give back later.</returns>
    public bool Trim()
    {
        int peak = _peak;
        _peak = Count;
        if (peak <= _items.Length / 4 && _items.Length > Smallest) Resize(peak == 0 ? 0 : RoomFor(2 * peak));
        return _items.Length > Smallest;
    }

    private int Index(long position) => (int)(position & (_items.Length - 1));

    private void EnsureRoom(int more)
    {
        int needed = Count + more;
        if (needed <= _items.Length) return;

        Resize(RoomFor(needed));
    }

    private void Resize(int room)
    {
        var items = room == 0 ? [] : new T[room];
        for (long position = Start; position < End; position++) items[position & (items.Length - 1)] = this[position];
        _items = items;
    }

    private static int RoomFor(int count) => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(count, Smallest));
}
