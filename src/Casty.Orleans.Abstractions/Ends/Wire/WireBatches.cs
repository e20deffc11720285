using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>Elements as they lie in a message.</summary>
internal static class WireBatches
{
    private const int SmallestSlice = 4096;   // of so many bytes, a batch of their own costs less than a copy

    /// <summary>Neighbours in one array go as a slice of it, where that is worth a batch; what lies scattered in between is copied together.</summary>
    public static StreamBatch[] ToWire<T>(ReadOnlySpan<Batch<Element<T>>> batches)
    {
        var parts = Scratch<StreamBatch>.List;
        foreach (var batch in batches)
        {
            var elements = batch.Elements.AsSpan();
            int from = 0;   // what lies behind is in no part yet
            for (int i = 0; i < elements.Length;)
            {
                var slice = SliceOf<T>(elements[i..], out int count);
                if (slice.Length >= SmallestSlice)
                {
                    if (from < i) parts.Add(PartOf(batch, from, i - from, Join<T>(elements[from..i])));
                    parts.Add(PartOf(batch, i, count, slice));
                    from = i + count;
                }

                i += count;
            }

            if (from < elements.Length) parts.Add(PartOf(batch, from, elements.Length - from, Join<T>(elements[from..])));
        }

        var all = parts.ToArray();
        parts.Clear();
        return all;
    }

    public static Batch<Element<T>> FromWire<T>(StreamBatch batch)
    {
        if (!MemoryMarshal.TryGetArray(batch.Elements, out var bytes)) bytes = batch.Elements.ToArray();
        var elements = Element<T>.Pool.Rent(batch.Count);
        int at = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            int size = Math.Max(0, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at)));   // a hole has none
            elements[i] = new Element<T>(bytes.Array!, bytes.Offset + at, sizeof(int) + size);
            at += sizeof(int) + size;
        }

        return new Batch<Element<T>>(batch.First, batch.Writer, batch.WriterFirst, new ArraySegment<Element<T>>(elements, 0, batch.Count));
    }

    private static StreamBatch PartOf<T>(in Batch<Element<T>> batch, int from, int count, ReadOnlyMemory<byte> bytes) => new()
    {
        First = batch.First + from,
        Writer = batch.Writer,
        WriterFirst = batch.WriterFirst + from,
        Count = count,
        Elements = bytes,
    };

    private static ReadOnlyMemory<byte> Join<T>(ReadOnlySpan<Element<T>> elements)
    {
        if (SliceOf(elements, out int count) is var slice && count == elements.Length) return slice;

        long total = 0;
        foreach (ref readonly var element in elements) total += element.Length;
        byte[] joined = GC.AllocateUninitializedArray<byte>(checked((int)total));
        int at = 0;
        foreach (ref readonly var element in elements)
        {
            element.Bytes.CopyTo(joined.AsSpan(at));
            at += element.Length;
        }

        return joined;
    }

    /// <summary>The first element, and those that lie right behind it.</summary>
    private static ReadOnlyMemory<byte> SliceOf<T>(ReadOnlySpan<Element<T>> elements, out int count)
    {
        var first = elements[0];
        int end = first.Offset;
        count = 0;
        foreach (ref readonly var element in elements)
        {
            if (element.Buffer != first.Buffer || element.Offset != end) break;
            end += element.Length;
            count++;
        }

        return first.Buffer.AsMemory(first.Offset, end - first.Offset);
    }
}
