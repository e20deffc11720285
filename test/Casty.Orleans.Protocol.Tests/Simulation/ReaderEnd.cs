namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>A reader's shell in the simulated world: reads at its pace and leaves as planned.</summary>
internal sealed class ReaderEnd
{
    private readonly World _world;
    private readonly ReaderPlan _plan;
    private readonly VirtualTimer _timer;
    private readonly Wire _wire;
    private ProducerEnd _producer;
    private ProducerEnd? _endedBy;
    private TimeSpan _rejoinAt = TimeSpan.MaxValue;
    private bool _isRejoining;
    private int _rejoin;
    private bool _isWaiting;
    private bool _isAdmitted;
    private bool _isTakenOver;

    public ReaderEnd(World world, ProducerEnd producer, ConsumerPlan consumer, int turn, Guid id, JoinedReader joined)
    {
        _world = world;
        _producer = producer;
        _plan = consumer.Readers[turn];
        Consumer = consumer;
        Turn = turn;
        Id = id;
        JoinedAt = world.Now;
        Core = new ReaderCore<Item>(joined.Stream, joined.Epoch, joined.Position, _plan.InitialDemand, _plan.MaxDemand, World.Timings, world.Now,
            world.SizeOf, world.MaxBytes) { Delivery = world.Scenario.Delivery.Delivery };
        Core.Begin(joined.Positions);
        Core.Keep(joined.Roster);
        _wire = world.NewWire();
        _timer = new VirtualTimer(world.Clock, () => IsDead ? TimeSpan.MaxValue : Min(Core.NextDeadline, _rejoinAt), Tick);
        Drain();
        world.Clock.In(World.Timings.Suspicion, () => GiveUpWaiting(producer));
    }

    public ReaderCore<Item> Core { get; }

    public ConsumerPlan Consumer { get; }

    /// <summary>Which of its consumer's readers it is.</summary>
    public int Turn { get; }

    public Guid Id { get; }

    public TimeSpan JoinedAt { get; }

    /// <summary>The lifetime of the producer that it speaks to.</summary>
    public ProducerEnd Producer => _producer;

    /// <summary>The lifetime that declared the end that it was sent, or else the one that it speaks to.</summary>
    public ProducerEnd EndedBy => _endedBy ?? _producer;

    /// <summary>The next element that it expects of each writer that it had any of.</summary>
    public Dictionary<int, long> Next { get; } = [];

    /// <summary>Its producer did not know its consumer.</summary>
    public bool IsNewcomer { get; init; }

    /// <summary>When the producer was lost, no writer knew of it: the one in its place may go on before another consumer tells of it.</summary>
    public bool IsUnknown { get; set; }

    /// <summary>When the producer was lost, it had joined just before, and some end that carries the roster did not know of it: the one in its place may go on without it.</summary>
    public bool IsNews { get; set; }

    /// <summary>When it came to the stream's end.</summary>
    public TimeSpan EndedAt { get; private set; } = TimeSpan.MaxValue;

    public int Home => _plan.Home;

    /// <summary>It lives on, and carries a roster that the writer is on, or that says that one was lost.</summary>
    public bool Knows(WriterEnd writer) => !IsDone && _isAdmitted && Fate is not (ReaderFate.Die or ReaderFate.DieAndReturn) && World.IsOn(Core.Roster, writer);

    public ReaderFate Fate => _plan.Fate;

    public int MaxDemand => _plan.MaxDemand;

    public bool IsDead { get; private set; }

    /// <summary>It has done what was planned, rather than seen the stream's end first.</summary>
    public bool HasLeft { get; private set; }

    public bool IsDone => IsDead || Core.IsSettled;

    public override string ToString() =>
        $"{Consumer.Name}'s reader {Core.Epoch} ({_plan.Fate} after {_plan.After}, {Core.Given} given, {Core.Finished} finished, {Core.Waiting} waiting, end {Core.End}{(IsDead ? ", dead" : "")}{(HasLeft ? ", left" : "")})";

