namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>What a producer answers a writer's frame with.</summary>
internal readonly record struct FrameAnswer(Demand? Demand, bool IsUnknown, Roster? Moved = null);

/// <summary>What a producer answers a reader's demand with: how it came to be sent away, or nothing.</summary>
internal readonly record struct DemandAnswer(StreamEnd? End, bool IsUnknown, Roster? Moved = null, bool IsMoved = false);

/// <summary>What the grain answers an end that rejoins with: the stream as it goes on, or why it does not.</summary>
internal readonly record struct RejoinAnswer(ProducerEnd? Producer, StreamEnd? Refusal);

/// <summary>One lifetime of the producer: its shell in the simulated world.</summary>
internal sealed class ProducerEnd
{
    private readonly World _world;
    private readonly VirtualTimer _timer;
    private readonly Dictionary<long, WriterEnd> _writers = [];
    private readonly List<(long Version, long About, Action Tell)> _unkept = [];   // about a writer, or minus a reader's epoch, or nobody
    private readonly List<Link> _links = [];   // to the newest reader, or to several
    private readonly FanOut<Item>? _fan;
    private readonly HashSet<object> _untold = [];
    private TimeSpan _retiresAt = TimeSpan.MaxValue;
    private bool _wasRebuilding;

    public ProducerEnd(World world, StreamKey key, int process, bool isRebuilt)
    {
        _world = world;
        EndDeclaredBy = this;
        Process = process;
        Core = isRebuilt
            ? ProducerCore<Item>.Rebuild(key, World.Timings, world.Now, world.SizeOf)
            : new ProducerCore<Item>(key, world.Scenario.BufferSize, World.SubscriptionTimeout, World.Timings, world.Now, world.SizeOf);
        var (delivery, slowConsumer, _, mostOvertaken) = world.Scenario.Delivery;
        if (delivery != StreamDelivery.Single) _fan = new FanOut<Item>(Core, delivery, slowConsumer, World.Timings, world.SizeOf, mostOvertaken: mostOvertaken, isHandler: static name => name == "consumer 1");
        _timer = new VirtualTimer(world.Clock, () => IsGone ? TimeSpan.MaxValue : Min(Core.NextDeadline, _fan?.NextDeadline ?? TimeSpan.MaxValue), Tick);
        _timer.Arm();
    }

    public ProducerCore<Item> Core { get; }

    public int Process { get; }

    /// <summary>The consumers, where there may be several.</summary>
    public IReadOnlyList<Subscription<Item>> Consumers => _fan?.Subscriptions ?? [];

    /// <summary>The writers that reports told it of.</summary>
    public HashSet<long> Told { get; } = [];

    /// <summary>This lifetime, or the one before it that had told a reader the end already, which stands.</summary>
    public ProducerEnd EndDeclaredBy { get; private set; }

    /// <summary>Who has spoken to it.</summary>
    public HashSet<object> Heard { get; } = [];

    /// <summary>It lost its memory, or gave up its place: it does nothing any more.</summary>
    public bool IsGone { get; private set; }

    /// <summary>It gave up its place and says so to whoever asks.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Ends in other processes do not reach it before then, nor does it reach them.</summary>
    public TimeSpan CutOffUntil { get; set; }

    public override string ToString() =>
        $"producer {Core.Stream.Incarnation} in {Process}: next {Core.Next}, confirmed {Core.Confirmed}, sent {Core.Sent}, requested {Core.Requested}, "
        + $"end {Core.End}, over {Core.IsOver}, gone {IsGone}, closed {IsClosed}, rebuilding {Core.IsRebuilding}, read {Core.IsReaderAttached}, roster [{Names(Core.Roster)}]{string.Concat(Consumers.Select(Describe))}";

    private static string Describe(Subscription<Item> one) =>
        $", '{one.Consumer}' {one.Leg.Out.Confirmed}/{one.Leg.Out.Sent}/{one.Leg.Out.Next} of {one.Leg.Out.Limit}, {one.Waiting} waiting, attached {one.IsAttached}, expected {one.IsExpected}, ended {one.IsEnded}, {one.Dismissal}";

    private Guid Elsewhere(int home) => home == Process ? Guid.Empty : new Guid(home + 1, 0, 0, new byte[8]);

    public bool IsReachableFrom(int process) => process == Process || _world.Now >= CutOffUntil;

