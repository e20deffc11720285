using System.Buffers;

namespace Casty.Orleans.Protocol;

/// <summary>Consecutive elements of one writer, at consecutive positions of a leg.</summary>
/// <param name="First">The leg's position of the first element, from 0.</param>
/// <param name="Writer">Who put them.</param>
/// <param name="WriterFirst">The writer's own position of the first element; on the writer's leg the same as <paramref name="First"/>.</param>
/// <param name="Elements">The elements.</param>
internal readonly record struct Batch<T>(long First, long Writer, long WriterFirst, ArraySegment<T> Elements)
{
    public long Next => First + Elements.Count;

    /// <summary>The same batch without its first <paramref name="count"/> elements.</summary>
    public Batch<T> Skip(long count) =>
        new(First + count, Writer, WriterFirst + count, Elements[(int)count..]);

    /// <summary>The first <paramref name="count"/> elements of the batch.</summary>
    public Batch<T> Take(long count) => this with { Elements = Elements[..(int)count] };

    /// <summary>Gives the array back. For who has it last: whoever takes a batch in, or sends it to another process.</summary>
    public void Free(ArrayPool<T>? pool) => pool?.Return(Elements.Array!, clearArray: true);
}

/// <summary>What a sender of elements says: a writer to its producer, or a producer to its reader.</summary>
/// <param name="Stream">The stream and the producer's lifetime that the sender knows.</param>
/// <param name="Peer">The writer's number, or the reader's epoch.</param>
/// <param name="Batches">The elements; may be empty, as in a probe.</param>
/// <param name="EndAt">The position of the end, one past the last element; −1 where the frame carries no end.</param>
/// <param name="End">How this sender ended; null where the frame carries no end.</param>
/// <param name="Wanted">Writer's leg: the position up to which the writer would put if it could.</param>
/// <param name="Grant">Writer's leg: the newest grant that the writer has seen.</param>
/// <param name="Held">Writer's leg: the credit limit that the writer holds under that grant.</param>
/// <param name="Roster">Reader's leg: who belongs to the stream, where the reader does not know it yet.</param>
/// <param name="RosterSeen">Writer's leg: the version of the newest roster that the writer has.</param>
/// <param name="IsMoved">Reader's leg: this lifetime of the producer is over; its grain knows how the stream goes on (P-15).</param>
/// <param name="IsHeldBack">Reader's leg: more elements are there, and wait for demand alone.</param>
/// <param name="Leaving">Writer's leg: the writer has learnt its outcome and will not ask again.</param>
/// <param name="Number">Writer's leg: counts the writer's frames, so that what was overtaken is not taken for its latest word.</param>
/// <param name="Finished">Writer's leg: as far as the writer knows, the reader has finished its elements before this position (P-16).</param>
/// <param name="Delivery">Reader's leg: whom the elements go to, where there may be several.</param>
/// <param name="Settled">Reader's leg of a balanced stream: before this position it need not remember what it has finished (P-19).</param>
/// <param name="Dropped">Reader's leg of a broadcast: how many elements were dropped for this consumer.</param>
/// <param name="IsOver">Reader's leg: the stream is over at once, whatever it holds; the end stands at no position (P-11).</param>
/// <param name="Flaw">What is wrong with a message that could not even be read; null where it could.</param>
internal readonly record struct Frame<T>(
    StreamKey Stream,
    long Peer,
    Batch<T>[] Batches,
    long EndAt = -1,
    StreamEnd? End = null,
    long Wanted = 0,
    long Grant = 0,
    long Held = 0,
    bool Leaving = false,
    bool IsHeldBack = false,
    long Number = 0,
    Roster? Roster = null,
    long RosterSeen = 0,
    bool IsMoved = false,
    long Finished = 0,
    StreamDelivery? Delivery = null,
    long Settled = 0,
    long Dropped = 0,
    bool IsOver = false,
    string? Flaw = null);

/// <summary>How a reader leaves.</summary>
internal enum Leave
{
    None = 0,
    Cancel = 1,
    Detach = 2,
}

/// <summary>What a receiver of elements says: a producer to a writer, or a reader to its producer.</summary>
/// <param name="Stream">The stream and the producer's lifetime that the sender of this demand knows.</param>
/// <param name="Peer">The writer's number, or the reader's epoch.</param>
/// <param name="Received">Everything before this position has arrived; the end counts as one position.</param>
/// <param name="Confirmed">Everything before this position is finished: the sender may forget it.</param>
/// <param name="Limit">Elements before this position may be sent.</param>
/// <param name="Grant">Writer's leg: the number of the grant; a higher one may lower the limit (P-08).</param>
/// <param name="End">To a writer: how the stream ended, once it has.</param>
/// <param name="Leave">From a reader: it leaves, and how.</param>
/// <param name="Roster">To a writer: who belongs to the stream, where the writer is to know it.</param>
/// <param name="RosterSeen">From a reader: the version of the newest roster that it has.</param>
/// <param name="IsMoved">To a writer: this lifetime of the producer is over; its grain knows how the stream goes on (P-15).</param>
/// <param name="IsAsking">To a writer: somebody waits for it to know this, and to say so (P-16).</param>
/// <param name="Flaw">What is wrong with a message that could not even be read; null where it could.</param>
internal readonly record struct Demand(
    StreamKey Stream,
    long Peer,
    long Received,
    long Confirmed,
    long Limit,
    long Grant = 0,
    StreamEnd? End = null,
    Leave Leave = Leave.None,
    Roster? Roster = null,
    long RosterSeen = 0,
    bool IsMoved = false,
    bool IsAsking = false,
    string? Flaw = null);