    /// <summary>Others know that it has joined, or are silent: only now its subscribing has succeeded.</summary>
    public void Admit()
    {
        if (_isAdmitted) return;
        _isAdmitted = true;
        _world.Clock.In(TimeSpan.Zero, Act);
    }

    private void GiveUpWaiting(ProducerEnd producer)
    {
        if (!_isAdmitted && producer is { IsGone: true, IsClosed: false }) IsDead = true;   // its subscribing has failed
        else Admit();
    }

    public void Send(ProducerEnd producer, Frame<Item> frame, Action<Demand?, bool> answered) => _wire.Send(() =>
    {
        if (IsDead || !producer.IsReachableFrom(Home)) return;
        if (frame.IsMoved)
        {
            if (frame.Stream != Core.Stream) return;
            Core.Keep(frame.Roster);
            Rejoin();
            return;
        }

        var verdict = Core.OnFrame(frame, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"{this} was sent something absurd: {violation}");
        if (verdict == Verdict.Accepted && frame.End is not null) _endedBy = producer.EndDeclaredBy;
        bool isFenced = verdict == Verdict.Stale && frame.Stream.Incarnation < Core.Stream.Incarnation;
        Demand? echo = null;
        if (verdict != Verdict.Stale && !Core.IsOver)
        {
            echo = Core.Echo;
            Core.OnSaid(echo.Value, _world.Now);
        }

        _wire.Send(
            () =>
            {
                if (producer.IsReachableFrom(Home)) answered(echo, isFenced);
            },
            isResponse: true);
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
        if (Core.Given >= _plan.After && !Core.IsOver && _plan.Fate != ReaderFate.Read && !_isTakenOver)
        {
            Leave();
            if (!_isTakenOver) return;
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
                HasLeft = false;   // it does not know, and reads on
                _isTakenOver = true;
                _world.OnTakeover(this);
                return;
            default:
                IsDead = true;
                break;
        }

        _world.OnLeft(this);
        Drain();
    }

    public void Die() => IsDead = true;

    /// <summary>The producer does not know this reader, or is silent: the grain knows how the stream goes on.</summary>
    public void Rejoin()
    {
        if (IsDone || _isRejoining) return;
        _isRejoining = true;
        int rejoin = ++_rejoin;
        var report = Core.BeginRejoin(Consumer.Name, Consumer.IsNamed);
        _rejoinAt = _world.Now + World.CallTimeout;
        _wire.Send(() =>
        {
            // Nobody takes a call that its caller has given up.
            if (rejoin != _rejoin || IsDone || !_world.TryBorrow(report.Stream, Home, out var producer)) return;
            if (producer.Rejoin(this, report) is not { } answer) return;
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
            Core.TryRejoin(producer.Core.Stream, Core.Epoch, 0, [], _world.Now);
        }
        else
        {
            Core.Stop(answer.Refusal!);
        }

        Drain();
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

        Core.OnTick(_world.Now);
        if (Core.IsSuspicious(_world.Now)) Rejoin();
        if (Core.IsSettled) _rejoinAt = TimeSpan.MaxValue;
        Drain();
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private void Drain()
    {
        while (!IsDead && Core.TryTakeDemand(_world.Now, out var demand))
        {
            var producer = _producer;
            _wire.Send(() =>
            {
                if (!producer.IsReachableFrom(Home) || producer.OnDemand(demand) is not { } answer) return;
                _wire.Send(() => Answered(producer, demand, answer), isResponse: true);
            });
        }

        if (Core.End is not null && EndedAt == TimeSpan.MaxValue)
        {
            EndedAt = _world.Now;
            _world.OnEnded(this);
        }
        _timer.Arm();
    }

    private void Answered(ProducerEnd producer, Demand demand, DemandAnswer answer)
    {
        if (IsDead || !producer.IsReachableFrom(Home) || demand.Stream != Core.Stream) return;

        if (answer.IsUnknown)
        {
            Core.Keep(answer.Moved);
            Rejoin();
        }
        else if (answer.End is { } end) Core.Stop(end);
        else Core.OnAnswered(demand, _world.Now);
        Drain();
    }
}
