using System.Buffers.Binary;
using Orleans;

namespace Casty.Orleans.Benchmarks;

/// <summary>The usual element: a small record with a string.</summary>
[GenerateSerializer, Immutable, Alias("bench.price")]
public sealed record Price([property: Id(0)] string Symbol, [property: Id(1)] double Value, [property: Id(2)] long At);

/// <summary>What moves, made before it is measured.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Size">What <see cref="Kind.Of{T}"/> needs to know to find it again in another process.</param>
/// <param name="Samples">As many as there are; then they come again.</param>
/// <param name="NumberOf">Which of them one is.</param>
internal sealed record Kind<T>(string Name, int Size, T[] Samples, Func<T, int> NumberOf)
{
    public T this[int number] => Samples[number & (Kind.Samples - 1)];

    /// <summary>A benchmark whose elements arrive out of order measures nothing.</summary>
    public void Expect(T element, int number)
    {
        if (NumberOf(element) != (number & (Kind.Samples - 1))) throw new InvalidOperationException($"Element {number} is not the one that was put.");
    }
}

internal static class Kind
{
    /// <summary>No fewer than any batch has: the second time that a message has an object, Orleans writes no more than a reference to it.</summary>
    public const int Samples = 1024;

    public static readonly Kind<Price> Price = new("small record with a string", 0,
        Made(i => new Price($"SYM{i % 16}", 100 + i / 7.0, i)), price => (int)price.At);

    public static readonly Kind<int> Int = new("int", sizeof(int), Made(i => i), number => number);

    private static readonly Lazy<Kind<byte[]>> KiB = new(() => Bytes("1 KiB", 1 << 10)), KiB64 = new(() => Bytes("64 KiB", 1 << 16));

    public static Kind<byte[]> Bytes1K => KiB.Value;

    public static Kind<byte[]> Bytes64K => KiB64.Value;

    public static Kind<T> Of<T>(int size) => (Kind<T>)(object)(
        typeof(T) == typeof(Price) ? Price
        : typeof(T) == typeof(int) ? Int
        : size == 1 << 10 ? Bytes1K : Bytes64K);

    private static Kind<byte[]> Bytes(string name, int size) => new(name, size, Made(i =>
    {
        byte[] bytes = new byte[size];
        bytes.AsSpan().Fill((byte)i);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, i);
        return bytes;
    }), bytes => BinaryPrimitives.ReadInt32LittleEndian(bytes));

    private static T[] Made<T>(Func<int, T> make) => [.. Enumerable.Range(0, Samples).Select(make)];
}
