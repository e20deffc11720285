namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>What a producer answers a writer's frame with.</summary>
internal readonly record struct FrameAnswer(Demand? Demand, bool IsUnknown, Roster? Moved = null);

/// <summary>What a producer answers a reader's demand with: how it came to be sent away, or nothing.</summary>
internal readonly record struct DemandAnswer(StreamEnd? End, bool IsUnknown, Roster? Moved = null);

/// <summary>What the grain answers an end that rejoins with: the stream as it goes on, or why it does not.</summary>
internal readonly record struct RejoinAnswer(ProducerEnd? Producer, StreamEnd? Refusal);

/// <summary>One lifetime of the producer: its shell in the simulated world.</summary>
internal sealed class ProducerEnd
{
    private readonly World _world;
    private readonly VirtualTimer _timer;
    private readonly Dictionary<long, WriterEnd> _writers = [];
    private readonly List<(long Version, long Writer, Action Tell)> _unkept = [];
    private ReaderEnd? _reader;
    private int _inFlight;
    private int _generation;
    private bool _wasRebuilding;

    public ProducerEnd(World world, StreamKey key, int process, bool isRebuilt)
    {
        _world = world;
        Process = process;
        Core = isRebuilt
            ? ProducerCore<Item>.Rebuild(key, World.Timings, world.Now, world.SizeOf)
            : new ProducerCore<Item>(key, world.Scenario.BufferSize, World.SubscriptionTimeout, World.Timings, world.Now, world.SizeOf);
        _timer = new VirtualTimer(world.Clock, () => IsGone ? TimeSpan.MaxValue : Core.NextDeadline, Tick);
        _timer.Arm();
    }

    public ProducerCore<Item> Core { get; }

    public int Process { get; }

    /// <summary>The writers that reports told it of.</summary>
    public HashSet<long> Told { get; } = [];

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
        + $"end {Core.End}, over {Core.IsOver}, gone {IsGone}, closed {IsClosed}, rebuilding {Core.IsRebuilding}, roster [{Names(Core.Roster)}]";

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

    public ReaderEnd? Subscribe(ReaderPlan plan, long? position)
    {
        long start = Core.Subscribe("consumer", _world.Scenario.IsNamed, position, _world.Now, _world.MaxBytes, Elsewhere(plan.Home));
        if (start < 0)
        {
            Drain();
            return null;
        }

        GiveUpInFlight();
        _reader = new ReaderEnd(_world, this, plan, Core.Epoch, start);
        _unkept.Add((Core.RosterVersion, ProducerCore<Item>.ReaderItself, _reader.Admit));
        Drain();
        return _reader;
    }

    public void Fence()
    {
        Core.Fence(_world.Now);
        Drain();
    }

    public FrameAnswer? OnFrame(Frame<Item> frame)
    {
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
        if (IsClosed) return new DemandAnswer(null, IsUnknown: true, Core.LastRoster(_world.Now));
        if (IsGone) return null;

        if (_reader is not null && demand.Peer == Core.Epoch) Heard.Add(_reader);
        var verdict = Core.OnDemand(demand, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"the producer was asked something absurd: {violation}");
        Drain();
        return new DemandAnswer(verdict == Verdict.Stale && demand.Leave == Leave.None ? Core.AnswerStale(demand) : null, IsUnknown: false);
    }

    /// <summary>A writer goes on here, if it is a member or is still waited for.</summary>
    public RejoinAnswer Rejoin(WriterEnd end, WriterReport report)
    {
        _world.Note(() => $"{Core.Stream.Incarnation} gets {report} [{Names(report.Roster)}]");
        bool isOver = Core.End is not null;
        if (!Core.Report(report, Elsewhere(end.Home), _world.Now)) return Gone;

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
        if (report.Epoch < Core.NewestEpoch) return new RejoinAnswer(null, new StreamEnd(StreamEndReason.Superseded));
        if (Core.IsWelcome(report))
        {
            Tell(report.Roster);
            _reader = end;
            GiveUpInFlight();
            Core.Report(report, _world.MaxBytes, Elsewhere(end.Home), _world.Now);
        }
        else if (Core.MustYieldTo(report))
        {
            _world.GiveUp(this);
            return _world.TryBorrow(report.Stream, end.Home, out var successor) ? successor.Rejoin(end, report) : null;
        }
        else if (_reader != end || (!Core.IsReaderAttached && !Core.IsOver))
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
        if (!isHeard) return;
        var roster = Core.LastRoster(_world.Now);
        foreach (var (number, writer) in _writers) writer.Push(this, new Demand(Core.Stream, number, 0, 0, 0, Roster: roster, IsMoved: true));
        if (Core.IsReaderAttached) _reader?.Send(this, new Frame<Item>(Core.Stream, Core.Epoch, [], Roster: roster, IsMoved: true), static (_, _) => { });
    }

    private static RejoinAnswer Gone { get; } = new(null, new StreamEnd(StreamEndReason.Abandoned, "The stream goes on without this end, or has ended."));

    private static string Names(Roster? roster) => roster is null ? "unknown" : string.Join(", ", roster.Writers.Select(one => $"{one.Writer}: {one.EndAt} {one.Outcome}"));

    private void Tell(Roster? roster) => Told.UnionWith(roster?.Writers.Select(one => one.Writer) ?? []);

    private void GiveUpInFlight()
    {
        _generation++;
        _inFlight = 0;
    }

    private void Tick()
    {
        if (Core.OnTick(_world.Now)) GiveUpInFlight();
        Drain();
    }

    private void Drain()
    {
        if (_wasRebuilding && !Core.IsRebuilding) _world.Note(() => $"opens: {this}");
        _wasRebuilding = Core.IsRebuilding;
        if (Core.IsTorn && !Core.IsOver) _world.GiveUp(this);
        if (IsGone) return;
        while (Core.TryTakeDemand(out var demand))
        {
            if (_writers.TryGetValue(demand.Peer, out var writer)) writer.Push(this, demand);
        }

        while (_inFlight < World.MaxInFlight && Core.TryTakeFrame(_world.Scenario.FrameElements, _world.Scenario.FrameBytes, _world.Now, out var frame))
        {
            _inFlight++;
            int generation = _generation;
            _reader!.Send(this, frame, (demand, isFenced) =>
            {
                if (IsGone) return;
                if (generation == _generation && _inFlight > 0) _inFlight--;
                if (isFenced) Close();
                else if (demand is { } echo) OnDemand(echo);
                else Drain();
            });
        }

        for (int i = _unkept.Count - 1; i >= 0; i--)
        {
            if (!Core.IsKept(_unkept[i].Version, _unkept[i].Writer)) continue;
            _unkept[i].Tell();
            _unkept.RemoveAt(i);
        }

        _timer.Arm();
    }
}
