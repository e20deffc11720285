using System.Buffers;

namespace Casty.Orleans.Protocol;

/// <summary>
/// One consumer of a stream that has several: its leg, with positions of its own, and where in the stream those are. "Place" is a
/// position of the stream's one order, which all consumers share.
/// </summary>
internal sealed class Subscription<T>
{
    private readonly RingBuffer<Stretch> _stretches = new();
    private readonly Func<T, int>? _sizeOf;
    private readonly ArrayPool<T>? _pool;
    private RingBuffer<Batch<T>>? _waiting;   // what it has not asked for, where it does not hold the others up

    public Subscription(string consumer, bool isNamed, StreamTimings timings, Func<T, int>? sizeOf, ArrayPool<T>? pool)
    {
        Consumer = consumer;
        IsNamed = isNamed;
        Retry = new RetryTimer(timings);
        _sizeOf = sizeOf;
        _pool = pool;
        Leg = new Leg<T>(new Outbound<T>(0, sizeOf, pool: pool));
    }

    public string Consumer { get; }

    public bool IsNamed { get; set; }

    public long Epoch { get; set; }

    /// <summary>The end that reads.</summary>
    public Guid Reader { get; set; }

    /// <summary>The process that it is in; empty where that is the producer's own.</summary>
    public Guid Process { get; set; }

    public bool IsAttached { get; set; }

    /// <summary>Its reader was sent away for another one that has not come yet.</summary>
    public bool IsFenced { get; set; }

    /// <summary>It had a reader before the producer was lost, which has not come since.</summary>
    public bool IsExpected { get; set; }

    /// <summary>A place is kept for a reader that had joined a run that gave way to this one (P-15), and that is about to join here.</summary>
    public bool IsReserved { get; set; }

    /// <summary>Nobody of that name has read before its reader.</summary>
    public bool IsNew { get; set; }

    /// <summary>Balanced: only its name is kept, by which whoever reads for a grain is brought back; others have what it had not finished.</summary>
    public bool IsAway { get; set; }

    public TimeSpan HeardAt { get; set; }

    public TimeSpan UnreadSince { get; set; }

    public Leg<T> Leg { get; private set; }

    public RetryTimer Retry;

    /// <summary>The state of the roster when its reader joined.</summary>
    public long JoinedAt { get; set; } = long.MaxValue;

    /// <summary>Others know that its reader belongs to the stream: two that have just joined must not vouch for each other (P-15).</summary>
    public bool IsEstablished { get; set; }

    /// <summary>It is to carry the roster.</summary>
    public bool IsKeeper { get; set; }

    /// <summary>It did not answer when somebody waited for it to know the roster, and has not spoken since.</summary>
    public bool IsSilent { get; set; }

    public long RosterSeen { get; set; }

    public long RosterSaid { get; set; }

    /// <summary>How many elements were dropped for it.</summary>
    public long Dropped { get; private set; }

    /// <summary>How many elements wait until it asks for them, apart from those on its leg.</summary>
    public long Waiting { get; private set; }

    /// <summary>It holds elements that the writers were told to be finished.</summary>
    public bool IsOvertaken { get; set; }

    /// <summary>Balanced: it was given elements that it has not said it received, and that the writers were told to be finished.</summary>
    public bool IsForsaken { get; set; }

    /// <summary>It was overtaken when that was last known.</summary>
    public void Overtaken(SubscriptionEntry entry) => (IsOvertaken, IsForsaken) = (entry.IsOvertaken, entry.IsDismissed);

    /// <summary>Balanced: what was given to it, as long as the writers may send it again.</summary>
    public RingBuffer<Run> History { get; private set; } = new();

    /// <summary>Balanced: before this position of its leg, its reader need not remember what it has finished.</summary>
    public long Settled { get; set; }

    /// <summary>What it has from an earlier lifetime of the producer; null where that is nothing.</summary>
    public Seat<T>? Seat { get; private set; }

    /// <summary>Why it was sent away; null while it belongs to the stream.</summary>
    public StreamEnd? Dismissal { get; private set; }

    /// <summary>All that it is to get has been put on its leg.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>The reader has finished everything, the end included.</summary>
    public bool IsDone => Leg.Out.IsEnded && Leg.Out.Confirmed >= Leg.Out.Top;

