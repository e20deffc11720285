using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Casty.Orleans.Protocol;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>However elements lie in memory, they arrive in order and at their positions; what lies together is not copied.</summary>
public sealed class WireBatchesTests
{
    private readonly byte[] _slab = new byte[64 * 1024];
    private int _position;

    [Fact]
    public void Neighbours_GoAsASliceOfTheirArray()
    {
        var part = Assert.Single(Send(Neighbour(10), Neighbour(0), Neighbour(5000)));
        Assert.True(MemoryMarshal.TryGetArray(part.Elements, out var bytes));
        Assert.Same(_slab, bytes.Array);
    }

    [Fact]
    public void ScatteredOnes_AreCopiedTogether() => Assert.Single(Send(Alone(10), Alone(20), Neighbour(5), Alone(3000)));

    [Fact]
    public void ManyNeighbours_AreNotCopiedWithWhatLiesScatteredAboutThem()
    {
        var parts = Send(Alone(10), Neighbour(1), Alone(20), Neighbour(3000), Neighbour(3000), Alone(1), Alone(2), Alone(9000), Neighbour(4));
        Assert.Equal([3, 2, 2, 1, 1], parts.Select(part => part.Count));
        Assert.True(MemoryMarshal.TryGetArray(parts[1].Elements, out var bytes));
        Assert.Same(_slab, bytes.Array);
    }

    [Fact]
    public void AHole_IsOneOfThem() => Assert.Single(Send(Neighbour(10), Element<byte[]>.Hole, Neighbour(10)));

    [Fact]
    public void SeveralBatches_StayApart()
    {
        Batch<Element<byte[]>>[] batches = [new(5, 1, 50, new([Neighbour(1), Neighbour(2)])), new(7, 2, 70, new([Neighbour(3)]))];
        var sent = WireBatches.ToWire<byte[]>(batches);
        Assert.Equal([(5, 1, 50, 2), (7, 2, 70, 1)], sent.Select(part => (part.First, part.Writer, part.WriterFirst, part.Count)));
    }

    /// <summary>Sends elements and checks that they arrive as they were.</summary>
    private static StreamBatch[] Send(params Element<byte[]>[] elements)
    {
        var parts = WireBatches.ToWire<byte[]>([new Batch<Element<byte[]>>(1000, 7, 100, elements)]);
        int at = 0;
        foreach (var part in parts)
        {
            var batch = WireBatches.FromWire<byte[]>(part);
            Assert.Equal((1000 + at, 7, 100 + at), (batch.First, batch.Writer, batch.WriterFirst));
            foreach (var element in batch.Elements) Assert.True(element.Bytes.SequenceEqual(elements[at++].Bytes));
        }

        Assert.Equal(elements.Length, at);
        return parts;
    }

    private Element<byte[]> Neighbour(int size)
    {
        var element = Written(_slab, _position, size);
        _position += element.Length;
        return element;
    }

    private static Element<byte[]> Alone(int size) => Written(new byte[size + 12], 8, size);

    private static Element<byte[]> Written(byte[] buffer, int offset, int size)
    {
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(offset), size);
        buffer.AsSpan(offset + sizeof(int), size).Fill((byte)(size + 1));
        return new Element<byte[]>(buffer, offset, sizeof(int) + size);
    }
}
