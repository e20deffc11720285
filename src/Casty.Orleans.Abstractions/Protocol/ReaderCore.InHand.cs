namespace Casty.Orleans.Protocol;

/// <summary>How a reader takes several elements that are finished together, and later (P-18).</summary>
internal sealed partial class ReaderCore<T>
{
    private bool _isEndInHand;

    /// <summary>The reader finishes what it has taken only when it says so.</summary>
    public bool IsHolding { get; private set; }

    /// <summary>The end that the reader sees is the stream's own: it was not cut off.</summary>
    public bool IsAtStreamsEnd => End is not null && ReferenceEquals(End, _in.End);

    /// <summary>Nothing is to be said before the reader is done with the end, but that it lives.</summary>
    private bool IsEndAwaited => _isEndInHand && _leave == Leave.None && !IsSettled;

    /// <summary>From now on what is taken is in hand until <see cref="Finish"/>, and the end until <see cref="FinishEnd"/>. Before anything comes.</summary>
    public void Hold() => IsHolding = _isEndInHand = true;

    /// <summary>The reader has taken that many more of the elements that are next, and finished none of them.</summary>
    public void OnTakenInHand(int count)
    {
        Take(count);
        SeeEnd();
    }

    /// <summary>The reader is done with the end.</summary>
    public void FinishEnd() => _isEndInHand = false;
}
