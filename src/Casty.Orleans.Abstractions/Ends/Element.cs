namespace Casty.Orleans;

/// <summary>
/// An element on its way: the object itself inside a process, its bytes where it crosses one. A producer hands bytes on as
/// they came, so an element is serialised once and deserialised once, however many processes it passes.
/// </summary>
internal readonly struct Element<T>
{
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

    public T Value => _value!;

    public byte[]? Buffer => _buffer;

    /// <summary>Where the element's bytes begin: with their length, in 4 bytes.</summary>
    public int Offset => _offset;

    /// <summary>How many bytes there are, with those of the length.</summary>
    public int Length => _length;

    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(_offset, _length);

    public static int SizeOf(Element<T> element) => element._length;
}
