namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>
/// Writers, a producer and its readers over bad wires, all from one seed. Runs until nothing is left to do, and checks the
/// promises after each step and at the end.
/// </summary>
internal sealed class World
{
    public const int MaxInFlight = 4;

    public static readonly StreamTimings Timings = StreamTimings.Default;
    public static readonly TimeSpan SubscriptionTimeout = TimeSpan.FromMinutes(10);

    /// <summary>After how long a call to a grain is given up.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(3);

    private const int MostNotes = 100_000;
    private const long MostSteps = 2_000_000;
    private static readonly TimeSpan Longest = TimeSpan.FromHours(6);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly int _seed;
    private readonly Ledger _ledger;
    private readonly List<WriterEnd> _writers = [];
    private readonly List<ReaderEnd> _readers = [];
    private readonly List<ProducerEnd> _producers = [];
    private readonly List<string>? _notes;
    private readonly HashSet<int> _deadProcesses = [];
    private TimeSpan _downUntil;
    private long _faultStep = long.MaxValue;
    private long _nextWriter;
    private int _nextReader;
    private bool _isLost;

    public World(int seed, Func<Random, Scenario> draw, bool isTraced = false)
    {
        _notes = isTraced ? [] : null;
        _seed = seed;
        Random = new Random(seed);
        Scenario = draw(Random);
        SizeOf = Scenario.MaxBytes is null ? null : static item => item.Size;
        _ledger = Scenario.Delivery.Delivery switch
        {
            StreamDelivery.Single => new SingleLedger(this),
            StreamDelivery.Broadcast => new BroadcastLedger(this),
            _ => new BalancedLedger(this),
        };
        MaxBytes = Scenario.MaxBytes ?? long.MaxValue;
        Producer = new ProducerEnd(this, new StreamKey(new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 1), process: 0, isRebuilt: false);
        _producers.Add(Producer);
        if (Scenario.Faults.Length > 0) _faultStep = Scenario.Faults[0].AfterSteps;

        for (int i = 0; i < Scenario.Writers.Length; i++)
        {
            int index = i;
            var plan = Scenario.Writers[i];
            if (plan.AttachAtMilliseconds == 0) Attach(index, plan);
            else Clock.In(TimeSpan.FromMilliseconds(plan.AttachAtMilliseconds), () => Attach(index, plan));
        }

        foreach (var consumer in Scenario.Consumers) Clock.In(TimeSpan.FromMilliseconds(consumer.JoinAtMilliseconds), () => Subscribe(consumer, 0, null));
        if (Scenario.CutsMilliseconds > 0) Clock.In(TimeSpan.FromMilliseconds(Random.Next(20_000)), Cut);
    }

    public Scenario Scenario { get; }

    public Random Random { get; }

    public VirtualClock Clock { get; } = new();

    public TimeSpan Now => Clock.Now;

    public Func<Item, int>? SizeOf { get; }

    public long MaxBytes { get; }

    /// <summary>The newest lifetime of the producer.</summary>
    public ProducerEnd Producer { get; private set; }

    public IReadOnlyList<ProducerEnd> Producers => _producers;

    /// <summary>How often a producer's lifetime has ended so far.</summary>
    public int Faults { get; private set; }

    public TimeSpan LastFaultAt { get; private set; }

    /// <summary>A producer lived on beside the one in its place: ends that only it reached may have come too late.</summary>
    public bool WasSplit { get; private set; }

    /// <summary>A producer was lost before any end that goes on had said a word: what it had told those that do not is known to nobody.</summary>
    public bool WasUnheard { get; private set; }

    /// <summary>For longer than a lease no producer could be begun.</summary>
    public bool WasDownForLong { get; private set; }

    public IReadOnlyList<WriterEnd> Writers => _writers;

    public IReadOnlyList<ReaderEnd> Readers => _readers;

