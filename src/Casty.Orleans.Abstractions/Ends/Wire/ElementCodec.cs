using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.Serializers;
using Orleans.Serialization.Session;
using Orleans.Serialization.WireProtocol;

namespace Casty.Orleans;

/// <summary>Copies, serialises and deserialises elements of one type by the rules of one Orleans process.</summary>
internal sealed class ElementCodec<T>
{
    public const int Prefix = sizeof(int);

    private readonly FieldWriter _write;
    private readonly FieldReader _read;
    private readonly Type _type = typeof(T);
    private readonly SerializerSessionPool _sessions;
    private readonly DeepCopier<T>? _copier;
    private readonly int _maxSize;

    /// <summary>Finds what serialises <typeparamref name="T"/>.</summary>
    /// <exception cref="CodecNotFoundException">Nothing does.</exception>
    public ElementCodec(IServiceProvider services, int maxSize)
    {
        var codecs = services.GetRequiredService<CodecProvider>();
        var codec = codecs.GetCodec<T>();
        _write = codec.WriteField;
        _read = codec.ReadValue;
        _sessions = services.GetRequiredService<SerializerSessionPool>();
        _copier = codecs.GetDeepCopier<T>() is ShallowCopier<T> || typeof(T).IsPrimitive || typeof(T) == typeof(string)
            ? null
            : services.GetRequiredService<DeepCopier<T>>();
        _maxSize = maxSize;
    }

    /// <summary>The element as it may travel inside the process: a mutable one is copied, an immutable one never.</summary>
    public Element<T> Copy(T value) => new(_copier is null || value is null ? value : _copier.Copy(value));

    /// <summary>The element inside of its process, for one of several consumers: what that one does to a mutable one is not to be seen by the others.</summary>
    public T Share(Element<T> element) => Copy(element.Value).Value;

    /// <summary>The element as it may leave the process.</summary>
    /// <exception cref="ArgumentException">It is too large for a message.</exception>
    public Element<T> Encode(T value, SlabWriter slab)
    {
        slab.Begin(Prefix);
        try
        {
            if (IsRaw) WriteRaw(value, slab);
            else WriteField(value, slab);
            var bytes = slab.End();
            int size = bytes.Count - Prefix;
            if (size > _maxSize)
            {
                throw new ArgumentException(
                    $"The element takes {size} bytes when serialised; an Orleans message of this process has room for {_maxSize}. Split it, or raise MaxMessageBodySize in every process.", "element");
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

    private void WriteField(T value, SlabWriter slab)
    {
        var writer = Writer.Create(new SlabBuffer(slab), slab.SessionFrom(_sessions));
        _write(ref writer, 0, _type, value);
        writer.Commit();
    }

    private static void WriteRaw(T value, SlabWriter slab)
    {
        Unsafe.WriteUnaligned(ref MemoryMarshal.GetReference(slab.GetSpan(Unsafe.SizeOf<T>())), value);
        slab.Advance(Unsafe.SizeOf<T>());
    }

    public T Decode(Element<T> element)
    {
        if (IsRaw) return ReadRaw(element.Bytes[Prefix..]);
        using var session = _sessions.GetSession();
        return Read(element.Bytes[Prefix..], session);
    }

    /// <summary>Decodes elements as long as they are encoded and there is none that cannot be; <paramref name="count"/> tells how many were, even if it throws.</summary>
    public void Decode(ReadOnlySpan<Element<T>> elements, Span<T> decoded, ref int count)
    {
        SerializerSession? session = null;
        try
        {
            foreach (ref readonly var element in elements)
            {
                if (!element.IsEncoded || element.IsHole) return;
                decoded[count] = IsRaw ? ReadRaw(element.Bytes[Prefix..]) : Read(element.Bytes[Prefix..], session ??= _sessions.GetSession());
                session?.Reset();
                count++;
            }
        }
        finally
        {
            session?.Dispose();
        }
    }

    private T Read(ReadOnlySpan<byte> bytes, SerializerSession session)
    {
        var reader = Reader.Create(bytes, session);
        var field = reader.ReadFieldHeader();
        return _read(ref reader, field);
    }

    private static T ReadRaw(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Unsafe.SizeOf<T>()) throw new InvalidDataException($"A {typeof(T).Name} has {Unsafe.SizeOf<T>()} bytes, not {bytes.Length}.");
        return Unsafe.ReadUnaligned<T>(ref MemoryMarshal.GetReference(bytes));
    }

    /// <summary>Numbers travel as they lie in memory, the lowest byte first.</summary>
    private static bool IsRaw => BitConverter.IsLittleEndian
        && (typeof(T) == typeof(int) || typeof(T) == typeof(long) || typeof(T) == typeof(double) || typeof(T) == typeof(float)
            || typeof(T) == typeof(byte) || typeof(T) == typeof(sbyte) || typeof(T) == typeof(short) || typeof(T) == typeof(ushort)
            || typeof(T) == typeof(uint) || typeof(T) == typeof(ulong) || typeof(T) == typeof(char));

    // What a serialiser of Orleans calls per element is a generic method of an interface, which is looked up at each call; a delegate is
    // looked up once.
    private delegate void FieldWriter(ref Writer<SlabBuffer> writer, uint fieldIdDelta, Type expectedType, T value);

    private delegate T FieldReader(ref Reader<SpanReaderInput> reader, Field field);
}
