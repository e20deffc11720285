using System.Buffers;

namespace Casty.Orleans.Protocol;

/// <summary>A reader's leg, as its sender has it: the elements, and which of them are whose.</summary>
/// <param name="outbound">The elements.</param>
internal sealed class Leg<T>(Outbound<T> outbound)
{
    private readonly RingBuffer<Run> _runs = new();
    private long _next;   // the run that the next element to be sent is in, or one before it

    public Outbound<T> Out { get; private set; } = outbound;

    /// <summary>Whose the elements are that are not confirmed.</summary>
    public RingBuffer<Run> Runs => _runs;

    public void Append(Batch<T> batch)
    {
        long last = _runs.End - 1;
        if (_runs.Count > 0 && _runs[last] is var run && run.Writer == batch.Writer && run.WriterFirst + run.Count == batch.WriterFirst)
        {
            // One run for as long as one writer has the word: its frames to the reader need not be as small as it sent them.
            _runs[last] = run with { Count = run.Count + batch.Elements.Count };
            _next = Math.Min(_next, last);
        }
        else
        {
            _runs.Append(new Run(Out.Next, batch.Elements.Count, batch.Writer, batch.WriterFirst));
        }

        Out.Append(batch.Elements);
    }

    /// <summary>Takes what may leave now, a batch for each run.</summary>
    public Batch<T>[] Take(int maxElements, long maxBytes)
    {
        List<Batch<T>>? batches = null;
        Batch<T> single = default;
        int count = 0;
        _next = Math.Max(_next, _runs.Start);
        while (maxElements > 0 && _next < _runs.End)
        {
            var run = _runs[_next];
            long left = run.End - Out.Sent;
            if (left <= 0)
            {
                _next++;
                continue;
            }

            if (!Out.TryTake((int)Math.Min(maxElements, left), ref maxBytes, out long first, out var elements)) break;

            var batch = new Batch<T>(first, run.Writer, run.WriterFirst + (first - run.First), elements);
            if (count++ == 0) single = batch;
            else (batches ??= [single]).Add(batch);
            maxElements -= elements.Count;
        }

        return batches?.ToArray() ?? (count == 0 ? [] : [single]);
    }

    /// <summary>Takes a run of which something was confirmed.</summary>
    /// <param name="run">The run.</param>
    /// <param name="done">How many of its elements are confirmed.</param>
    /// <returns>False where there is none; else <paramref name="run"/> is forgotten if it is confirmed as a whole.</returns>
    public bool TryTakeConfirmed(out Run run, out long done)
    {
        if (_runs.Count > 0)
        {
            run = _runs[_runs.Start];
            done = Math.Min(Out.Confirmed - run.First, run.Count);
            if (done == run.Count) _runs.DropBefore(_runs.Start + 1);
            return done > 0;
        }

        run = default;
        done = 0;
        return false;
    }

    /// <summary>Sends again from what is known to have arrived (P-05).</summary>
    public void Rewind()
    {
        Out.Rewind();
        RewindRuns();
    }

    /// <summary>A new far end begins at <paramref name="position"/>, with nothing asked for (P-09). False if that is not here any more.</summary>
    public bool TryRestart(long position)
    {
        bool isHere = Out.TryRestart(position);
        RewindRuns();
        return isHere;
    }

    /// <summary>Goes on behind a reader that has had some already.</summary>
    /// <param name="outbound">The elements from then on.</param>
    /// <param name="unfinished">Whose those are that the reader has and has not finished.</param>
    public void Seat(Outbound<T> outbound, ReadOnlySpan<Run> unfinished)
    {
        Out = outbound;
        foreach (var run in unfinished) _runs.Append(run);
        _next = _runs.End;
    }

    /// <summary>Takes everything that it holds.</summary>
    public List<Batch<T>> TakeHeld()
    {
        var held = new List<Batch<T>>();
        for (long i = _runs.Start; i < _runs.End; i++)
        {
            var run = _runs[i];
            var elements = new T[run.Count];
            for (int at = 0; at < elements.Length; at++) Out.TryPeek(run.First + at, out elements[at]);
            held.Add(new Batch<T>(run.First, run.Writer, run.WriterFirst, elements));
        }

        _runs.Clear();
        return held;
    }

    /// <summary>Gives memory back that a burst took; to be called now and then, as long as it says that there may be more.</summary>
    public bool Trim() => Out.Trim() | _runs.Trim();

    /// <summary>Drops everything (P-11).</summary>
    public void Clear()
    {
        Out.Clear();
        _runs.Clear();
    }

    private void RewindRuns()
    {
        while (_next > _runs.Start && _runs[_next - 1].End > Out.Sent) _next--;
    }
}
