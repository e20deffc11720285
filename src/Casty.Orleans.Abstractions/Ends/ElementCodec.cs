using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Serializers;
using Orleans.Serialization.Session;

namespace Casty.Orleans;

/// <summary>Copies, serialises and deserialises elements of one type by the rules of one Orleans process.</summary>
internal sealed class ElementCodec<T>
{
    public const int Prefix = sizeof(int);

    private readonly Serializer<T> _serializer;
    private readonly SerializerSessionPool _sessions;
    private readonly DeepCopier<T>? _copier;
    private readonly int _maxSize;

    /// <summary>Finds what serialises <typeparamref name="T"/>.</summary>
    /// <exception cref="CodecNotFoundException">Nothing does.</exception>
    public ElementCodec(IServiceProvider services, int maxSize)
    {
        var codecs = services.GetRequiredService<CodecProvider>();
        codecs.GetCodec<T>();
        _serializer = services.GetRequiredService<Serializer<T>>();
        _sessions = services.GetRequiredService<SerializerSessionPool>();
        _copier = codecs.GetDeepCopier<T>() is ShallowCopier<T> || typeof(T).IsPrimitive || typeof(T) == typeof(string)
            ? null
            : services.GetRequiredService<DeepCopier<T>>();
        _maxSize = maxSize;
    }

    /// <summary>The element as it may travel inside the process: a mutable one is copied, an immutable one never.</summary>
    public Element<T> Copy(T value) => new(_copier is null || value is null ? value : _copier.Copy(value));

    /// <summary>The element as it may leave the process.</summary>
    /// <exception cref="ArgumentException">It is too large for a message.</exception>
    public Element<T> Encode(T value, SlabWriter slab)
    {
        slab.Begin(Prefix);
        try
        {
            if (IsRaw) WriteRaw(value, slab);
            else _serializer.Serialize(value, new SlabBuffer(slab), slab.SessionFrom(_sessions));
            var bytes = slab.End();
            int size = bytes.Count - Prefix;
            if (size > _maxSize)
            {
                throw new ArgumentException(
                    $"The element takes {size} bytes when serialised; an Orleans message of this process has room for {_maxSize}.", "element");
            }

            BinaryPrimitives.WriteInt32LittleEndian(bytes, size);
            return new Element<T>(bytes.Array!, bytes.Offset, bytes.Count);
        }
        catch
        {
            slab.Undo();
            throw;
        }
    }

    private static void WriteRaw(T value, SlabWriter slab)
    {
        Unsafe.WriteUnaligned(ref MemoryMarshal.GetReference(slab.GetSpan(Unsafe.SizeOf<T>())), value);
        slab.Advance(Unsafe.SizeOf<T>());
    }

    public T Decode(Element<T> element) => element.IsEncoded ? Read(element.Bytes[Prefix..]) : element.Value;

    /// <summary>Decodes elements as long as there is none that cannot be; <paramref name="count"/> tells how many were, even if it throws.</summary>
    public void Decode(ReadOnlySpan<Element<T>> elements, Span<T> decoded, ref int count)
    {
        SerializerSession? session = null;
        try
        {
            foreach (ref readonly var element in elements)
            {
                if (element.IsHole) return;
                decoded[count] = !element.IsEncoded ? element.Value
                    : IsRaw ? Read(element.Bytes[Prefix..])
                    : _serializer.Deserialize(element.Bytes[Prefix..], session ??= _sessions.GetSession());
                session?.Reset();
                count++;
            }
        }
        finally
        {
            session?.Dispose();
        }
    }

    private T Read(ReadOnlySpan<byte> bytes)
    {
        if (!IsRaw) return _serializer.Deserialize(bytes);
        if (bytes.Length != Unsafe.SizeOf<T>()) throw new InvalidDataException($"A {typeof(T).Name} has {Unsafe.SizeOf<T>()} bytes, not {bytes.Length}.");
        return Unsafe.ReadUnaligned<T>(ref MemoryMarshal.GetReference(bytes));
    }

    /// <summary>Numbers travel as they lie in memory, the lowest byte first.</summary>
    private static bool IsRaw => BitConverter.IsLittleEndian
        && (typeof(T) == typeof(int) || typeof(T) == typeof(long) || typeof(T) == typeof(double) || typeof(T) == typeof(float)
            || typeof(T) == typeof(byte) || typeof(T) == typeof(sbyte) || typeof(T) == typeof(short) || typeof(T) == typeof(ushort)
            || typeof(T) == typeof(uint) || typeof(T) == typeof(ulong) || typeof(T) == typeof(char));
}
