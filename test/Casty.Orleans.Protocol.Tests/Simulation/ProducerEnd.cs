namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>What a producer answers a writer's frame with.</summary>
internal readonly record struct FrameAnswer(Demand? Demand, bool IsUnknown);

/// <summary>What a producer answers a reader's demand with: how it came to be sent away, or nothing.</summary>
internal readonly record struct DemandAnswer(StreamEnd? End, bool IsUnknown);

/// <summary>What the grain answers an end that rejoins with: the stream as it goes on, or why it does not.</summary>
internal readonly record struct RejoinAnswer(ProducerEnd? Producer, StreamEnd? Refusal);

/// <summary>One lifetime of the producer: its shell in the simulated world.</summary>
internal sealed class ProducerEnd
{
    private readonly World _world;
    private readonly VirtualTimer _timer;
    private readonly Dictionary<long, WriterEnd> _writers = [];
    private readonly List<(long Version, WriterEnd Writer)> _unkept = [];
    private ReaderEnd? _reader;
    private int _inFlight;
    private int _generation;

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

    /// <summary>It lost its memory, or gave up its place: it does nothing any more.</summary>
    public bool IsGone { get; private set; }

    /// <summary>It gave up its place and says so to whoever asks.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Ends in other processes do not reach it before then, nor does it reach them.</summary>
    public TimeSpan CutOffUntil { get; set; }

    public override string ToString() =>
        $"producer {Core.Stream.Incarnation} in {Process}: next {Core.Next}, confirmed {Core.Confirmed}, sent {Core.Sent}, requested {Core.Requested}, "
        + $"end {Core.End}, over {Core.IsOver}, gone {IsGone}, closed {IsClosed}, rebuilding {Core.IsRebuilding}, roster [{Names(Core.Roster)}]";

    public bool IsReachableFrom(int process) => process == Process || _world.Now >= CutOffUntil;

    public WriterEnd Attach(int index, WriterPlan plan)
    {
        long number = _world.NextWriterNumber();
        Core.Attach(number, _world.Now, carriesRoster: plan.Home != Process);
        var writer = new WriterEnd(_world, this, index, plan, number);
        _writers.Add(number, writer);
        _unkept.Add((Core.RosterVersion, writer));
        Drain();
        return writer;
    }

    public ReaderEnd Subscribe(ReaderPlan plan, long? position)
    {
        long start = Core.Subscribe("consumer", _world.Scenario.IsNamed, position, _world.Now, _world.MaxBytes, carriesRoster: plan.Home != Process);
        GiveUpInFlight();
        _reader = new ReaderEnd(_world, this, plan, Core.Epoch, start);
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
        if (IsClosed) return new FrameAnswer(null, IsUnknown: true);
        if (IsGone) return null;

        var verdict = Core.OnFrame(frame, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"the producer was sent something absurd: {violation}");
        if (frame.Leaving) _writers.Remove(frame.Peer);
        var answer = Core.TryTakeDemandFor(frame.Peer, out var demand)
            ? new FrameAnswer(demand, IsUnknown: false)
            : new FrameAnswer(null, IsUnknown: verdict == Verdict.Stale || !Core.IsRebuilding);
        Drain();
        return answer;
    }

    public DemandAnswer? OnDemand(Demand demand)
    {
        if (IsClosed) return new DemandAnswer(null, IsUnknown: true);
        if (IsGone) return null;

        var verdict = Core.OnDemand(demand, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"the producer was asked something absurd: {violation}");
        Drain();
        return new DemandAnswer(verdict == Verdict.Stale && demand.Leave == Leave.None ? Core.AnswerStale(demand) : null, IsUnknown: false);
    }

    /// <summary>A writer goes on here, if it is a member or is still waited for.</summary>
    public RejoinAnswer Rejoin(WriterEnd end, WriterReport report)
    {
        if (Core.IsRebuilding)
        {
            end.IsUnknown = false;
            Tell(report.Roster);
            _writers[report.Writer] = end;
            Core.Report(report, carriesRoster: end.Home != Process, _world.Now);
        }
        else if (Core.Knows(report.Writer))
        {
            end.IsUnknown = false;
            _writers[report.Writer] = end;
        }
        else
        {
            return Gone;
        }

        Drain();
        return new RejoinAnswer(this, null);
    }

    /// <summary>The reader goes on here, if it is the newest one and is still waited for.</summary>
    public RejoinAnswer? Rejoin(ReaderEnd end, ReaderReport report)
    {
        if (report.Epoch < Core.Epoch) return new RejoinAnswer(null, new StreamEnd(StreamEndReason.Superseded));
        if (Core.IsRebuilding)
        {
            Tell(report.Roster);
            _reader = end;
            GiveUpInFlight();
            Core.Report(report, _world.MaxBytes, carriesRoster: end.Home != Process, _world.Now);
        }
        else if (Core is { Sent: 0, Confirmed: 0, IsReaderAttached: false, IsOver: false })
        {
            // Too late, but nobody has read since: the stream is rebuilt once more, with the reader.
            _world.GiveUp(this);
            return null;
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
    public void Close()
    {
        if (IsGone) return;
        IsGone = IsClosed = true;
        var roster = Core.Roster;
        foreach (var (number, writer) in _writers) writer.Push(this, new Demand(Core.Stream, number, 0, 0, 0, Roster: roster, IsMoved: true));
        if (Core.IsReaderAttached) _reader?.Send(this, new Frame<Item>(Core.Stream, Core.Epoch, [], Roster: roster, IsMoved: true), static (_, _) => { });
    }

    private static RejoinAnswer Gone { get; } = new(null, new StreamEnd(StreamEndReason.Abandoned, "The stream goes on without this end, or has ended."));

    private static string Names(Roster? roster) => roster is null ? "unknown" : string.Join(", ", roster.Writers.Select(one => $"{one.Writer}: {one.EndAt} {one.Outcome}"));

    private void Tell(Roster? roster) => _world.Told.UnionWith(roster?.Writers.Select(one => one.Writer) ?? []);

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
            if (!Core.IsKept(_unkept[i].Version, _unkept[i].Writer.Core.Writer)) continue;
            _unkept[i].Writer.OnKept();
            _unkept.RemoveAt(i);
        }

        _timer.Arm();
    }
}
