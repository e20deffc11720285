using System.Buffers.Binary;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>Between the core's frames and what Orleans carries.</summary>
internal static class WireFormat
{
    public static StreamFrame ToWire<T>(Frame<Element<T>> frame, Guid to, StreamHost host) => new()
    {
        To = to,
        Stream = frame.Stream.Id,
        Incarnation = frame.Stream.Incarnation,
        Peer = frame.Peer,
        Batches = frame.Batches.Length == 0 ? null : Array.ConvertAll(frame.Batches, ToWire),
        EndAt = frame.EndAt,
        End = ToWire(frame.End, host),
        Wanted = frame.Wanted,
        Grant = frame.Grant,
        Held = frame.Held,
        Leaving = frame.Leaving,
        IsHeldBack = frame.IsHeldBack,
        Number = frame.Number,
        Roster = ToWire(frame.Roster),
        RosterSeen = frame.RosterSeen,
        IsMoved = frame.IsMoved,
    };

    /// <exception cref="FormatException">The frame is not one that this protocol writes.</exception>
    public static Frame<Element<T>> FromWire<T>(StreamFrame frame) => new(
        new StreamKey(frame.Stream, frame.Incarnation), frame.Peer,
        frame.Batches is { } batches ? Array.ConvertAll(batches, FromWire<T>) : [],
        frame.EndAt, FromWire(frame.End), frame.Wanted, frame.Grant, frame.Held, frame.Leaving, frame.IsHeldBack,
        frame.Number, FromWire(frame.Roster), frame.RosterSeen, frame.IsMoved);

    public static StreamDemand ToWire(Demand demand, Guid to, StreamHost host) => new()
    {
        To = to,
        Stream = demand.Stream.Id,
        Incarnation = demand.Stream.Incarnation,
        Peer = demand.Peer,
        Received = demand.Received,
        Confirmed = demand.Confirmed,
        Limit = demand.Limit,
        Grant = demand.Grant,
        End = ToWire(demand.End, host),
        Leave = (int)demand.Leave,
        Roster = ToWire(demand.Roster),
        RosterSeen = demand.RosterSeen,
        IsMoved = demand.IsMoved,
    };

    public static Demand FromWire(StreamDemand demand) => new(
        new StreamKey(demand.Stream, demand.Incarnation), demand.Peer, demand.Received, demand.Confirmed, demand.Limit,
        demand.Grant, FromWire(demand.End), (Leave)demand.Leave, FromWire(demand.Roster), demand.RosterSeen,
        demand.IsMoved);

    /// <summary>A cause that Orleans cannot serialise would keep the end itself from arriving: it goes by its name.</summary>
    public static StreamEndInfo? ToWire(StreamEnd? end, StreamHost host) => end switch
    {
        null => null,
        { Cause: { } cause } when !host.CanSerialise(cause) => new StreamEndInfo { Reason = end.Reason, Message = $"{cause.GetType()}: {cause.Message}" },
        _ => new StreamEndInfo { Reason = end.Reason, Message = end.Message, Cause = end.Cause },
    };

    public static StreamEnd? FromWire(StreamEndInfo? end) =>
        end is null ? null : new StreamEnd(end.Reason, end.Message, end.Cause);

    public static StreamWriterReport ToWire(WriterReport report, StreamHost host) => new()
    {
        Stream = report.Stream.Id,
        Incarnation = report.Stream.Incarnation,
        Writer = report.Writer,
        Confirmed = report.Confirmed,
        Put = report.Put,
        Held = report.Held,
        End = ToWire(report.End, host),
        Roster = ToWire(report.Roster),
    };

    public static WriterReport FromWire(StreamWriterReport report) => new(
        new StreamKey(report.Stream, report.Incarnation), report.Writer, report.Confirmed, report.Put, report.Held, FromWire(report.End), FromWire(report.Roster));

