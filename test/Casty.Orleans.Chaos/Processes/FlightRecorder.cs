using System.IO.MemoryMappedFiles;

namespace Casty.Orleans.Chaos.Processes;

/// <summary>
/// What the ends of a process have done so far, element by element. It is a file that the process writes as memory, so what was
/// written is there to be read however the process died, to the last element.
/// </summary>
internal sealed class FlightRecorder : IDisposable
{
    private const int CellsPerEnd = 8;
    private const int Ends = 1 << 16;

    private readonly string _path;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _cells;

    public FlightRecorder(string path)
    {
        _path = path;
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, (long)Ends * CellsPerEnd * sizeof(long));
        _cells = _file.CreateViewAccessor();
    }

    /// <summary>How many writers a stream can have.</summary>
    public const int MaxWriters = CellsPerEnd / 2;

    /// <summary>A writer: how many elements it has begun to put.</summary>
    public long Putting(int end) => Read(end, 0);

    /// <summary>A writer: how many puts have returned.</summary>
    public long Put(int end) => Read(end, 1);

    /// <summary>A reader: the number of the first element of a writer's that it was given; null if none was.</summary>
    public long? First(int end, int writer) => Read(end, 2 * writer) is > 0 and var first ? first - 1 : null;

    /// <summary>
    /// A reader: the number after the last element of a writer's that it was given; 0 if none was. Of a balanced stream it is how many it
    /// was given.
    /// </summary>
    public long Next(int end, int writer) => Read(end, 2 * writer + 1);

    public void SetPutting(int end, long count) => Write(end, 0, count);

    public void SetPut(int end, long count) => Write(end, 1, count);

    public void SetFirst(int end, int writer, long number) => Write(end, 2 * writer, number + 1);

    public void SetNext(int end, int writer, long number) => Write(end, 2 * writer + 1, number);

    /// <summary>Where a reader of a balanced stream keeps which elements it was given.</summary>
    public string ReceiptsOf(int end) => $"{_path}.{end}";

    public void Dispose()
    {
        _cells.Dispose();
        _file.Dispose();
    }

    private long Read(int end, int cell) => _cells.ReadInt64((long)(end * CellsPerEnd + cell) * sizeof(long));

    private void Write(int end, int cell, long value) => _cells.Write((long)(end * CellsPerEnd + cell) * sizeof(long), value);
}
