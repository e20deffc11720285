using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>Between the core's frames and what Orleans carries.</summary>
internal static class WireFormat
{
    private const int LongestMessage = 4096;

    public static StreamFrame ToWire<T>(Frame<Element<T>> frame, Guid to, StreamHost host) => new()
    {
        To = to,
        Stream = frame.Stream.Id,
        Incarnation = frame.Stream.Incarnation,
        Peer = frame.Peer,
        Batches = frame.Batches.Length == 0 ? null : WireBatches.ToWire<T>(frame.Batches),
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
        Finished = frame.Finished,
        Delivery = frame.Delivery,
        Settled = frame.Settled,
        Dropped = frame.Dropped,
        IsOver = frame.IsOver,
    };

    /// <summary>A frame that is none carries nothing but what is wrong with it: it matters only if it is of the stream.</summary>
    public static Frame<Element<T>> FromWire<T>(StreamFrame frame, StreamHost host, bool mayHaveHoles)
    {
        var stream = new StreamKey(frame.Stream, frame.Incarnation);
        if (WireCheck.FlawOf(frame, host, mayHaveHoles) is { } flaw) return new Frame<Element<T>>(stream, frame.Peer, [], Flaw: flaw);

        return new Frame<Element<T>>(
            stream, frame.Peer,
            frame.Batches is { } batches ? Array.ConvertAll(batches, WireBatches.FromWire<T>) : [],
            frame.EndAt, FromWire(frame.End), frame.Wanted, frame.Grant, frame.Held, frame.Leaving, frame.IsHeldBack,
            frame.Number, FromWire(frame.Roster), frame.RosterSeen, frame.IsMoved, frame.Finished,
            frame.Delivery, frame.Settled, frame.Dropped, frame.IsOver);
    }

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
        IsAsking = demand.IsAsking,
    };

    public static Demand FromWire(StreamDemand demand)
    {
        var stream = new StreamKey(demand.Stream, demand.Incarnation);
        if (WireCheck.FlawOf(demand) is { } flaw) return new Demand(stream, demand.Peer, 0, 0, 0, Flaw: flaw);

        return new Demand(
            stream, demand.Peer, demand.Received, demand.Confirmed, demand.Limit,
            demand.Grant, FromWire(demand.End), (Leave)demand.Leave, FromWire(demand.Roster), demand.RosterSeen,
            demand.IsMoved, demand.IsAsking);
    }

    /// <summary>A cause that Orleans cannot carry would keep the end itself from arriving: it goes by its name.</summary>
    public static StreamEndInfo? ToWire(StreamEnd? end, StreamHost host) => end switch
    {
        null => null,
        { Cause: { } cause } when !host.CanCarry(cause) => new StreamEndInfo { Reason = end.Reason, Message = Short(StreamEnd.NameOf(cause)) },
        _ => new StreamEndInfo { Reason = end.Reason, Message = Short(end.Message), Cause = end.Cause },
    };

    public static StreamEnd? FromWire(StreamEndInfo? end) =>
        end is null ? null : new StreamEnd(end.Reason, Short(end.Message), end.Cause);

    /// <summary>A message is for people. It is told to every end, and kept with how a stream ended.</summary>
    private static string? Short(string? message) => message is { Length: > LongestMessage } ? $"{message.AsSpan(0, LongestMessage)}…" : message;

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
        JoinedAt = new StreamRosterMark(report.JoinedAt.Incarnation, report.JoinedAt.Version),
        Opened = report.Opened,
    };

    public static WriterReport FromWire(StreamWriterReport report) => new(
        new StreamKey(report.Stream, report.Incarnation), report.Writer, report.Confirmed, report.Put, report.Held, FromWire(report.End),
        FromWire(report.Roster), new RosterMark(report.JoinedAt.Incarnation, report.JoinedAt.Version), report.Opened);

    public static StreamReaderReport ToWire(ReaderReport report, StreamHost host) => new()
    {
        Stream = report.Stream.Id,
        Incarnation = report.Stream.Incarnation,
        Epoch = report.Epoch,
        Received = report.Received,
        Finished = report.Finished,
        Unfinished = Array.ConvertAll(report.Unfinished, run => new StreamRun(run.First, run.Count, run.Writer, run.WriterFirst)),
        Positions = ToWire(report.Positions),
        End = ToWire(report.End, host),
        Roster = ToWire(report.Roster),
        Opened = report.Opened,
        Delivery = report.Delivery,
    };

    public static ReaderReport FromWire(StreamReaderReport report, string consumer, bool isNamed) => new(
        new StreamKey(report.Stream, report.Incarnation), report.Epoch, consumer, isNamed, report.Received, report.Finished,
        Array.ConvertAll(report.Unfinished, run => new Run(run.First, run.Count, run.Writer, run.WriterFirst)),
        FromWire(report.Positions), FromWire(report.End), FromWire(report.Roster), report.Opened, report.Delivery);

    public static StreamWriterPosition[] ToWire(WriterPosition[] positions) => Array.ConvertAll(positions, one => new StreamWriterPosition(one.Writer, one.Next));

    public static WriterPosition[] FromWire(StreamWriterPosition[] positions) => Array.ConvertAll(positions, one => new WriterPosition(one.Writer, one.Next));

    public static StreamRoster? ToWire(Roster? roster) => roster is null ? null : new StreamRoster
    {
        Incarnation = roster.Incarnation,
        Version = roster.Version,
        Writers = Array.ConvertAll(roster.Writers, one => new StreamRosterEntry(one.Writer, one.EndAt, one.Outcome, one.Finished)),
        Consumer = roster.Consumer,
        IsNamed = roster.IsNamed,
        IsRead = roster.IsRead,
        Epoch = roster.Epoch,
        BufferSize = roster.BufferSize,
        SubscriptionTimeout = roster.SubscriptionTimeout,
        Basis = Array.ConvertAll(roster.Basis, mark => new StreamRosterMark(mark.Incarnation, mark.Version)),
        IsCertain = roster.IsCertain,
        UnreadFor = roster.UnreadFor,
        Reader = roster.Reader,
        Delivery = roster.Fan?.Delivery,
        SlowConsumer = roster.Fan?.SlowConsumer ?? StreamSlowConsumer.Wait,
        Subscriptions = Array.ConvertAll(roster.Fan?.Subscriptions ?? [], ToWire),
    };

    private static StreamSubscriptionEntry ToWire(SubscriptionEntry entry) => new()
    {
        Consumer = entry.Consumer,
        IsNamed = entry.IsNamed,
        IsRead = entry.IsRead,
        Epoch = entry.Epoch,
        Reader = entry.Reader,
        Positions = ToWire(entry.Positions),
        IsOvertaken = entry.IsOvertaken,
        IsDismissed = entry.IsDismissed,
    };

    private static SubscriptionEntry FromWire(StreamSubscriptionEntry entry) => new(
        entry.Consumer, entry.IsNamed, entry.IsRead, entry.Epoch, entry.Reader, FromWire(entry.Positions), entry.IsOvertaken, entry.IsDismissed);

    public static Roster? FromWire(StreamRoster? roster) => roster is null ? null : new Roster(
        roster.Incarnation, roster.Version, Array.ConvertAll(roster.Writers, one => new RosterEntry(one.Writer, one.EndAt, one.Outcome, one.Finished)),
        roster.Consumer, roster.IsNamed, roster.IsRead, roster.Epoch, roster.BufferSize, roster.SubscriptionTimeout,
        Array.ConvertAll(roster.Basis, mark => new RosterMark(mark.Incarnation, mark.Version)), roster.IsCertain, roster.UnreadFor, roster.Reader,
        roster.Delivery is { } delivery ? new FanRoster(delivery, roster.SlowConsumer, Array.ConvertAll(roster.Subscriptions, FromWire)) : null);
}
