namespace Casty.Orleans.Protocol;

/// <summary>Positions that are finished out of turn: disjoint ranges, none of which touches another.</summary>
internal sealed class RangeSet
{
    private readonly SortedList<long, long> _ranges = [];   // first → end

    public int Count => _ranges.Count;

    public void Add(long first, long end)
    {
        if (first >= end) return;

        int at = After(first);
        if (at > 0 && _ranges.Values[at - 1] >= first)
        {
            at--;
            first = _ranges.Keys[at];
            end = Math.Max(end, _ranges.Values[at]);
            _ranges.RemoveAt(at);
        }

        while (at < _ranges.Count && _ranges.Keys[at] <= end)
        {
            end = Math.Max(end, _ranges.Values[at]);
            _ranges.RemoveAt(at);
        }

        _ranges.Add(first, end);
    }

    /// <summary>From <paramref name="position"/> on: whether it is in here, and where that changes next.</summary>
    public bool Contains(long position, out long until)
    {
        int at = After(position);
        bool isIn = at > 0 && _ranges.Values[at - 1] > position;
        until = isIn ? _ranges.Values[at - 1] : at < _ranges.Count ? _ranges.Keys[at] : long.MaxValue;
        return isIn;
    }

    /// <summary>
    /// Takes what joins on to <paramref name="position"/>, up to <paramref name="until"/> at most, and forgets what is before; returns how
    /// far it reaches.
    /// </summary>
    public long Advance(long position, long until)
    {
        while (position < until && _ranges.Count > 0 && _ranges.Keys[0] <= position)
        {
            long end = _ranges.Values[0];
            _ranges.RemoveAt(0);
            if (end > until) _ranges.Add(until, end);
            position = Math.Max(position, Math.Min(end, until));
        }

        return position;
    }

    public void Clear() => _ranges.Clear();

    /// <summary>The index of the first range that begins behind <paramref name="position"/>.</summary>
    private int After(long position)
    {
        int low = 0, high = _ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_ranges.Keys[middle] <= position) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
