namespace PriceFeed.Web;

/// <summary>The last times that a silo died.</summary>
internal sealed class Outages
{
    private const int Kept = 10;

    private readonly Lock _lock = new();
    private volatile Outage[] _last = [];

    /// <summary>The newest last.</summary>
    public IReadOnlyList<Outage> Last => _last;

    public void Add(Outage outage)
    {
        lock (_lock) _last = [.. _last.TakeLast(Kept - 1), outage];
    }

    /// <inheritdoc cref="Outage.OnRead"/>
    public void OnRead(long number, long wanted, long now)
    {
        foreach (var outage in _last) outage.OnRead(number, wanted, now);
    }
}
