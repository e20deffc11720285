using System.Buffers.Binary;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Serializers;

namespace Casty.Orleans;

/// <summary>Copies, serialises and deserialises elements of one type by the rules of one Orleans process.</summary>
internal sealed class ElementCodec<T>
{
    public const int Prefix = sizeof(int);

    private readonly Serializer<T> _serializer;
    private readonly DeepCopier<T>? _copier;
    private readonly int _maxSize;

    /// <summary>Finds what serialises <typeparamref name="T"/>.</summary>
    /// <exception cref="CodecNotFoundException">Nothing does.</exception>
    public ElementCodec(IServiceProvider services, int maxSize)
    {
        var codecs = services.GetRequiredService<CodecProvider>();
        codecs.GetCodec<T>();
        _serializer = services.GetRequiredService<Serializer<T>>();
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
            _serializer.Serialize(value, slab);
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

    public T Decode(Element<T> element) =>
        element.IsEncoded ? _serializer.Deserialize(element.Bytes[Prefix..]) : element.Value;
}
