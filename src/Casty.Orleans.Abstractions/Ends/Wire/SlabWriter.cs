using System.Buffers;
using Orleans.Serialization.Session;

namespace Casty.Orleans;

/// <summary>
/// Writes elements one behind the other into large arrays, so that neighbours can be sent as one slice. An array is never
/// written twice and never pooled: a message that holds a slice may still be queued when its sender is long gone.
/// </summary>
internal sealed class SlabWriter
{
    private const int SmallestSlab = 256;   // many streams write an element now and then
    private const int SlabSize = 16 * 1024;
    private byte[] _slab = [];
    private SerializerSession? _session;
    private int _start;
    private int _position;

    /// <summary>A session for one element: each must be readable by itself. It is kept until <see cref="Rest"/>.</summary>
    public SerializerSession SessionFrom(SerializerSessionPool pool)
    {
        if (_session is null) return _session = pool.GetSession();
        _session.Reset();
        return _session;
    }

    /// <summary>Gives back what is only needed while elements are written. What was written stays.</summary>
    public void Rest()
    {
        _slab = [];
        _start = _position = 0;
        _session?.Dispose();
        _session = null;
    }

    /// <summary>Begins an element, leaving <paramref name="prefix"/> bytes for its length.</summary>
    public void Begin(int prefix)
    {
        _start = _position;
        GetSpan(prefix);
        _position += prefix;
    }

    /// <summary>The element as it stands.</summary>
    public ArraySegment<byte> End() => new(_slab, _start, _position - _start);

    /// <summary>Takes the element back.</summary>
    public void Undo() => _position = _start;

    public void Advance(int count) => _position += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _slab.AsMemory(_position);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _slab.AsSpan(_position);
    }

    private void Ensure(int more)
    {
        more = Math.Max(more, 1);
        if (_slab.Length - _position >= more) return;

        // The element moves whole into a new array; those before it stay where they are.
        int begun = _position - _start;
        var slab = GC.AllocateUninitializedArray<byte>((int)Math.Min(Array.MaxLength, Math.Max(Math.Clamp(2 * _slab.Length, SmallestSlab, SlabSize), 2L * begun + more)));
        _slab.AsSpan(_start, begun).CopyTo(slab);
        _slab = slab;
        _start = 0;
        _position = begun;
    }
}

/// <summary>A slab as Orleans writes to it. A struct, so that the compiler sees through it.</summary>
internal readonly struct SlabBuffer(SlabWriter slab) : IBufferWriter<byte>
{
    public void Advance(int count) => slab.Advance(count);

    public Memory<byte> GetMemory(int sizeHint = 0) => slab.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => slab.GetSpan(sizeHint);
}
