namespace Casty.Orleans.Protocol;

/// <summary>One writer of a stream, as its other ends know it.</summary>
/// <param name="Writer">The writer's number; 0 stands for all who have ended, whether they are still there or not.</param>
/// <param name="EndAt">How many elements it put in all; −1 while it has not ended.</param>
/// <param name="Outcome">How it ended; <see cref="StreamEndReason.None"/> while it has not.</param>
/// <param name="Finished">How many of its elements the reader had finished when the roster was written.</param>
internal readonly record struct RosterEntry(long Writer, long EndAt, StreamEndReason Outcome, long Finished = 0);

/// <summary>A state of the roster.</summary>
/// <param name="Incarnation">The producer's lifetime that wrote it.</param>
/// <param name="Version">Only grows within a lifetime.</param>
internal readonly record struct RosterMark(long Incarnation, long Version);

/// <summary>
/// Who belongs to a stream. The producer's other ends carry it, so that one that takes its place knows whom to wait for, and
/// never takes a stream for complete that lost a writer with its producer (P-15).
/// </summary>
/// <param name="Incarnation">The producer's lifetime that wrote it.</param>
/// <param name="Version">Only grows within an incarnation.</param>
/// <param name="Writers">The writers that have not ended, or whose elements the reader has not finished.</param>
/// <param name="Consumer">The subscription's name; null while there is none.</param>
/// <param name="IsNamed">The subscription outlives its reader.</param>
/// <param name="IsRead">It has a reader now.</param>
/// <param name="Epoch">The newest reader's epoch.</param>
/// <param name="BufferSize">The stream's buffer size.</param>
/// <param name="SubscriptionTimeout">The stream's subscription timeout.</param>
/// <param name="Basis">What earlier lifetimes' rosters went into it.</param>
/// <param name="IsCertain">Nobody joins after it without being known to who was given it, unless that end falls silent.</param>
/// <param name="UnreadFor">For how long nobody had read when it was written; where a writer reports it, when it does.</param>
/// <param name="Reader">The end that has the reader's place (P-17).</param>
/// <param name="Fan">Who the consumers are, where there may be several (P-19).</param>
internal sealed record Roster(
    long Incarnation, long Version, RosterEntry[] Writers, string? Consumer, bool IsNamed, bool IsRead, long Epoch, int BufferSize, TimeSpan SubscriptionTimeout,
    RosterMark[] Basis, bool IsCertain = false, TimeSpan UnreadFor = default, Guid Reader = default, FanRoster? Fan = null)
{
    public RosterMark Mark => new(Incarnation, Version);

    /// <summary>Of two rosters the one of the later lifetime counts, and of one lifetime the later.</summary>
    public bool IsNewerThan(Roster? other) =>
        other is null || Incarnation > other.Incarnation
        || (Incarnation == other.Incarnation && (Version > other.Version || (Version == other.Version && IsCertain && !other.IsCertain)));

    /// <summary>It knows all that was known there. Of two lifetimes that did not know of each other, neither does.</summary>
    public bool Covers(RosterMark other) => Covers(Mark, other) || Array.Exists(Basis, mark => Covers(mark, other));

    private static bool Covers(RosterMark mark, RosterMark other) => mark.Incarnation == other.Incarnation && mark.Version >= other.Version;
}

/// <summary>Consecutive elements of one writer at consecutive positions of the reader's leg.</summary>
internal readonly record struct Run(long First, long Count, long Writer, long WriterFirst)
{
    public long End => First + Count;
}

/// <summary>How far a reader has got with one writer: the position of the next element that it expects.</summary>
internal readonly record struct WriterPosition(long Writer, long Next);

/// <summary>What a writer tells a producer that does not know it (P-15).</summary>
/// <param name="Stream">The stream and the lifetime that it last belonged to.</param>
/// <param name="Writer">Its number.</param>
/// <param name="Confirmed">It still has everything from here on.</param>
/// <param name="Put">How many elements it has put.</param>
/// <param name="Held">The credit limit that it holds: it may have put so much by the time it is answered.</param>
/// <param name="End">How it ended, or null.</param>
/// <param name="Roster">The newest roster that it has seen, or null.</param>
/// <param name="JoinedAt">The state of the roster when it joined the stream.</param>
/// <param name="Opened">The last lifetime that it has heard of when it was not being rebuilt: nobody could join one that was.</param>
internal sealed record WriterReport(
    StreamKey Stream, long Writer, long Confirmed, long Put, long Held, StreamEnd? End, Roster? Roster, RosterMark JoinedAt = default, long Opened = 0);

/// <summary>What a reader tells a producer that does not know it (P-15).</summary>
/// <param name="Stream">The stream and the lifetime that it last belonged to.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Consumer">Its subscription's name.</param>
/// <param name="IsNamed">The subscription outlives it.</param>
/// <param name="Received">How many elements have reached it.</param>
/// <param name="Finished">How many of them are finished.</param>
/// <param name="Unfinished">Whose the others are; of a balanced stream, with what the writers may not know to be finished before them.</param>
/// <param name="Positions">How far it is with each writer.</param>
/// <param name="End">The stream's end, if that has reached it.</param>
/// <param name="Roster">The newest roster that it has seen, or null.</param>
/// <param name="Opened">The last lifetime that it has heard of when it was not being rebuilt: nobody could join one that was.</param>
/// <param name="Delivery">Whom the stream's elements go to.</param>
internal sealed record ReaderReport(
    StreamKey Stream, long Epoch, string Consumer, bool IsNamed, long Received, long Finished, Run[] Unfinished,
    WriterPosition[] Positions, StreamEnd? End, Roster? Roster, long Opened = 0, StreamDelivery Delivery = StreamDelivery.Single)
{
    /// <summary>It has been given nothing, and began with each writer at its first element.</summary>
    public bool HasNothing => this is { Received: 0, Positions: [] };
}

/// <summary>What a reader is told that has subscribed.</summary>
/// <param name="Stream">The stream as it was then.</param>
/// <param name="Epoch">The reader's number.</param>
/// <param name="Position">The position of its first element.</param>
/// <param name="Roster">Who belongs to the stream; null where this reader is not to carry it.</param>
/// <param name="Positions">Of a broadcast: where it begins with each writer; with those that are not named, at their first element.</param>
internal sealed record JoinedReader(StreamKey Stream, long Epoch, long Position, Roster? Roster, WriterPosition[] Positions);
