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

    private const long MostSteps = 2_000_000;
    private static readonly TimeSpan Longest = TimeSpan.FromHours(6);

    private readonly int _seed;
    private readonly Ledger _ledger;
    private readonly List<WriterEnd> _writers = [];
    private readonly List<ReaderEnd> _readers = [];
    private int _nextReader;

    public World(int seed, Scenario? scenario = null)
    {
        _seed = seed;
        Random = new Random(seed);
        Scenario = scenario ?? Scenario.From(Random);
        SizeOf = Scenario.MaxBytes is null ? null : static item => item.Size;
        _ledger = new Ledger(this);
        Producer = new ProducerEnd(this);

        for (int i = 0; i < Scenario.Writers.Length; i++)
        {
            int index = i;
            var plan = Scenario.Writers[i];
            if (plan.AttachAtMilliseconds == 0) Attach(index, plan);
            else Clock.In(TimeSpan.FromMilliseconds(plan.AttachAtMilliseconds), () => Attach(index, plan));
        }

        Clock.In(TimeSpan.FromMilliseconds(Scenario.FirstReaderAtMilliseconds), () => Subscribe(null));
        if (Scenario.CutsMilliseconds > 0) Clock.In(TimeSpan.FromMilliseconds(Random.Next(20_000)), Cut);
    }

    public Scenario Scenario { get; }

    public Random Random { get; }

    public VirtualClock Clock { get; } = new();

    public TimeSpan Now => Clock.Now;

    public StreamKey Key { get; } = new(new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 1);

    public Func<Item, int>? SizeOf { get; }

    public ProducerEnd Producer { get; }

    public IReadOnlyList<WriterEnd> Writers => _writers;

    public IReadOnlyList<ReaderEnd> Readers => _readers;

    public static void Run(int seed, Scenario? scenario = null)
    {
        var world = new World(seed, scenario);
        try
        {
            world.RunToRest();
        }
        catch (Exception e) when (e is not SimulationException)
        {
            world.Fail(e.ToString());
        }
    }

    public Wire NewWire() => new(Clock, Random, Scenario.Wires);

    public int NextSize() => Random.Next(30) == 0 ? Random.Next(2_000) : Random.Next(1, 60);

    public void OnPut() => _ledger.OnPut();

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
        Producer.Fence();
        Clock.In(TimeSpan.FromMilliseconds(Random.Next(300)), () =>
        {
            long? position = old.Fate == ReaderFate.Takeover ? old.Supersede() : null;
            Clock.In(TimeSpan.FromMilliseconds(Random.Next(300)), () => Subscribe(position, old));
        });
    }

    public void Expect(bool isTrue, [System.Runtime.CompilerServices.InterpolatedStringHandlerArgument(nameof(isTrue))] ref Otherwise otherwise)
    {
        if (!isTrue) Fail(otherwise.ToString());
    }

    private void RunToRest()
    {
        var limit = Now + Longest;
        while (Clock.Step())
        {
            _ledger.CheckBounds();
            Expect(Clock.Steps < MostSteps && Now < limit, $"the world does not come to rest");
        }

        _ledger.CheckRest();
    }

    private void Attach(int index, WriterPlan plan)
    {
        if (Producer.Core.End is null && !Producer.Core.IsOver) _writers.Add(Producer.Attach(index, plan));
    }

    private void Return(ReaderEnd old)
    {
        // Of a reader that detached, the next one waits for the answer: only then is the position exact.
        if (old.Fate == ReaderFate.Detach && !old.Core.IsSettled) Clock.In(TimeSpan.FromSeconds(1), () => Return(old));
        else Subscribe(null, old);
    }

    private void Subscribe(long? position, ReaderEnd? old = null)
    {
        if (Producer.Core.IsOver) return;

        var reader = Producer.Subscribe(Scenario.Readers[_nextReader++], position);
        _readers.Add(reader);
        _ledger.OnSubscribed(reader, old);
    }

    private void Cut()
    {
        var until = Now + TimeSpan.FromMilliseconds(Scenario.CutsMilliseconds);
        foreach (var writer in _writers) writer.Cut(until);
        foreach (var reader in _readers) reader.Cut(until);
    }

    private void Fail(string what) => throw new SimulationException(
        $"seed {_seed}: {what}\nat {Now} after {Clock.Steps} steps; buffer {Scenario.BufferSize}, bytes {Scenario.MaxBytes}, {Scenario.Wires}\n"
        + $"producer: next {Producer.Core.Next}, confirmed {Producer.Core.Confirmed}, sent {Producer.Core.Sent}, requested {Producer.Core.Requested}, end {Producer.Core.End}, over {Producer.Core.IsOver}\n"
        + string.Join('\n', _writers.Select(writer => writer.ToString()).Concat(_readers.Select(reader => reader.ToString()))));
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