    public static void Run(int seed, Func<Random, Scenario> draw, bool isTraced = false)
    {
        var world = new World(seed, draw, isTraced);
        try
        {
            world.RunToRest();
        }
        catch (Exception e) when (e is not SimulationException)
        {
            world.Fail(e.ToString());
        }
    }

    /// <summary>All that is worth reading of a run.</summary>
    public static string[] Trace(int seed, Func<Random, Scenario> draw)
    {
        var world = new World(seed, draw, isTraced: true);
        world.RunToRest();
        return [.. world._notes!, $"{world.Now} after {world.Clock.Steps} steps", .. world._readers.Select(reader => reader.ToString()), .. world._writers.Select(writer => writer.ToString())];
    }

    public static bool IsOn(Roster? roster, WriterEnd writer) => roster is not null
        && roster.Writers.Any(one => one.Writer == writer.Core.Writer || one is { Writer: 0, Outcome: not StreamEndReason.Completed });

    public long NextWriterNumber() => ++_nextWriter;

    public Guid NextReaderId() => new(++_nextReader, 0, 0, new byte[8]);

    /// <summary>The grain's part: the producer that there is, or one in the place of the one that was lost.</summary>
    public bool TryBorrow(StreamKey lost, int home, out ProducerEnd producer)
    {
        producer = Producer;
        if (!_isLost) return true;
        if (Now < _downUntil) return false;

        _isLost = false;
        int process = Random.Next(2) == 0 ? home : Random.Next(Scenario.Processes);
        if (_deadProcesses.Contains(process)) process = Scenario.Processes + Faults;
        Producer = producer = new ProducerEnd(this, Producer.Core.Stream.Next(now: Producer.Core.Stream.Incarnation + TimeSpan.TicksPerSecond), process, isRebuilt: true);
        _producers.Add(producer);
        var begun = producer;
        Note(() => $"begins: {begun}");
        return true;
    }

    public Wire NewWire() => new(Clock, Random, Scenario.Wires);

    public int NextSize() => Random.Next(30) == 0 ? Random.Next(2_000) : Random.Next(1, 60);

    public void OnPut() => _ledger.OnPut();

    public void OnRejoined(WriterEnd writer) => _ledger.OnRejoined(writer);

    public void OnEnded(ReaderEnd reader) => _ledger.OnEnded(reader);

    public void OnGiven(ReaderEnd reader, long position, Item item) => _ledger.OnGiven(reader, position, item);

    /// <summary>A reader has left by itself: who comes after it, if anyone, comes when the name is free.</summary>
    public void OnLeft(ReaderEnd reader)
    {
        if (reader.Fate is ReaderFate.Detach or ReaderFate.DieAndReturn)
        {
            Clock.In(TimeSpan.FromMilliseconds(Random.Next(200_000)), () => Return(reader));
        }
    }

    /// <summary>Another reader comes while the old one reads: fence, ask the old one for its position, go on.</summary>
    public void OnTakeover(ReaderEnd old)
    {
        if (!CanJoin)
        {
            // Nobody to ask: it comes when there is.
            if (Now < LastFaultAt + Patience) Clock.In(TimeSpan.FromSeconds(1), () => OnTakeover(old));
            return;
        }

        var producer = Producer;
        producer.Fence(old.Consumer);
        Clock.In(TimeSpan.FromMilliseconds(Random.Next(300)), () =>
        {
            long? position = old.Fate == ReaderFate.Takeover ? old.Supersede() : null;
            Clock.In(TimeSpan.FromMilliseconds(Random.Next(300)), () => Subscribe(old.Consumer, old.Turn + 1, producer == Producer ? position : null, old));
        });
    }

    public void Expect(bool isTrue, [System.Runtime.CompilerServices.InterpolatedStringHandlerArgument(nameof(isTrue))] ref Otherwise otherwise)
    {
        if (!isTrue) Fail(otherwise.ToString());
    }

