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
    private bool _isMoving;
    private readonly List<Item> _given = [];

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
        if (_plan.InHand > 0) Core.Hold();
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

    /// <summary>What it may have taken and not finished.</summary>
    public int MaxInHand => Math.Max(1, _plan.InHand);

    /// <summary>Where its successor begins, as the producer was told; null where it was not.</summary>
    public long? BeganAt { get; init; }

    /// <summary>It stopped reading: the next element of each writer, and how often a producer had been lost by then.</summary>
    public (Dictionary<int, long> Next, int Faults)? Stood { get; private set; }

    /// <summary>The same as a position.</summary>
    public long StoodAt { get; private set; }

    /// <summary>It spoke to the producer that there was when it stopped.</summary>
    public bool StoodAtProducer { get; private set; }

    /// <summary>It detached, and others than its producer's process knew where before it was told so.</summary>
    public bool IsDetachKept { get; private set; }

    /// <summary>Another reader is about to take its name.</summary>
    public bool IsTakenOver => _isTakenOver;

    /// <summary>The next element of each writer where it began, as far as that is known.</summary>
    public Dictionary<int, long> Begins { get; } = [];

    /// <summary>So many elements before that it may be given again; null where nothing is promised.</summary>
    public long? MayRepeat { get; set; }

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
            if (frame.Stream.Incarnation < Core.Stream.Incarnation) producer.OnFollowed(this);
            if (frame.Stream != Core.Stream) return;
            Core.Keep(frame.Roster);
            producer.OnFollowed(this);
            _isMoving = true;
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
        Stand();
        Core.Stop(new StreamEnd(StreamEndReason.Superseded));
        return StoodAt;
    }

    /// <summary>It stops reading here, whatever it is sent from now on.</summary>
    public void Stand()
    {
        var next = new Dictionary<int, long>(Next);
        long unfinished = Core.IsHolding ? Core.Given - Core.Finished : 0;
        for (int i = _given.Count - 1; unfinished > 0; i--, unfinished--) next[_given[i].Writer] = _given[i].Number;
        if (MayRepeat is not null)
        {
            foreach (var (writer, number) in Begins) next.TryAdd(writer, number);
        }

        Stood = (next, _world.Faults);
        StoodAt = Core.IsHolding ? Core.Finished : Core.Given;
        StoodAtProducer = _producer == _world.Producer && Core.Stream == _producer.Core.Stream && !_producer.IsGone;
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

        if (_plan.InHand > 0)
        {
            TakeInHand();
            return;
        }

        long position = Core.Given;
        if (Core.TryTake(out var item))
        {
            _given.Add(item);
            _world.OnGiven(this, position, item);
            _world.Clock.In(TimeSpan.FromMilliseconds(_plan.SlownessMilliseconds == 0 ? 0 : _world.Random.Next(_plan.SlownessMilliseconds)), Act);
        }
        else
        {
            _isWaiting = !Core.IsOver;
        }

        Drain();
    }

    /// <summary>What it had in hand is handled; it takes the next ones, or the end.</summary>
    private void TakeInHand()
    {
        Core.Finish();
        long position = Core.Given;
        Item[] items = Core.Peek(_world.Random.Next(_plan.InHand) + 1).AsSpan().ToArray();
        if (items.Length > 0)
        {
            Core.OnTakenInHand(items.Length);
            _given.AddRange(items);
            foreach (var item in items) _world.OnGiven(this, position++, item);
        }
        else if (Core.IsAtStreamsEnd)
        {
            Core.FinishEnd();
        }
        else
        {
            Core.OnStarved();
        }

        _isWaiting = items.Length == 0 && !Core.IsOver;
        if (items.Length > 0) _world.Clock.In(TimeSpan.FromMilliseconds(_plan.SlownessMilliseconds == 0 ? 0 : _world.Random.Next(_plan.SlownessMilliseconds)), Act);
        Drain();
    }

    private void Leave()
    {
        HasLeft = true;
        Stand();
        switch (_plan.Fate)
        {
            case ReaderFate.Cancel:
                Core.TryLeave(Protocol.Leave.Cancel);
                break;
            case ReaderFate.CancelWithCause:
                Core.TryLeave(Protocol.Leave.Cancel, new StreamEnd(StreamEndReason.Cancelled, "as planned"));
                break;
            case ReaderFate.Detach:
                Core.TryLeave(Protocol.Leave.Detach, isInHand: _plan.InHand > 0);
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

    public void Die()
    {
        if (!HasLeft) Stand();
        IsDead = true;
    }

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
            if (Core.TryRejoin(producer.Core.Stream, Core.Epoch, 0, [], _world.Now)) _isMoving = false;
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
                if (demand.Leave == Protocol.Leave.Detach && !answer.IsUnknown) producer.WhenKept(answer, Answer);
                else Answer(answer, isKept: false);
            });

            void Answer(DemandAnswer answer, bool isKept) => _wire.Send(() => Answered(producer, demand, answer, isKept), isResponse: true);
        }

        if (Core.End is not null && EndedAt == TimeSpan.MaxValue)
        {
            EndedAt = _world.Now;
            _world.OnEnded(this);
        }
        _timer.Arm();
    }

    /// <summary>It is taken to be there still.</summary>
    private bool IsNamedIn(Roster? roster) => roster is { Fan: { } fan }
        ? fan.Subscriptions.Any(one => one.IsRead && one.Epoch == Core.Epoch)
        : roster is { IsRead: true } && roster.Epoch == Core.Epoch;

    private void Answered(ProducerEnd producer, Demand demand, DemandAnswer answer, bool isKept)
    {
        if (IsDead || !producer.IsReachableFrom(Home) || demand.Stream != Core.Stream) return;

        if (!Core.IsSettled) IsDetachKept |= isKept;
        if (answer.IsUnknown && Core.IsOver && !answer.IsMoved && !_isMoving && !_isRejoining)
        {
            _world.Expect(_world.Producer.Core.IsOver || _world.WasSplit || _isTakenOver || !IsNamedIn(_world.Producer.Core.Roster), $"nobody hears that {this} has left");
            Core.Stop(new StreamEnd(StreamEndReason.Abandoned, "Its producer does not know this reader any more."));
        }
        else if (answer.IsUnknown)
        {
            Core.Keep(answer.Moved);
            Rejoin();
        }
        else if (answer.End is { } end && !(HasLeft && demand.Leave == Protocol.Leave.None)) Core.Stop(end);   // its farewell may have overtaken the demand
        else Core.OnAnswered(demand, _world.Now);
        Drain();
    }
}
