using System.Buffers;

namespace Casty.Orleans;

/// <summary>
/// An element on its way: the object itself inside a process, its bytes where it crosses one. A producer hands bytes on as
/// they came, so an element is serialised once and deserialised once, however many processes it passes.
/// </summary>
internal readonly struct Element<T>
{
    /// <summary>In place of an element that could not be serialised: its size is -1, and readers skip it. Its stream has failed.</summary>
    public static readonly Element<T> Hole = new([0xFF, 0xFF, 0xFF, 0xFF], 0, 4);

    /// <summary>Where the arrays of batches come from, and go once they are taken in.</summary>
    public static readonly ArrayPool<Element<T>> Pool = ArrayPool<Element<T>>.Shared;

    private readonly T? _value;
    private readonly byte[]? _buffer;
    private readonly int _offset;
    private readonly int _length;

    public Element(T value) => _value = value;

    public Element(byte[] buffer, int offset, int length)
    {
        _buffer = buffer;
        _offset = offset;
        _length = length;
    }

    public bool IsEncoded => _buffer is not null;

    public bool IsHole => _length == 4 && _buffer![_offset + 3] == 0xFF;

    public T Value => _value!;

    public byte[]? Buffer => _buffer;

    /// <summary>Where the element's bytes begin: with their length, in 4 bytes.</summary>
    public int Offset => _offset;

    /// <summary>How many bytes there are, with those of the length.</summary>
    public int Length => _length;

    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(_offset, _length);

    /// <summary>What an element costs on the wire; 0 for one that is not serialised. A lambda, which is cheaper to call than a method.</summary>
    public static readonly Func<Element<T>, int> SizeOf = static element => element._length;
}