    public WriterEnd Attach(int index, WriterPlan plan)
    {
        long number = _world.NextWriterNumber();
        Core.Attach(number, _world.Now, Elsewhere(plan.Home));
        var writer = new WriterEnd(_world, this, index, plan, number);
        _writers.Add(number, writer);
        _unkept.Add((Core.RosterVersion, number, writer.OnKept));
        Drain();
        return writer;
    }

    public ReaderEnd? Subscribe(ConsumerPlan consumer, int turn, long? position)
    {
        var plan = consumer.Readers[turn];
        var id = _world.NextReaderId();
        JoinedReader joined;
        bool isNewcomer = _fan?.Find(consumer.Name) is null;
        if (_fan is not null)
        {
            var one = _fan.Subscribe(consumer.Name, consumer.IsNamed, position, _world.Scenario.Delivery.Start, id, Elsewhere(plan.Home), _world.MaxBytes, _world.Now);
            joined = new JoinedReader(Core.Stream, one.Epoch, one.Leg.Out.Confirmed, Core.Roster, _fan.StartOf(one));
        }
        else
        {
            long start = Core.Subscribe(consumer.Name, consumer.IsNamed, position, _world.Now, _world.MaxBytes, Elsewhere(plan.Home));
            if (start < 0)
            {
                Drain();
                return null;
            }

            joined = new JoinedReader(Core.Stream, Core.Epoch, start, Core.Roster, []);
            _links.Clear();
        }

        var reader = new ReaderEnd(_world, this, consumer, turn, id, joined) { IsNewcomer = isNewcomer, BeganAt = position };
        _links.Add(new Link(reader));
        _unkept.Add((Core.RosterVersion, -joined.Epoch, reader.Admit));
        Drain();
        return reader;
    }

    public void Fence(ConsumerPlan consumer)
    {
        if (_fan is null) Core.Fence(_world.Now);
        else if (_fan.Find(consumer.Name) is { } one) _fan.Fence(one, _world.Now);
        Drain();
    }

    public FrameAnswer? OnFrame(Frame<Item> frame)
    {
        if (HasRetired) return new FrameAnswer(null, IsUnknown: true);
        if (IsClosed) return new FrameAnswer(null, IsUnknown: true, Core.LastRoster(_world.Now));
        if (IsGone) return null;

        var verdict = Core.OnFrame(frame, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"the producer was sent something absurd: {violation}");
        if (_writers.TryGetValue(frame.Peer, out var writer)) Heard.Add(writer);
        if (frame.Leaving) _writers.Remove(frame.Peer);
        var answer = Core.TryTakeDemandFor(frame.Peer, out var demand)
            ? new FrameAnswer(demand, IsUnknown: false)
            : new FrameAnswer(null, IsUnknown: verdict == Verdict.Stale || !Core.IsRebuilding);
        Drain();
        return answer;
    }

    public DemandAnswer? OnDemand(Demand demand)
    {
        if (HasRetired) return new DemandAnswer(null, IsUnknown: true);
        if (IsClosed) return Moved;
        if (IsGone) return null;

        if (_links.Find(one => one.Reader.Core.Epoch == demand.Peer) is { } link) Heard.Add(link.Reader);
        string? violation;
        var verdict = _fan is null ? Core.OnDemand(demand, _world.Now, out violation) : _fan.OnDemand(demand, _world.Now, out violation);
        _world.Expect(verdict != Verdict.Violation, $"the producer was asked something absurd: {violation}");
        Drain();
        bool isSentAway = verdict == Verdict.Stale && demand.Leave == Leave.None;
        return new DemandAnswer(!isSentAway ? null : _fan is null ? Core.AnswerStale(demand) : _fan.AnswerStale(demand), IsUnknown: false);
    }

    /// <summary>A writer goes on here, if it is a member or is still waited for.</summary>
    public RejoinAnswer Rejoin(WriterEnd end, WriterReport report)
    {
        _world.Note(() => $"{Core.Stream.Incarnation} gets {report} [{Names(report.Roster)}]");
        bool isOver = Core.End is not null;
        if (!Core.Report(report, Elsewhere(end.Home), _world.Now)) return Gone;

        _fan?.Settle(_world.Now);
        end.IsUnknown = false;
        if (!isOver) Tell(report.Roster);
        _writers[report.Writer] = end;
        Drain();
        return new RejoinAnswer(this, null);
    }

