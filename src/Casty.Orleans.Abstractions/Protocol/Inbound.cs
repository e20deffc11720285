using System.Diagnostics;

namespace Casty.Orleans.Protocol;

/// <summary>
/// The receiving half of a leg: puts batches back into their order, drops what came twice, and keeps what came early
/// in a stash that its own grant bounds (P-04).
/// </summary>
internal sealed class Inbound<T>(long start = 0)
{
    private SortedList<long, Batch<T>>? _early;
    private StreamEnd? _end;
    private long _endAt = -1;

    /// <summary>Everything before it has been handed on; with the end, one more than the elements.</summary>
    public long Received { get; private set; } = start;

    /// <summary>The sender may use positions before it.</summary>
    public long Limit { get; private set; } = start;

    /// <summary>How the sender ended, once everything before its end has arrived.</summary>
    public StreamEnd? End { get; private set; }

    /// <summary>How many elements came that had come before.</summary>
    public long Dropped { get; private set; }

    /// <summary>How many batches came before earlier ones.</summary>
    public long Early { get; private set; }

    /// <summary>How many elements wait for earlier ones.</summary>
    public int Stashed { get; private set; }

    /// <summary>Lets the sender use positions before <paramref name="limit"/>.</summary>
    public void Grant(long limit) => Limit = Math.Max(Limit, limit);

    /// <summary>The sender gave credit back (P-08).</summary>
    public void Lower(long limit) => Limit = Math.Max(limit, Received);

    /// <summary>Takes a batch; what is now in order is appended to <paramref name="ready"/>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="ready">Receives the batches that are next in order.</param>
    /// <param name="violation">What is wrong with the batch, where the verdict says so.</param>
    public Verdict OnBatch(Batch<T> batch, List<Batch<T>> ready, out string? violation)
    {
        violation = null;
        if (batch.Elements.Count == 0)
        {
            violation = $"A batch at position {batch.First} is empty.";
            return Verdict.Violation;
        }

        // Not "Next > Limit": an absurd position would overflow and look small.
        if (batch.First < 0 || batch.First > Limit - batch.Elements.Count)
        {
            violation = $"A batch of {batch.Elements.Count} begins at {batch.First} but only positions before {Limit} were asked for.";
            return Verdict.Violation;
        }

        if (_endAt >= 0 && batch.Next > _endAt)
        {
            violation = $"A batch covers positions {batch.First} to {batch.Next - 1} but the sender had ended at {_endAt}.";
            return Verdict.Violation;
        }

        int all = batch.Elements.Count;
        if (End is not null || batch.Next <= Received) return Drop(all);
        if (batch.First < Received) batch = batch.Skip(Received - batch.First);
        Dropped += all - batch.Elements.Count;

        if (batch.First > Received) return Stash(batch);

        ready.Add(batch);
        Received = batch.Next;
        Unstash(ready);
        return Verdict.Accepted;
    }

    /// <summary>Takes the sender's end, which stands at <paramref name="endAt"/>.</summary>
    public Verdict OnEnd(long endAt, StreamEnd end, out string? violation)
    {
        violation = null;
        if (_endAt >= 0)
        {
            if (endAt == _endAt) return Verdict.Duplicate;
            violation = $"The sender ended at {endAt} but had ended at {_endAt} before.";
            return Verdict.Violation;
        }

        if (end.Reason == StreamEndReason.None)
        {
            violation = "The sender ended without a reason.";
            return Verdict.Violation;
        }

        if (endAt < Received || endAt > Limit || (_early is { Count: > 0 } && endAt < _early.Values[^1].Next))
        {
            violation = $"The sender ended at {endAt} but {Received} had arrived and {Limit} were asked for.";
            return Verdict.Violation;
        }

        _endAt = endAt;
        _end = end;
        Settle();
        return Verdict.Accepted;
    }

    /// <summary>The sender lost its memory: what came early may come in another order from the one in its place (P-15).</summary>
    public void Forget()
    {
        Clear();
        if (End is not null) return;
        _end = null;
        _endAt = -1;
    }

    /// <summary>Drops what waits for earlier elements: nobody wants it any more (P-11).</summary>
    public void Clear()
    {
        _early = null;
        Stashed = 0;
    }

    private Verdict Stash(Batch<T> batch)
    {
        _early ??= [];

        // The stash never overlaps, so the grant bounds it. What is cut off here comes again: it counts as lost.
        int at = Successor(batch.First);
        if (at > 0 && _early.Values[at - 1].Next is var before && before > batch.First)
        {
            if (before >= batch.Next) return Drop(batch.Elements.Count);
            batch = batch.Skip(before - batch.First);
        }

        if (at < _early.Count && _early.Keys[at] is var after && after < batch.Next)
        {
            if (after == batch.First) return Drop(batch.Elements.Count);
            batch = batch.Take(after - batch.First);
        }

        _early.Add(batch.First, batch);
        Stashed += batch.Elements.Count;
        Early++;
        return Verdict.Accepted;
    }

    private Verdict Drop(int elements)
    {
        Dropped += elements;
        return Verdict.Duplicate;
    }

    private void Unstash(List<Batch<T>> ready)
    {
        while (_early is { Count: > 0 } && _early.Keys[0] <= Received)
        {
            var batch = _early.Values[0];
            _early.RemoveAt(0);
            Stashed -= batch.Elements.Count;
            long again = Math.Clamp(Received - batch.First, 0, batch.Elements.Count);
            Dropped += again;
            if (again == batch.Elements.Count) continue;
            if (again > 0) batch = batch.Skip(again);
            ready.Add(batch);
            Received = batch.Next;
        }

        Settle();
    }

    private void Settle()
    {
        if (_end is not null && Received == _endAt)
        {
            End = _end;
            Received++;
        }

        Debug.Assert(Stashed >= 0 && (End is null || Stashed == 0));
    }

    /// <summary>The index of the first stashed batch that does not begin before <paramref name="position"/>.</summary>
    private int Successor(long position)
    {
        int low = 0, high = _early!.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_early.Keys[middle] < position) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
