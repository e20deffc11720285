namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>A writer's shell in the simulated world: puts as planned, and does with its core what a real shell does.</summary>
internal sealed class WriterEnd
{
    private readonly World _world;
    private readonly WriterPlan _plan;
    private readonly VirtualTimer _timer;
    private readonly Wire _wire;
    private readonly int _index;
    private int _inFlight;
    private int _generation;
    private int _waiting;

    public WriterEnd(World world, int index, WriterPlan plan, long number)
    {
        _world = world;
        _plan = plan;
        _index = index;
        Core = new WriterCore<Item>(world.Key, number, World.Timings, world.Now, world.SizeOf);
        _wire = world.NewWire();
        _timer = new VirtualTimer(world.Clock, () => IsDead ? TimeSpan.MaxValue : Core.NextDeadline, Tick);
        _timer.Arm();
        world.Clock.In(TimeSpan.Zero, Act);
    }

    public WriterCore<Item> Core { get; }

    public int Index => _index;

    public WriterFate Fate => _plan.Fate;

    public bool IsDead { get; private set; }

    public bool IsDone => IsDead || Core.Outcome is not null;

    public override string ToString() =>
        $"writer {_index} ({_plan.Fate}, {Core.Put}/{_plan.Elements} put, {Core.Finished} finished, credit {Core.Credit}, end {Core.End?.Reason}, outcome {Core.Outcome}{(IsDead ? ", dead" : "")})";

    /// <summary>The producer says something of its own accord.</summary>
    public void Push(Demand demand) => _wire.Send(() => Hear(demand));

    private void Act()
    {
        if (IsDone || !Core.IsOpen) return;

        if (Core.Put + _waiting < _plan.Elements)
        {
            if (_waiting > 0 && _world.Random.Next(20) == 0) _waiting = 0;   // the callers gave up waiting
            else _waiting = (int)Math.Min(_plan.Burst, _plan.Elements - Core.Put);
        }
        else if (_waiting == 0)
        {
            End();
            return;
        }

        PutWaiting();
        Drain();
        bool isIdle = _world.Random.NextDouble() < _plan.IdleChance;
        int pause = isIdle ? _world.Random.Next(90_000) : 1 + _world.Random.Next(_plan.PauseMilliseconds + 1);
        if (_waiting > 0) pause += 300;   // credit that comes is used at once, without another act
        _world.Clock.In(TimeSpan.FromMilliseconds(pause), Act);
    }

    private void End()
    {
        if (_plan.Fate == WriterFate.Vanish)
        {
            IsDead = true;
            return;
        }

        Core.TryEnd(_plan.Fate switch
        {
            WriterFate.Complete => StreamEnd.Completed,
            WriterFate.Fail => new StreamEnd(StreamEndReason.Failed, "as planned"),
            _ => new StreamEnd(StreamEndReason.Abandoned, "as planned"),
        });
        Drain();
    }

    private void PutWaiting()
    {
        while (_waiting > 0 && Core.TryPut(new Item(_index, Core.Put, _world.NextSize())))
        {
            _waiting--;
            _world.OnPut();
        }

        if (!Core.IsOpen) _waiting = 0;
        Core.SetWaiting(_waiting);
    }

    private void Hear(Demand demand)
    {
        if (IsDead) return;

        var verdict = Core.OnDemand(demand, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"{this} was told something absurd: {violation}");
        if (IsDone) return;

        PutWaiting();
    }

    private void Tick()
    {
        if (Core.OnTick(_world.Now))
        {
            _generation++;
            _inFlight = 0;
        }

        Drain();
    }

    private void Drain()
    {
        while (!IsDead && _inFlight < World.MaxInFlight && Core.TryTakeFrame(_world.Scenario.FrameElements, _world.Scenario.FrameBytes, _world.Now, out var frame))
        {
            _inFlight++;
            int generation = _generation;
            _wire.Send(() =>
            {
                var answer = _world.Producer.OnFrame(frame);
                _wire.Send(() => Answered(answer, generation), isResponse: true);
            });
        }

        _timer.Arm();
    }

    private void Answered(Demand? answer, int generation)
    {
        if (generation == _generation && _inFlight > 0) _inFlight--;
        if (answer is { } demand) Hear(demand);
        Drain();
    }

    /// <summary>Nothing passes for a while.</summary>
    public void Cut(TimeSpan until) => _wire.CutUntil = until;
}