    /// <summary>Something worth reading when a seed is replayed.</summary>
    public void Note(Func<string> what)
    {
        if (_notes is null) return;
        _notes.Add($"{Now:hh\\:mm\\:ss\\.fff} {what()}");
        if (_notes.Count > MostNotes) _notes.RemoveAt(0);
    }

    private void RunToRest()
    {
        var limit = Now + Longest;
        while (Clock.Step())
        {
            if (Clock.Steps >= _faultStep && Faults < Scenario.Faults.Length) Fault(Scenario.Faults[Faults]);
            _ledger.CheckBounds();
            if (_writers.TrueForAll(writer => writer.IsDone && (writer.IsUnknown || (WasSplit && !Producer.Told.Contains(writer.Core.Writer)))) && Now > LastFaultAt + 2 * Patience && Scenario.Faults.Length > 0) return;   // a reader may wait for ever
            Expect(Clock.Steps < MostSteps && Now < limit, $"the world does not come to rest");
        }

        _ledger.CheckRest();
    }

    private void Attach(int index, WriterPlan plan)
    {
        if (_deadProcesses.Contains(plan.Home)) return;
        if (!CanJoin)
        {
            if (Now < LastFaultAt + Patience) Clock.In(TimeSpan.FromSeconds(1), () => Attach(index, plan));
            return;
        }

        if (Producer.Core.End is null && !Producer.Core.IsOver) _writers.Add(Producer.Attach(index, plan));
    }

    /// <summary>A producer that cannot go on gives up its place.</summary>
    public void GiveUp(ProducerEnd producer)
    {
        Note(() => $"{producer} gives up");
        producer.Close();
        if (producer != Producer || _isLost) return;
        _isLost = true;
        Faults++;
        LastFaultAt = Now;
        _faultStep = long.MaxValue;
    }

    private bool CanJoin => !_isLost && !Producer.Core.IsRebuilding;

    private void Fault(FaultPlan plan)
    {
        Faults++;
        LastFaultAt = Now;
        _faultStep = Faults < Scenario.Faults.Length ? Clock.Steps + Scenario.Faults[Faults].AfterSteps : long.MaxValue;
        if (_isLost) return;
        if (plan.Kind is FaultKind.Close or FaultKind.CloseUnheard && Producer.Core.IsOver) return;   // it stays, as its ends may not have been told yet

        Note(() => $"fault {plan} hits {Producer}");
        WasUnheard |= !_writers.Exists(one => !one.IsDone && one.Core is not { End: not null, Put: 0 } && Producer.Heard.Contains(one)) && !_readers.Exists(one => !one.IsDone && Producer.Heard.Contains(one));
        _isLost = true;
        _downUntil = Now + TimeSpan.FromMilliseconds(plan.DownMilliseconds);
        WasDownForLong |= plan.DownMilliseconds > 20_000;
        switch (plan.Kind)
        {
            case FaultKind.Crash:
                Producer.Crash();
                _deadProcesses.Add(Producer.Process);
                foreach (var writer in _writers.Where(one => one.Home == Producer.Process)) writer.Die();
                foreach (var reader in _readers.Where(one => one.Home == Producer.Process))
                {
                    bool isReading = !reader.IsDone;
                    reader.Die();
                    if (isReading && !reader.HasLeft && !reader.IsTakenOver && reader.Turn + 1 < reader.Consumer.Readers.Length) Clock.In(TimeSpan.FromMilliseconds(Random.Next(200_000)), () => Return(reader));
                }

                break;
            case FaultKind.CloseUnheard:
                Producer.Close(isHeard: false);
                break;
            case FaultKind.Close:
                Producer.Close();
                break;
            default:
                WasSplit = true;
                var old = Producer;
                old.CutOffUntil = Now + TimeSpan.FromMilliseconds(Random.Next(2) * Random.Next(40_000));
                Clock.At(old.CutOffUntil + TimeSpan.FromMilliseconds(Random.Next(300_000)), () => old.Close());   // Orleans ends a second activation in the end
                if (_writers.Find(one => one is { IsDone: false }) is { } suspicious) suspicious.Rejoin();
                break;
        }

        var carried = _writers.Where(one => !one.IsDone).Select(one => one.Core.Roster).ToArray();
        foreach (var reader in _readers)
        {
            reader.IsUnknown |= !Array.Exists(carried, Names);
            reader.IsNews |= Now - reader.JoinedAt < 2 * Timings.Suspicion && (!Array.TrueForAll(carried, one => one is null || Names(one)) || _readers.Exists(one => one is { IsDone: false, Core.Roster: { } roster } && !Names(roster)));

            bool Names(Roster? roster) => roster?.Fan?.Subscriptions.Any(entry => entry.Epoch == reader.Core.Epoch) == true;
        }

        foreach (var writer in _writers) writer.IsUnknown |= !_writers.Any(one => one != writer && one.Knows(writer)) && !_readers.Exists(one => one.Knows(writer));
    }