    /// <summary>The reader goes on here, if it is the newest one and is still waited for.</summary>
    public RejoinAnswer? Rejoin(ReaderEnd end, ReaderReport report)
    {
        _world.Note(() => $"{Core.Stream.Incarnation} gets {report} positions {string.Join(", ", report.Positions)} [{Names(report.Roster)}]");
        if (report.Epoch < (_fan?.NewestEpochOf(report.Consumer) ?? Core.NewestEpoch)) return new RejoinAnswer(null, new StreamEnd(StreamEndReason.Superseded));
        if (_fan is not null)
        {
            if (!_fan.HasLeft(report.Epoch) && !TryRejoinFan(end, report)) return _fan.TryYieldTo(report, end.Id, _world.Now) ? Yield(end, report) : Gone;
        }
        else if (Core.IsWelcome(report))
        {
            Tell(report.Roster);
            _links.Clear();
            _links.Add(new Link(end));
            Core.Report(report, _world.MaxBytes, Elsewhere(end.Home), _world.Now);
        }
        else if (Core.MustYieldTo(report))
        {
            return Yield(end, report);
        }
        else if (!Core.HasLeft(report.Epoch) && (LinkOf(end) is null || (!Core.IsReaderAttached && !Core.IsOver)))
        {
            return Gone;
        }

        Drain();
        return new RejoinAnswer(this, null);
    }

    /// <summary>It loses its memory without a word.</summary>
    public void Crash() => IsGone = true;

    /// <summary>It gives up its place and tells its ends, if that reaches them.</summary>
    public void Close(bool isHeard = true)
    {
        if (IsGone) return;
        IsGone = IsClosed = true;
        TellKept();
        _retiresAt = _world.Now + 2 * World.Timings.Lease;
        _untold.UnionWith(_writers.Values);
        _untold.UnionWith(_links.Where(IsRead).Select(link => link.Reader));
        if (_untold.Count == 0) _retiresAt = _world.Now;
        if (!isHeard) return;
        var roster = Core.LastRoster(_world.Now);
        foreach (var (number, writer) in _writers) writer.Push(this, new Demand(Core.Stream, number, 0, 0, 0, Roster: roster, IsMoved: true));
        foreach (var link in _links.Where(IsRead)) link.Reader.Send(this, new Frame<Item>(Core.Stream, link.Reader.Core.Epoch, [], Roster: roster, IsMoved: true), static (_, _) => { });
    }

    /// <summary>An end has heard that this producer gave up its place: once all have, nothing of it stays.</summary>
    public void OnFollowed(object end)
    {
        if (_untold.Remove(end) && _untold.Count == 0) _retiresAt = _world.Now;
    }

    /// <summary>
    /// Answers a reader that detaches once others know how far it was, or are not waited for any longer. Where this producer gives up its place
    /// before, the reader tells the next one.
    /// </summary>
    public void WhenKept(DemandAnswer answer, Action<DemandAnswer, bool> tell)
    {
        bool isTold = false;
        _unkept.Add((Core.RosterVersion, 0, () => Tell(isKept: !IsClosed)));
        if (!IsGone) Drain();
        _world.Clock.In(World.Timings.Suspicion, () =>
        {
            if (!IsGone) Tell(isKept: false);
        });

        void Tell(bool isKept)
        {
            if (isTold) return;
            isTold = true;
            tell(IsClosed ? Moved : answer, isKept);
        }
    }

    private DemandAnswer Moved => new(null, IsUnknown: true, Core.LastRoster(_world.Now), IsMoved: true);

    private bool HasRetired => IsClosed && _world.Now >= _retiresAt;

    private void TellKept()
    {
        for (int i = _unkept.Count - 1; i >= 0; i--)
        {
            if (!IsClosed && !IsKept(_unkept[i].Version, _unkept[i].About)) continue;
            if (!IsClosed || _unkept[i].About == 0) _unkept[i].Tell();
            _unkept.RemoveAt(i);
        }
    }

    private RejoinAnswer? Yield(ReaderEnd end, ReaderReport report)
    {
        _world.GiveUp(this);
        return _world.TryBorrow(report.Stream, end.Home, out var successor) ? successor.Rejoin(end, report) : null;
    }