    public static StreamReaderReport ToWire(ReaderReport report, StreamHost host) => new()
    {
        Stream = report.Stream.Id,
        Incarnation = report.Stream.Incarnation,
        Epoch = report.Epoch,
        Received = report.Received,
        Finished = report.Finished,
        Unfinished = Array.ConvertAll(report.Unfinished, run => new StreamRun(run.First, run.Count, run.Writer, run.WriterFirst)),
        Positions = Array.ConvertAll(report.Positions, one => new StreamWriterPosition(one.Writer, one.Next)),
        End = ToWire(report.End, host),
        Roster = ToWire(report.Roster),
    };

    public static ReaderReport FromWire(StreamReaderReport report, string consumer, bool isNamed) => new(
        new StreamKey(report.Stream, report.Incarnation), report.Epoch, consumer, isNamed, report.Received, report.Finished,
        Array.ConvertAll(report.Unfinished, run => new Run(run.First, run.Count, run.Writer, run.WriterFirst)),
        Array.ConvertAll(report.Positions, one => new WriterPosition(one.Writer, one.Next)), FromWire(report.End), FromWire(report.Roster));

    private static StreamRoster? ToWire(Roster? roster) => roster is null ? null : new StreamRoster
    {
        Incarnation = roster.Incarnation,
        Version = roster.Version,
        Writers = Array.ConvertAll(roster.Writers, one => new StreamRosterEntry(one.Writer, one.EndAt, one.Outcome)),
        Consumer = roster.Consumer,
        IsNamed = roster.IsNamed,
        Epoch = roster.Epoch,
        BufferSize = roster.BufferSize,
        SubscriptionTimeout = roster.SubscriptionTimeout,
    };

    private static Roster? FromWire(StreamRoster? roster) => roster is null ? null : new Roster(
        roster.Incarnation, roster.Version, Array.ConvertAll(roster.Writers, one => new RosterEntry(one.Writer, one.EndAt, one.Outcome)),
        roster.Consumer, roster.IsNamed, roster.Epoch, roster.BufferSize, roster.SubscriptionTimeout);

    private static StreamBatch ToWire<T>(Batch<Element<T>> batch) => new()
    {
        First = batch.First,
        Writer = batch.Writer,
        WriterFirst = batch.WriterFirst,
        Count = batch.Elements.Count,
        Elements = Join<T>(batch.Elements),
    };

    /// <summary>Neighbours in one array go as a slice of it; others are copied together.</summary>
    private static ReadOnlyMemory<byte> Join<T>(ReadOnlySpan<Element<T>> elements)
    {
        var first = elements[0];
        int end = first.Offset;
        long total = 0;
        bool isOneSlice = true;
        foreach (ref readonly var element in elements)
        {
            isOneSlice &= element.Buffer == first.Buffer && element.Offset == end;
            end = element.Offset + element.Length;
            total += element.Length;
        }

        if (isOneSlice) return first.Buffer.AsMemory(first.Offset, (int)total);

        byte[] joined = new byte[total];
        int at = 0;
        foreach (ref readonly var element in elements)
        {
            element.Bytes.CopyTo(joined.AsSpan(at));
            at += element.Length;
        }

        return joined;
    }

    private static Batch<Element<T>> FromWire<T>(StreamBatch batch)
    {
        if (!System.Runtime.InteropServices.MemoryMarshal.TryGetArray(batch.Elements, out var bytes)) bytes = batch.Elements.ToArray();
        if (batch.Count < 0 || (long)batch.Count * sizeof(int) > bytes.Count)
        {
            throw new FormatException($"A batch of {bytes.Count} bytes claims {batch.Count} elements.");
        }

        var elements = new Element<T>[batch.Count];
        int at = 0;
        for (int i = 0; i < elements.Length; i++)
        {
            int left = bytes.Count - at - sizeof(int);
            int size = left < 0 ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
            if (size < 0 || size > left)
            {
                throw new FormatException($"Element {i} of a batch of {elements.Length} claims {size} bytes where {left} are left.");
            }

            elements[i] = new Element<T>(bytes.Array!, bytes.Offset + at, sizeof(int) + size);
            at += sizeof(int) + size;
        }

        return new Batch<Element<T>>(batch.First, batch.Writer, batch.WriterFirst, elements);
    }
}