    /// <summary>How many more elements it has asked for.</summary>
    public long Room => IsAttached && !IsEnded ? Math.Max(0, Leg.Out.Limit - Leg.Out.Next - Waiting) : 0;

    /// <summary>How many elements it has and has not finished, or waits for.</summary>
    public long Unfinished => Leg.Out.Next - Leg.Out.Confirmed + Waiting;

    /// <summary>Puts a batch, whose first position is its place, on the leg.</summary>
    public void Append(Batch<T> batch)
    {
        if (Leg.Out.IsEnded) return;

        long last = _stretches.End - 1;
        if (_stretches.Count > 0 && _stretches[last] is var stretch && stretch.Place + stretch.Count == batch.First)
        {
            _stretches[last] = stretch with { Count = stretch.Count + batch.Elements.Count };
        }
        else
        {
            _stretches.Append(new Stretch(Leg.Out.Next, batch.Elements.Count, batch.First));
        }

        Leg.Append(batch);
    }

    /// <summary>Keeps a batch until it is asked for; the batch is not to be given back.</summary>
    public void Await(Batch<T> batch)
    {
        if (IsEnded) return;
        (_waiting ??= new()).Append(batch);
        Waiting += batch.Elements.Count;
    }

    /// <summary>Moves what it has asked for on to the leg.</summary>
    public void Fill()
    {
        while (Waiting > 0 && IsAttached && Leg.Out.Limit > Leg.Out.Next)
        {
            var batch = _waiting![_waiting.Start];
            long count = Math.Min(batch.Elements.Count, Leg.Out.Limit - Leg.Out.Next);
            Waiting -= count;
            Append(batch.Take(count));
            TakeOff(batch, count);
        }

        if (IsEnded && Waiting == 0) Leg.Out.End();
    }

    /// <summary>The stream's end follows what it has and waits for.</summary>
    public void End()
    {
        IsEnded = true;
        Fill();
    }

    /// <summary>It gets what is on its leg, and then an end of its own.</summary>
    public void Dismiss(StreamEnd how)
    {
        Dismissal = how;
        _waiting?.Clear();
        Waiting = 0;
        End();
    }

    /// <summary>Drops the oldest of what waits.</summary>
    public void Drop(long count)
    {
        while (count > 0 && Waiting > 0)
        {
            var batch = _waiting![_waiting.Start];
            long more = Math.Min(batch.Elements.Count, count);
            Waiting -= more;
            Dropped += more;
            count -= more;
            TakeOff(batch, more);
        }
    }

    private void TakeOff(Batch<T> batch, long count)
    {
        if (count == batch.Elements.Count) _waiting!.DropBefore(_waiting.Start + 1);
        else _waiting![_waiting.Start] = batch.Skip(count);
    }

    /// <summary>What was confirmed since this was asked last, as places. What was not seen again of an earlier lifetime has none.</summary>
    public void TakeConfirmed(Action<long, long> onPlaces)
    {
        Seat?.TakeConfirmed(Leg.Out.Confirmed, onPlaces);
        while (Leg.TryTakeConfirmed(out var run, out long done) && done == run.Count)
        {
        }

        while (_stretches.Count > 0)
        {
            var stretch = _stretches[_stretches.Start];
            long done = Math.Min(Leg.Out.Confirmed - stretch.First, stretch.Count);
            if (done <= 0) break;

            onPlaces(stretch.Place, stretch.Place + done);
            if (done == stretch.Count) _stretches.DropBefore(_stretches.Start + 1);
            else _stretches[_stretches.Start] = new Stretch(stretch.First + done, stretch.Count - done, stretch.Place + done);
        }
    }

    /// <summary>Everything before it is finished here, if the stream is at <paramref name="next"/>.</summary>
    public long FinishedPlace(long next)
    {
        if (Seat is { IsFinished: false } seat) return seat.Place;
        if (_stretches.Count > 0) return _stretches[_stretches.Start].Place;
        return Waiting > 0 ? _waiting![_waiting.Start].First : next;
    }

    /// <summary>The earliest place of what it has not finished.</summary>
    public long OldestPlace(long next)
    {
        long oldest = Seat is { IsFinished: false } seat ? seat.Place : next;
        for (long i = _stretches.Start; i < _stretches.End; i++) oldest = Math.Min(oldest, _stretches[i].Place);
        return oldest;
    }

