namespace Casty.Orleans;

/// <summary>
/// One timer for all the ends of a process, of which there may be tens of thousands: a heap of those that wait, the first of them on top.
/// Moving a deadline further away costs nothing: the end is called, finds nothing due, and is armed again.
/// </summary>
internal sealed class Deadlines(StreamClock clock)
{
    /// <summary>Where an end waits for nothing.</summary>
    private static readonly TimeSpan Never = TimeSpan.MaxValue;

    /// <summary>An end that was removed is not armed again.</summary>
    private static readonly TimeSpan Removed = TimeSpan.MinValue;

    /// <summary>Should an end keep the thread that calls it for so long, another thread goes on with the others.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>An end that asks for a time that is over is called after those that wait already.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new();
    private Pump[] _heap = [];
    private int _count;
    private ITimer? _timer;
    private TimeSpan _armedFor = Never;

    /// <summary>Has the end called then, unless it is to be called before.</summary>
    public void Arm(Pump end, TimeSpan deadline)
    {
        if (deadline >= end.ArmedFor) return;
        lock (_gate)
        {
            var now = clock.Now;
            if (deadline < now + Pause) deadline = now + Pause;
            if (deadline >= end.ArmedFor) return;
            if (end.ArmedFor == Never) Append(end);
            end.ArmedFor = deadline;
            Rise(end);
            if (deadline < _armedFor) WaitFor(deadline);
            else if (now - _armedFor > Patience) WaitFor(now);   // the timer is late, as after a pause: who asks now need not wait for it
        }
    }

    /// <summary>Forgets the end for good.</summary>
    public void Remove(Pump end)
    {
        lock (_gate)
        {
            if (end.ArmedFor != Never && end.ArmedFor != Removed) Take(end);
            end.ArmedFor = Removed;
            if (_count == 0) Rest();
        }
    }

    private void OnTimer()
    {
        while (TryTakeDue(out var end)) end.OnDue();
    }

    private bool TryTakeDue(out Pump end)
    {
        lock (_gate)
        {
            end = _count > 0 ? _heap[0] : null!;
            var now = clock.Now;
            if (end is null || end.ArmedFor > now)
            {
                if (end is null) Rest();
                else WaitFor(end.ArmedFor);
                return false;
            }

            Take(end);
            end.ArmedFor = Never;
            if (_armedFor <= now) WaitFor(now + Patience);
            return true;
        }
    }

    private void WaitFor(TimeSpan deadline)
    {
        _armedFor = deadline;
        var wait = deadline - clock.Now;
        if (wait < TimeSpan.Zero) wait = TimeSpan.Zero;

        // A millisecond more, so that the deadline has passed for certain; timers take whole milliseconds.
        wait = TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(wait.TotalMilliseconds) + 1, uint.MaxValue - 2d));
        if (_timer is null) _timer = clock.CreateTimer(static state => ((Deadlines)state!).OnTimer(), this, wait);
        else _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Nobody waits: no timer is left.</summary>
    private void Rest()
    {
        _timer?.Dispose();
        _timer = null;
        _armedFor = Never;
        _heap = [];
    }

    private void Append(Pump end)
    {
        if (_count == _heap.Length) Array.Resize(ref _heap, Math.Max(4, _count + _count / 2));
        Put(end, _count++);
    }

    private void Take(Pump end)
    {
        var last = _heap[--_count];
        _heap[_count] = null!;
        if (last == end) return;

        Put(last, end.Place);
        Rise(last);
        Sink(last);
    }

    private void Rise(Pump end)
    {
        while (end.Place > 0 && _heap[(end.Place - 1) / 2] is var parent && parent.ArmedFor > end.ArmedFor) Swap(end, parent);
    }

    private void Sink(Pump end)
    {
        while (2 * end.Place + 1 is var child && child < _count)
        {
            if (child + 1 < _count && _heap[child + 1].ArmedFor < _heap[child].ArmedFor) child++;
            if (_heap[child].ArmedFor >= end.ArmedFor) return;
            Swap(_heap[child], end);
        }
    }

    /// <summary>One goes up, and the other down.</summary>
    private void Swap(Pump child, Pump parent)
    {
        int place = parent.Place;
        Put(parent, child.Place);
        Put(child, place);
    }

    private void Put(Pump end, int place)
    {
        _heap[place] = end;
        end.Place = place;
    }
}
