namespace Casty.Orleans;

/// <summary>How much goes into one message, and how many messages wait for an answer at a time.</summary>
internal static class FrameLimits
{
    /// <summary>The most elements in a frame.</summary>
    public const int Elements = 4096;

    /// <summary>The most elements in a frame that is still believed: room for a sender that gives more than this one.</summary>
    public const int MostElements = 16 * Elements;

    /// <summary>About how many bytes of elements go into a frame, where messages may be as large. One element always passes.</summary>
    public const long Bytes = 256 * 1024;

    /// <summary>
    /// The most unanswered frames of one sender. While they are out, what is put meanwhile gathers for the next: batches grow
    /// with the load, and nothing ever waits for more to come.
    /// </summary>
    public const int InFlight = 4;

    /// <summary>
    /// How long a call between ends waits for its answer. Whoever called has said it again long before and needs no answer that
    /// late; without a bound of its own, a call to an end that is gone would stay for as long as Orleans keeps any call.
    /// </summary>
    public const string ResponseTimeout = "00:00:10";
}

/// <summary>Counts unanswered frames. Guarded by its owner's lock.</summary>
internal sealed class InFlight
{
    private int _generation;
    private int _count;

    public bool IsFull => _count >= FrameLimits.InFlight;

    public int Take()
    {
        _count++;
        return _generation;
    }

    /// <summary>An answer came; one that was given up before does not count.</summary>
    public bool Return(int ticket)
    {
        if (ticket != _generation) return false;
        _count--;
        return true;
    }

    /// <summary>The frames that are out count as lost.</summary>
    public void GiveUp()
    {
        _generation++;
        _count = 0;
    }
}
