using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>One timer calls all ends of a process, each in its time.</summary>
public sealed class DeadlinesTests
{
    private readonly ManualTime _time = new();
    private readonly StreamClock _clock;
    private readonly List<(int End, TimeSpan At)> _called = [];

    public DeadlinesTests() => _clock = new StreamClock(_time);

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Ends_AreCalledInOrder_AtMostAFewMillisecondsLate(int seed)
    {
        var random = new Random(seed);
        var expected = new List<(int End, TimeSpan At)>();
        var ends = Enumerable.Range(0, 200).Select(i => new End(this, i)).ToArray();
        foreach (var end in ends)
        {
            var first = TimeSpan.FromMilliseconds(random.Next(5, 10_000));
            var second = TimeSpan.FromMilliseconds(random.Next(5, 10_000));
            _clock.Deadlines.Arm(end, first);
            _clock.Deadlines.Arm(end, second);
            if (random.Next(4) == 0) _clock.Deadlines.Remove(end);
            else expected.Add((end.Number, first < second ? first : second));
        }

        Assert.Equal(1, _time.Timers);
        for (int step = 0; step < 10_100; step++) _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(expected.Select(one => one.End).Order(), _called.Select(one => one.End).Order());
        Assert.All(_called, one => Assert.InRange(one.At - expected.Find(other => other.End == one.End).At, TimeSpan.Zero, TimeSpan.FromMilliseconds(3)));
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public void AnEndThatWasRemoved_IsNotArmedAgain()
    {
        var end = new End(this, 0);
        _clock.Deadlines.Remove(end);
        _clock.Deadlines.Arm(end, TimeSpan.FromSeconds(1));

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Empty(_called);
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public void AnEndThatAsksForThePast_LetsTheOthersHaveTheirTurn()
    {
        var other = new End(this, 1);
        _clock.Deadlines.Arm(new End(this, 0, again: true), TimeSpan.FromSeconds(1));
        _clock.Deadlines.Arm(other, TimeSpan.FromSeconds(2));

        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Contains(_called, one => one.End == 1);
    }

    [Fact]
    public void AnEndThatAsksAfterAPause_DoesNotWaitForATimerThatIsLate()
    {
        _clock.Deadlines.Arm(new End(this, 0), TimeSpan.FromSeconds(20));
        _time.Skip(TimeSpan.FromSeconds(120));
        _clock.Deadlines.Arm(new End(this, 1), _clock.Now + TimeSpan.FromSeconds(1));

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal([0, 1], _called.Select(one => one.End));
    }

    private sealed class End(DeadlinesTests test, int number, bool again = false) : Pump
    {
        public int Number => number;

        protected internal override void OnDue()
        {
            test._called.Add((number, test._clock.Now));
            if (again) test._clock.Deadlines.Arm(this, TimeSpan.Zero);
        }

        protected override void Drain()
        {
        }

        protected override void OnBug(Exception exception)
        {
        }
    }
}
