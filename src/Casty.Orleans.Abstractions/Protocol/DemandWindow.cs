namespace Casty.Orleans.Protocol;

/// <summary>
/// How many elements a reader has asked for and not taken: starts at <c>initial</c>, doubles towards <c>max</c> while
/// the reader keeps up, and halves towards <c>initial</c> when it does not (P-06).
/// </summary>
internal struct DemandWindow
{
    private readonly int _initial;
    private readonly int _max;
    private long _reviewAt;
    private bool _starved;
    private int _fullest;

    public DemandWindow(int initial, int max)
    {
        _initial = Size = initial;
        _max = max;
        _reviewAt = initial;
    }

    /// <summary>The most elements that may be outstanding now.</summary>
    public int Size { get; private set; }

    /// <summary>The reader found nothing to take although everything it had asked for had come.</summary>
    public void OnStarved() => _starved = true;

    /// <summary>The reader took an element. Once in a window the size is reviewed.</summary>
    /// <param name="taken">How many the reader has taken so far.</param>
    /// <param name="waiting">How many wait for the reader.</param>
    public void OnTaken(long taken, int waiting)
    {
        _fullest = Math.Max(_fullest, waiting);
        if (taken < _reviewAt) return;

        if (_starved) Size = (int)Math.Min(Size * 2L, _max);
        else if (_fullest > Size / 2) Size = Math.Max(Size / 2, _initial);

        _starved = false;
        _fullest = 0;
        _reviewAt = taken + Size;
    }
}
