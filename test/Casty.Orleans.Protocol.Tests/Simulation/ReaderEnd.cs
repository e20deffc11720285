namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>A reader's shell in the simulated world: reads at its pace and leaves as planned.</summary>
internal sealed class ReaderEnd
{
    private readonly World _world;
    private readonly ReaderPlan _plan;
    private readonly VirtualTimer _timer;
    private readonly Wire _wire;
    private bool _isWaiting;

    public ReaderEnd(World world, ReaderPlan plan, long epoch, long position)
    {
        _world = world;
        _plan = plan;
        Core = new ReaderCore<Item>(world.Key, epoch, position, plan.InitialDemand, plan.MaxDemand, World.Timings, world.Now,
            world.SizeOf, world.Scenario.MaxBytes ?? long.MaxValue);
        _wire = world.NewWire();
        _timer = new VirtualTimer(world.Clock, () => IsDead ? TimeSpan.MaxValue : Core.NextDeadline, Tick);
        Drain();
        world.Clock.In(TimeSpan.Zero, Act);
    }

    public ReaderCore<Item> Core { get; }

    public ReaderFate Fate => _plan.Fate;

    public int MaxDemand => _plan.MaxDemand;

    public bool IsDead { get; private set; }

    /// <summary>It has done what was planned, rather than seen the stream's end first.</summary>
    public bool HasLeft { get; private set; }

    public bool IsDone => IsDead || Core.IsSettled;

    public override string ToString() =>
        $"reader {Core.Epoch} ({_plan.Fate} after {_plan.After}, {Core.Given} given, {Core.Finished} finished, {Core.Waiting} waiting, end {Core.End}{(IsDead ? ", dead" : "")}{(HasLeft ? ", left" : "")})";

    public void Send(Frame<Item> frame, Action<Demand> answered) => _wire.Send(() =>
    {
        if (IsDead) return;

        var verdict = Core.OnFrame(frame, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"{this} was sent something absurd: {violation}");
        var current = Core.Current;
        Core.OnSaid(current, _world.Now);
        _wire.Send(() => answered(current), isResponse: true);
        if (_isWaiting) Act();
        Drain();
    });

    /// <summary>Another reader takes the name and asks for the position.</summary>
    public long Supersede()
    {
        Core.Stop(new StreamEnd(StreamEndReason.Superseded));
        return Core.Given;
    }

    public void Cut(TimeSpan until) => _wire.CutUntil = until;

    private void Act()
    {
        _isWaiting = false;
        if (IsDead || HasLeft) return;
        if (Core.Given >= _plan.After && !Core.IsOver && _plan.Fate != ReaderFate.Read)
        {
            Leave();
            return;
        }

        long position = Core.Given;
        if (Core.TryTake(out var item))
        {
            _world.OnGiven(this, position, item);
            _world.Clock.In(TimeSpan.FromMilliseconds(_plan.SlownessMilliseconds == 0 ? 0 : _world.Random.Next(_plan.SlownessMilliseconds)), Act);
        }
        else
        {
            _isWaiting = !Core.IsOver;
        }

        Drain();
    }

    private void Leave()
    {
        HasLeft = true;
        switch (_plan.Fate)
        {
            case ReaderFate.Cancel:
                Core.TryLeave(Protocol.Leave.Cancel);
                break;
            case ReaderFate.CancelWithCause:
                Core.TryLeave(Protocol.Leave.Cancel, new StreamEnd(StreamEndReason.Cancelled, "as planned"));
                break;
            case ReaderFate.Detach:
                Core.TryLeave(Protocol.Leave.Detach);
                break;
            case ReaderFate.Takeover or ReaderFate.BlindTakeover:
                HasLeft = false;   // it does not know yet
                _world.OnTakeover(this);
                return;
            default:
                IsDead = true;
                break;
        }

        _world.OnLeft(this);
        Drain();
    }

    private void Tick()
    {
        Core.OnTick(_world.Now);
        Drain();
    }

    private void Drain()
    {
        while (!IsDead && Core.TryTakeDemand(_world.Now, out var demand))
        {
            _wire.Send(() =>
            {
                var stale = _world.Producer.OnDemand(demand);
                _wire.Send(() => Answered(demand, stale), isResponse: true);
            });
        }

        _timer.Arm();
    }

    private void Answered(Demand demand, StreamEnd? stale)
    {
        if (IsDead) return;

        if (stale is null) Core.OnAnswered(demand, _world.Now);
        else Core.Stop(stale);
        Drain();
    }
}
