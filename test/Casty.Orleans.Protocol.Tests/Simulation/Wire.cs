namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>
/// What lies between two ends: it loses, doubles, delays and reorders. It is fair in the end: after a number of losses in a
/// row it lets everything through until one response has passed, or no lease could ever be relied on.
/// </summary>
internal sealed class Wire(VirtualClock clock, Random random, WireQuality quality)
{
    private const int MostLostInARow = 6;

    private int _lostInARow;

    /// <summary>Nothing passes before then.</summary>
    public TimeSpan CutUntil { get; set; }

    public void Send(Action deliver, bool isResponse = false)
    {
        bool isCut = clock.Now < CutUntil;
        bool isLost = isCut || (random.NextDouble() < quality.Loss && _lostInARow < MostLostInARow);
        if (isLost)
        {
            _lostInARow++;
            return;
        }

        if (isResponse) _lostInARow = 0;
        clock.In(Delay(), deliver);
        if (random.NextDouble() < quality.Doubling) clock.In(Delay(), deliver);
    }

    private TimeSpan Delay() => random.NextDouble() < quality.Stragglers
        ? TimeSpan.FromMilliseconds(random.Next(4_000))
        : TimeSpan.FromMilliseconds(random.Next(quality.Delay + 1));
}

/// <summary>How bad a wire is.</summary>
internal sealed record WireQuality(double Loss, double Doubling, double Stragglers, int Delay);
