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
    private ProducerEnd _producer;
    private TimeSpan _rejoinAt = TimeSpan.MaxValue;
    private bool _isRejoining;
    private int _rejoin;
    private bool _isAdmitted;

    public WriterEnd(World world, ProducerEnd producer, int index, WriterPlan plan, long number)
    {
        _world = world;
        _producer = producer;
        _plan = plan;
        _index = index;
        Core = new WriterCore<Item>(producer.Core.Stream, number, World.Timings, world.Now, world.SizeOf)
        {
            JoinedAt = new RosterMark(producer.Core.Stream.Incarnation, producer.Core.RosterVersion),
        };
        Core.Keep(producer.Core.RosterOnJoining(number), world.Now);
        _wire = world.NewWire();
        _timer = new VirtualTimer(world.Clock, () => IsDead ? TimeSpan.MaxValue : Min(Core.NextDeadline, _rejoinAt), Tick);
        _timer.Arm();
        world.Clock.In(World.Timings.Suspicion, () => GiveUpWaiting(producer));
    }

    public WriterCore<Item> Core { get; }

    public int Index => _index;

    public int Home => _plan.Home;

    public WriterFate Fate => _plan.Fate;

    /// <summary>When the producer was lost, nobody who lived knew of it: it may have died with all who did.</summary>
    public bool IsUnknown { get; set; }

    /// <summary>It lives on, and carries a roster that the writer is on, or that says that one was lost.</summary>
    public bool Knows(WriterEnd writer) => !IsDone && _isAdmitted && Fate is not (WriterFate.Vanish or WriterFate.CompleteAndGo) && World.IsOn(Core.Roster, writer);

    /// <summary>Its attach has succeeded; before that, nobody misses it.</summary>
    public bool IsAdmitted => _isAdmitted;

    public bool IsDead { get; private set; }

    public bool IsDone => IsDead || Core.Outcome is not null;

    public override string ToString() =>
        $"writer {_index} ({_plan.Fate}, {Core.Put}/{_plan.Elements} put, {Core.Finished} finished, credit {Core.Credit}, end {Core.End?.Reason}, outcome {Core.Outcome}{(IsDead ? ", dead" : "")})";

    /// <summary>The producer says something of its own accord.</summary>
    public void Push(ProducerEnd producer, Demand demand) => _wire.Send(() =>
    {
        if (IsDead || !producer.IsReachableFrom(Home)) return;
        if (!demand.IsMoved)
        {
            Hear(demand);
        }
        else if (demand.Stream == Core.Stream)
        {
            Core.Keep(demand.Roster, _world.Now);
            producer.OnFollowed(this);
            Rejoin();
        }
        else if (demand.Stream.Incarnation < Core.Stream.Incarnation)
        {
            producer.OnFollowed(this);
        }

        Drain();
    });

    /// <summary>Others know that it has joined: only now its attach has succeeded.</summary>
    public void OnKept()
    {
        _world.Clock.In(TimeSpan.Zero, Admit);
    }

    public void Die() => IsDead = true;

    /// <summary>The producer does not know this writer, or is silent: the grain knows how the stream goes on.</summary>
    public void Rejoin()
    {
        if (IsDone || _isRejoining) return;
        _isRejoining = true;
        int rejoin = ++_rejoin;
        var report = Core.BeginRejoin(_world.Now);
        _rejoinAt = _world.Now + World.CallTimeout;
        _wire.Send(() =>
        {
            // Nobody takes a call that its caller has given up.
            if (rejoin != _rejoin || IsDone || !_world.TryBorrow(report.Stream, Home, out var producer)) return;
            var answer = producer.Rejoin(this, report);
            _wire.Send(() => Rejoined(rejoin, answer), isResponse: true);
        });
        _timer.Arm();
    }

    private void Rejoined(int rejoin, RejoinAnswer answer)
    {
        if (IsDone || rejoin != _rejoin) return;

        _rejoin++;
        _isRejoining = false;
        _rejoinAt = TimeSpan.MaxValue;
        _world.Note(() => $"{this} rejoined {answer.Producer?.Core.Stream.Incarnation}{answer.Refusal}");
        if (answer.Producer is { } producer)
        {
            _producer = producer;
            if (!Core.TryRejoin(producer.Core.Stream, _world.Now)) Core.OnAnswered(_world.Now);
            _world.OnRejoined(this);
            _generation++;
            _inFlight = 0;
        }
        else
        {
            Core.Settle(answer.Refusal!);
        }

        PutWaiting();
        Drain();
    }

    /// <summary>Those who should know of it are silent. A producer that died meanwhile has not let it in.</summary>
    private void GiveUpWaiting(ProducerEnd producer)
    {
        if (!_isAdmitted && producer is { IsGone: true, IsClosed: false }) IsDead = true;
        else Admit();
    }

    private void Admit()
    {
        if (_isAdmitted) return;
        _isAdmitted = true;
        Act();
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private void Act()
    {
        if (IsDone || !Core.IsOpen) return;

        if (Fate == WriterFate.Vanish && Core.Put >= _plan.VanishAfter)
        {
            IsDead = true;
            return;
        }

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
        Core.TryEnd(_plan.Fate switch
        {
            WriterFate.Complete or WriterFate.CompleteAndGo => StreamEnd.Completed,
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
        if (_plan.Fate == WriterFate.CompleteAndGo && Core.IsEndReceived && Core.Outcome is null) IsDead = true;
        if (IsDone) return;

        PutWaiting();
    }

    private void Tick()
    {
        if (IsDead) return;
        if (_world.Now >= _rejoinAt)
        {
            _rejoinAt = TimeSpan.MaxValue;
            _isRejoining = false;
            _rejoin++;
            Rejoin();
        }

        if (Core.OnTick(_world.Now))
        {
            _generation++;
            _inFlight = 0;
        }

        if (Core.IsSuspicious(_world.Now)) Rejoin();
        if (Core.Outcome is not null) _rejoinAt = TimeSpan.MaxValue;
        Drain();
    }

    private void Drain()
    {
        while (!IsDead && _inFlight < World.MaxInFlight && Core.TryTakeFrame(_world.Scenario.FrameElements, _world.Scenario.FrameBytes, _world.Now, out var frame))
        {
            _inFlight++;
            int generation = _generation;
            var producer = _producer;
            _wire.Send(() =>
            {
                if (!producer.IsReachableFrom(Home) || producer.OnFrame(frame) is not { } answer) return;
                _wire.Send(() => Answered(producer, answer, generation), isResponse: true);
            });
        }

        _timer.Arm();
    }

    private void Answered(ProducerEnd producer, FrameAnswer answer, int generation)
    {
        if (IsDead || !producer.IsReachableFrom(Home)) return;
        bool isCurrent = generation == _generation;
        if (isCurrent && _inFlight > 0) _inFlight--;
        if (isCurrent && !answer.IsUnknown) Core.OnAnswered(_world.Now);
        if (answer.Demand is { } demand) Hear(demand);
        else if (answer.IsUnknown && isCurrent)
        {
            if (producer == _producer) Core.Keep(answer.Moved, _world.Now);
            Rejoin();
        }

        Drain();
    }

    /// <summary>Nothing passes for a while.</summary>
    public void Cut(TimeSpan until) => _wire.CutUntil = until;
}
