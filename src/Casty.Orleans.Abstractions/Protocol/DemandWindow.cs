namespace Casty.Orleans.Protocol;

/// <summary>
/// How many elements a reader has asked for and not taken: starts at <c>initial</c>, grows sixteenfold towards <c>max</c> while the
/// reader waits for elements that wait for demand, and halves towards <c>initial</c> when a slow reader takes long over what
/// it asked for (P-06).
/// </summary>
internal struct DemandWindow
{
    /// <summary>How fast it grows: a stream of a thousand elements should not be over before its window is wide.</summary>
    private const int Growth = 16;

    /// <summary>What is outstanding should not keep a reader busy for longer: it would only be old when its turn comes.</summary>
    private static readonly TimeSpan SlowReader = TimeSpan.FromSeconds(1);

    private readonly int _initial;
    private readonly int _max;
    private long _reviewAt;
    private TimeSpan _reviewedAt;
    private bool _starved;

    public DemandWindow(int initial, int max, TimeSpan now)
    {
        _initial = Size = initial;
        _max = max;
        _reviewAt = initial;
        _reviewedAt = now;
    }

    /// <summary>The most elements that may be outstanding now.</summary>
    public int Size { get; private set; }

    /// <summary>The reader found nothing to take while its producer held elements back for want of demand.</summary>
    public void OnStarved() => _starved = true;

    /// <summary>Once in a window its size is reviewed.</summary>
    /// <param name="taken">How many elements the reader has taken so far.</param>
    /// <param name="now">The time.</param>
    public void Review(long taken, TimeSpan now)
    {
        if (taken < _reviewAt) return;

        if (_starved) Size = (int)Math.Min((long)Size * Growth, _max);
        else if (now - _reviewedAt > SlowReader) Size = Math.Max(Size / 2, _initial);

        _starved = false;
        _reviewedAt = now;
        _reviewAt = taken + Size;
    }
}
