namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>Cores and frames with what a test does not care about filled in.</summary>
internal static class Make
{
    public static readonly StreamTimings Timings = StreamTimings.Default;
    public static readonly Guid Elsewhere = new(7, 0, 0, new byte[8]);

    public static readonly StreamKey Key = new(new Guid("00000000-0000-0000-0000-000000000001"), 1);
    public static readonly TimeSpan Start = TimeSpan.FromHours(1);

    public static TimeSpan At(double seconds) => Start + TimeSpan.FromSeconds(seconds);

    public static WriterCore<int> Writer(long number = 1) => new(Key, number, Timings, Start);

    public static ProducerCore<int> Producer(int bufferSize = 16, Func<int, int>? sizeOf = null) =>
        new(Key, bufferSize, TimeSpan.FromMinutes(5), Timings, Start, sizeOf);

    public static ReaderCore<int> Reader(int initial, int? max = null, long position = 0, long epoch = 1, Func<int, int>? sizeOf = null,
        long maxBytes = long.MaxValue) => new(Key, epoch, position, initial, max ?? initial, Timings, Start, sizeOf, maxBytes);

    public static Batch<int> Batch(long first, params int[] elements) => new(first, 1, first, elements);

    public static Frame<int> Frame(long first, params int[] elements) => new(Key, 1, [Batch(first, elements)]);

    public static Frame<int> End(long at, StreamEnd end, long peer = 1) => new(Key, peer, [], at, end);

    public static Demand Demand(long received, long limit, long? confirmed = null, long peer = 1, long grant = 0) =>
        new(Key, peer, received, confirmed ?? received, limit, grant);

    /// <summary>A producer with one writer that has put the given elements, and a reader that has asked for nothing.</summary>
    public static ProducerCore<int> ProducerHolding(params int[] elements)
    {
        var producer = Producer();
        producer.Attach(Start);
        producer.Subscribe("consumer", isNamed: true, position: null, Start);
        Assert.Equal(Verdict.Accepted, producer.OnFrame(Frame(0, elements), Start, out _));
        return producer;
    }

    public static int[] Elements<T>(Frame<T> frame) => [.. frame.Batches.SelectMany(batch => batch.Elements).Cast<int>()];

    public static int[] TakeAll(this ReaderCore<int> reader)
    {
        var taken = new List<int>();
        while (reader.TryTake(out int element)) taken.Add(element);
        return [.. taken];
    }

    public static int[] Send(this ProducerCore<int> producer, TimeSpan? now = null)
    {
        var sent = new List<int>();
        while (producer.TryTakeFrame(1024, long.MaxValue, now ?? Start, out var frame)) sent.AddRange(Elements(frame));
        return [.. sent];
    }

    public static List<Frame<int>> Frames(this WriterCore<int> writer, TimeSpan? now = null, int maxElements = 1024)
    {
        var frames = new List<Frame<int>>();
        while (writer.TryTakeFrame(maxElements, long.MaxValue, now ?? Start, out var frame)) frames.Add(frame);
        return frames;
    }
}