    private bool IsRead(Link link) => _fan is null ? Core.IsReaderAttached : Core.IsRebuilding || _fan.Find(link.Reader.Core.Epoch) is not null;

    private Link? LinkOf(ReaderEnd reader) => _links.Find(link => link.Reader == reader);

    private bool TryRejoinFan(ReaderEnd end, ReaderReport report)
    {
        if (_fan!.Find(report.Epoch) is { } present && present.Reader == end.Id) return true;   // it asks again
        if (Core.IsRebuilding && report.End is not null) EndDeclaredBy = end.EndedBy;
        if (!_fan.Report(report, _world.MaxBytes, Elsewhere(end.Home), end.Id, _world.Now)) return Core.IsOver;

        Tell(report.Roster);
        _links.RemoveAll(link => link.Reader == end);
        _links.Add(new Link(end));
        return true;
    }

    private static RejoinAnswer Gone { get; } = new(null, new StreamEnd(StreamEndReason.Abandoned, "The stream goes on without this end, or has ended."));

    private static string Names(Roster? roster) => roster is null ? "unknown" : string.Join(", ", roster.Writers.Select(one => $"{one.Writer}: {one.EndAt} {one.Outcome}")
        .Concat(roster.Fan?.Subscriptions.Select(one => $"'{one.Consumer}' {one.Epoch}{(one.IsRead ? " read" : "")}{(one.IsOvertaken ? " overtaken" : "")}{(one.IsDismissed ? " dismissed" : "")}") ?? []));

    private void Tell(Roster? roster)
    {
        bool isTooLate = _fan is not null && Core.End is not null;   // others may have seen how it ended
        if (!isTooLate) Told.UnionWith(roster?.Writers.Select(one => one.Writer) ?? []);
    }

    private void Tick()
    {
        _fan?.Settle(_world.Now);
        _fan?.OnTick(_world.Now, one => _links.Find(link => link.Reader.Id == one.Reader)?.GiveUpInFlight());
        if (Core.OnTick(_world.Now)) _links.ForEach(link => link.GiveUpInFlight());
        _fan?.Settle(_world.Now);
        Drain();
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private void Drain()
    {
        if (_wasRebuilding && !Core.IsRebuilding) _world.Note(() => $"opens: {this}");
        _wasRebuilding = Core.IsRebuilding;
        if (Core.IsTorn && !Core.IsOver) _world.GiveUp(this);
        if (IsGone) return;
        _fan?.Feed(_world.Now);
        while (Core.TryTakeDemand(out var demand))
        {
            if (_writers.TryGetValue(demand.Peer, out var writer)) writer.Push(this, demand);
        }

        foreach (var link in _links)
        {
            while (link.InFlight < World.MaxInFlight && TryTakeFrame(link.Reader, out var frame)) Send(link, frame);
        }

        TellKept();
        _timer.Arm();
    }

    private bool TryTakeFrame(ReaderEnd reader, out Frame<Item> frame)
    {
        var (elements, bytes) = (_world.Scenario.FrameElements, _world.Scenario.FrameBytes);
        if (_fan is null) return Core.TryTakeFrame(elements, bytes, _world.Now, out frame);

        frame = default;
        return _fan.Find(reader.Core.Epoch) is { } one && _fan.TryTakeFrame(one, elements, bytes, _world.Now, out frame);
    }

    private void Send(Link link, Frame<Item> frame)
    {
        link.InFlight++;
        int generation = link.Generation;
        link.Reader.Send(this, frame, (demand, isFenced) =>
        {
            if (IsGone) return;
            if (generation == link.Generation && link.InFlight > 0) link.InFlight--;
            if (isFenced) Close();
            else if (demand is { } echo) OnDemand(echo);
            else Drain();
        });
    }

    private bool IsKept(long version, long about) => about >= 0 ? Core.IsKept(version, about)
        : _fan is not null ? _fan.IsKept(version, -about)
        : Core.IsKept(version, ProducerCore<Item>.ReaderItself);

    /// <summary>The way to one reader.</summary>
    private sealed class Link(ReaderEnd reader)
    {
        public ReaderEnd Reader => reader;

        public int InFlight { get; set; }

        public int Generation { get; private set; }

        public void GiveUpInFlight()
        {
            Generation++;
            InFlight = 0;
        }
    }
}
