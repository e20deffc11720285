namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>Time that passes only when everything at the present moment is done.</summary>
internal sealed class VirtualClock
{
    private readonly PriorityQueue<Action, (long Ticks, long Order)> _events = new();
    private long _order;

    public TimeSpan Now { get; private set; } = TimeSpan.FromHours(1);

    public long Steps { get; private set; }

    public void At(TimeSpan when, Action action) => _events.Enqueue(action, (Math.Max(when.Ticks, Now.Ticks), _order++));

    public void In(TimeSpan wait, Action action) => At(Now + wait, action);

    /// <summary>Does the next thing. False when there is nothing left to do, ever.</summary>
    public bool Step()
    {
        if (!_events.TryDequeue(out var action, out var key)) return false;

        Now = new TimeSpan(key.Ticks);
        Steps++;
        action();
        return true;
    }
}

/// <summary>The one timer of an end: asks when it is due, and calls when it is.</summary>
internal sealed class VirtualTimer(VirtualClock clock, Func<TimeSpan> due, Action onDue)
{
    private TimeSpan _armedAt = TimeSpan.MaxValue;

    public void Arm()
    {
        var at = due();
        if (at >= _armedAt) return;

        _armedAt = at;
        clock.At(at, () =>
        {
            if (_armedAt != at) return;
            _armedAt = TimeSpan.MaxValue;
            if (clock.Now >= due()) onDue();
            Arm();
        });
    }
}
