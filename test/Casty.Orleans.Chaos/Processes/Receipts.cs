using System.Buffers.Binary;

namespace Casty.Orleans.Chaos.Processes;

/// <summary>One element that a reader was given, and when.</summary>
internal readonly record struct Receipt(int Writer, long Number, long At);

/// <summary>
/// Which elements a reader of a balanced stream was given: no two numbers tell that. Each is in the file before the reader looks at the
/// next one, and what a file has outlives the process.
/// </summary>
internal sealed class Receipts(string path) : IDisposable
{
    private const int Size = 3 * sizeof(long);

    private readonly FileStream _file = new(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
    private readonly byte[] _one = new byte[Size];

    public static Receipt[] Read(string path)
    {
        if (!File.Exists(path)) return [];

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] all = new byte[file.Length];
        file.ReadExactly(all);
        var receipts = new Receipt[all.Length / Size];
        for (int i = 0; i < receipts.Length; i++)
        {
            var one = all.AsSpan(i * Size, Size);
            receipts[i] = new Receipt((int)BinaryPrimitives.ReadInt64LittleEndian(one), BinaryPrimitives.ReadInt64LittleEndian(one[8..]), BinaryPrimitives.ReadInt64LittleEndian(one[16..]));
        }

        return receipts;
    }

    public void Add(int writer, long number)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_one, writer);
        BinaryPrimitives.WriteInt64LittleEndian(_one.AsSpan(8), number);
        BinaryPrimitives.WriteInt64LittleEndian(_one.AsSpan(16), Environment.TickCount64);
        _file.Write(_one);
    }

    public void Dispose() => _file.Dispose();
}