    /// <summary>The earliest place of what it has not said it received.</summary>
    public long UnreceivedPlace(long next)
    {
        long earliest = next;
        for (long i = _stretches.End - 1; i >= _stretches.Start; i--)
        {
            var stretch = _stretches[i];
            if (stretch.First + stretch.Count <= Leg.Out.Received) break;
            earliest = Math.Min(earliest, stretch.Place + Math.Max(0, Leg.Out.Received - stretch.First));
        }

        return earliest;
    }

    /// <summary>What it has not finished, with its places.</summary>
    public IEnumerable<Batch<T>> Held()
    {
        foreach (var batch in Seat?.Held ?? []) yield return batch;
        for (long i = Leg.Runs.Start; i < Leg.Runs.End; i++)
        {
            var run = Leg.Runs[i];
            for (long at = Math.Max(Math.Max(run.First, Leg.Out.Confirmed), Seat?.End ?? 0); at < run.End;)
            {
                var stretch = StretchAt(at);
                var elements = new T[Math.Min(run.End, stretch.First + stretch.Count) - at];
                for (int j = 0; j < elements.Length; j++) Leg.Out.TryPeek(at + j, out elements[j]);
                yield return new Batch<T>(stretch.Place + (at - stretch.First), run.Writer, run.WriterFirst + (at - run.First), elements);
                at += elements.Length;
            }
        }

        for (long i = _waiting?.Start ?? 0; i < _waiting?.End; i++) yield return _waiting[i];
    }

    /// <summary>Its next reader begins after what is confirmed, with nothing asked for and nothing on the leg.</summary>
    public void Restart()
    {
        Seat?.Forget();
        if (Seat is { IsFinished: true, IsEmpty: true }) Seat = null;
        Leg = new Leg<T>(new Outbound<T>(Leg.Out.Confirmed, _sizeOf, Leg.Out.MaxBytes, pool: _pool));
        History = new RingBuffer<Run>();
        IsEnded = false;
        Clear();
    }

    /// <summary>Goes on with a reader of an earlier lifetime.</summary>
    /// <param name="report">What it reports.</param>
    /// <param name="place">Where in the stream this lifetime began.</param>
    /// <param name="hasPositions">It had everything of each writer up to where it is.</param>
    public void Take(ReaderReport report, long place, bool hasPositions)
    {
        Seat = new Seat<T>(report, place, hasPositions);
        IsEnded = false;   // whatever was kept for it while it was known by name only
        Clear();
        Leg = new Leg<T>(new Outbound<T>(0, _sizeOf, Leg.Out.MaxBytes, pool: _pool));
        Leg.Seat(new Outbound<T>(report.Received, _sizeOf, Leg.Out.MaxBytes, report.Finished, _pool), report.Unfinished);
        foreach (var run in report.Unfinished) History.Append(run);   // the writers may not know of these either
        if (report.End is null) return;

        End();
        Leg.Out.TryTakeEnd();   // it has it
    }

    /// <summary>Nobody has come who read it before: it is known how far that one was with each writer.</summary>
    public void Take(WriterPosition[] positions, long place) => Seat = new Seat<T>(positions, place);

    /// <summary>Changes how elements are kept, not what they are.</summary>
    public void Convert(Func<T, T> convert)
    {
        Leg.Out.Convert(convert);
        Seat?.Convert(convert);
        for (long i = _waiting?.Start ?? 0; i < _waiting?.End; i++)
        {
            foreach (ref var element in _waiting[i].Elements.AsSpan()) element = convert(element);
        }
    }

    /// <summary>Nothing is on the leg, and nothing waits.</summary>
    private void Clear()
    {
        _stretches.Clear();
        _waiting?.Clear();
        Waiting = 0;
    }

    private Stretch StretchAt(long position)
    {
        long low = _stretches.Start, high = _stretches.End - 1;
        while (low < high)
        {
            long middle = (low + high + 1) / 2;
            if (_stretches[middle].First <= position) low = middle;
            else high = middle - 1;
        }

        return _stretches[low];
    }

    /// <summary>Positions of the leg that follow one another in the stream as well.</summary>
    private readonly record struct Stretch(long First, long Count, long Place);
}