    private void Return(ReaderEnd old)
    {
        // Of a reader that detached, the next one waits for the answer: only then is the position exact.
        if (old is { Fate: ReaderFate.Detach, IsDone: false }) Clock.In(TimeSpan.FromSeconds(1), () => Return(old));
        else Subscribe(old.Consumer, old.Turn + 1, null, old);
    }

    private void Subscribe(ConsumerPlan consumer, int turn, long? position, ReaderEnd? old = null)
    {
        if (!CanJoin)
        {
            if (Now < LastFaultAt + Patience) Clock.In(TimeSpan.FromSeconds(1), () => Subscribe(consumer, turn, null, old));
            return;
        }

        if (Producer.Core.IsOver || _deadProcesses.Contains(consumer.Readers[turn].Home)) return;

        bool isTheirs = old?.StoodAtProducer == true && old.Producer == Producer;
        if (Producer.Subscribe(consumer, turn, position) is not { } reader)
        {
            Clock.In(TimeSpan.FromSeconds(1), () => Subscribe(consumer, turn, null, old));   // it is rebuilt first
            return;
        }

        _readers.Add(reader);
        _ledger.OnSubscribed(reader, old);
        _ledger.OnResumed(reader, old, isTheirs);
    }

    private void Cut()
    {
        var until = Now + TimeSpan.FromMilliseconds(Scenario.CutsMilliseconds);
        foreach (var writer in _writers) writer.Cut(until);
        foreach (var reader in _readers) reader.Cut(until);
    }

    private void Fail(string what) => throw new SimulationException(
        $"seed {_seed}: {what}\nat {Now} after {Clock.Steps} steps; buffer {Scenario.BufferSize}, bytes {Scenario.MaxBytes}, {Scenario.Wires}\n"
        + $"{Faults} of {string.Join(", ", Scenario.Faults.AsEnumerable())}\n"
        + string.Join('\n', _producers.Select(producer => producer.ToString()).Concat(_writers.Select(writer => writer.ToString())).Concat(_readers.Select(reader => reader.ToString())))
        + (_notes is null ? "" : "\n" + string.Join('\n', _notes)));
}

internal sealed class SimulationException(string message) : Exception(message);

/// <summary>A message that costs nothing where it is not needed: the checks run after every step.</summary>
[System.Runtime.CompilerServices.InterpolatedStringHandler]
internal ref struct Otherwise
{
    private System.Runtime.CompilerServices.DefaultInterpolatedStringHandler _text;
    private readonly bool _isNeeded;

    public Otherwise(int literalLength, int formattedCount, bool isTrue, out bool isNeeded)
    {
        isNeeded = _isNeeded = !isTrue;
        if (isNeeded) _text = new(literalLength, formattedCount);
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<TValue>(TValue value) => _text.AppendFormatted(value);

    public override readonly string ToString() => _isNeeded ? _text.ToString() : "";
}
