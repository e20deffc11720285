namespace Casty.Orleans.Protocol;

/// <summary>
/// What a consumer has from an earlier lifetime of the producer (P-19). The writers send everything again that some consumer may not have
/// finished; here it is known what this one has, and what it has and has not finished, so that another can have it should this one be lost.
/// </summary>
/// <remarks>Element by element: there is not more of it than was once asked for.</remarks>
internal sealed class Seat<T>
{
    private readonly Dictionary<long, long>? _has;                                    // per writer: it had everything before
    private readonly Dictionary<(long Writer, long Position), long> _awaited = [];   // → position on its leg: unfinished, and not seen again
    private readonly SortedList<long, Batch<T>> _held = [];                           // by position on its leg: unfinished, and seen again
    private readonly Run[] _runs;
    private bool _isWhole;   // it had everything, the end included
    private long _confirmed;

    /// <param name="report">What its reader reports.</param>
    /// <param name="place">Where in the stream this lifetime began.</param>
    /// <param name="hasPositions">It had everything of each writer up to where it is.</param>
    public Seat(ReaderReport report, long place, bool hasPositions)
    {
        _runs = report.Unfinished;
        _isWhole = report.End is not null;
        _confirmed = report.Finished;
        End = report.Received;
        Place = place;
        if (hasPositions) _has = report.Positions.ToDictionary(one => one.Writer, one => one.Next);
        else if (_runs.Length > 0) AddEarly(_runs[0].First);
        for (long at = _confirmed; at < End; at++) _awaited[IdentityOf(at)] = at;
    }

    /// <param name="positions">How far it is with each writer.</param>
    /// <param name="place">Where in the stream this lifetime began.</param>
    public Seat(WriterPosition[] positions, long place)
    {
        _runs = [];
        Place = place;
        _has = positions.ToDictionary(one => one.Writer, one => one.Next);
    }

    /// <summary>The first position of its leg that is not from an earlier lifetime; zero once it has forgotten those.</summary>
    public long End { get; private set; }

    /// <summary>Nothing after it in the stream is finished before what is here.</summary>
    public long Place { get; }

    /// <summary>All that it had is finished.</summary>
    public bool IsFinished => _confirmed >= End;

    /// <summary>It says nothing about any element any more.</summary>
    public bool IsEmpty => !_isWhole && _has is null && _awaited.Count == 0 && _held.Count == 0;

    /// <summary>What it has and has not finished, and was not seen again.</summary>
    public IEnumerable<(long Writer, long Position)> Awaited => _awaited.Keys;

    /// <summary>What it has and has not finished, as far as it was seen again.</summary>
    public IEnumerable<Batch<T>> Held => _held.Values;

    /// <summary>It had that much of each writer, in a lifetime before.</summary>
    public void Raise(Dictionary<long, long> positions)
    {
        foreach (var (writer, next) in _has ?? []) positions[writer] = Math.Max(positions.GetValueOrDefault(writer), next);
    }

    /// <summary>An element is seen again, or for the first time. True if it need not be sent to this consumer, which has it.</summary>
    public bool TryTake(T element, long place, long writer, long position)
    {
        if (_awaited.Remove((writer, position), out long at))
        {
            _held.Add(at, new Batch<T>(place, writer, position, new T[] { element }));
            return true;
        }

        return _isWhole || (_has is not null && _has.TryGetValue(writer, out long next) && position < next);
    }

    /// <summary>It says something about elements of this writer from <paramref name="position"/> on.</summary>
    public bool Concerns(long writer, long position) =>
        _isWhole || _awaited.Count > 0 || (_has is not null && _has.TryGetValue(writer, out long next) && position < next);

    /// <summary>What its reader has finished of it since this was asked last, as places.</summary>
    public void TakeConfirmed(long confirmed, Action<long, long> onPlaces)
    {
        for (; _confirmed < Math.Min(confirmed, End); _confirmed++)
        {
            if (_held.Remove(_confirmed, out var batch)) onPlaces(batch.First, batch.First + 1);
            else Forget(_confirmed);
        }
    }

    /// <summary>What its reader had not finished, it has no longer.</summary>
    public void Forget()
    {
        if (_has is not null)
        {
            foreach (var (one, _) in _awaited) _has[one.Writer] = Math.Min(_has.GetValueOrDefault(one.Writer, long.MaxValue), one.Position);
        }

        _isWhole = false;
        _awaited.Clear();
        _held.Clear();
        _confirmed = End = 0;   // its leg begins anew, and has nothing from before
    }

    public void Convert(Func<T, T> convert)
    {
        foreach (var batch in _held.Values)
        {
            foreach (ref var element in batch.Elements.AsSpan()) element = convert(element);
        }
    }

    /// <summary>Finished, and not seen again: should it come, nobody needs it.</summary>
    private void Forget(long at)
    {
        var identity = IdentityOf(at);
        _awaited.Remove(identity);
        Early.Add(identity);
    }

    /// <summary>What was finished before it was seen again.</summary>
    public HashSet<(long Writer, long Position)> Early { get; } = [];

    private void AddEarly(long from)
    {
        for (long at = from; at < _confirmed; at++) Early.Add(IdentityOf(at));
    }

    private (long Writer, long Position) IdentityOf(long at)
    {
        foreach (var run in _runs)
        {
            if (at >= run.First && at < run.End) return (run.Writer, run.WriterFirst + (at - run.First));
        }

        throw new InvalidOperationException($"Position {at} is nobody's.");
    }
}
