namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>The producer's shell in the simulated world.</summary>
internal sealed class ProducerEnd
{
    private readonly World _world;
    private readonly VirtualTimer _timer;
    private readonly Dictionary<long, WriterEnd> _writers = [];
    private ReaderEnd? _reader;
    private int _inFlight;
    private int _generation;

    public ProducerEnd(World world)
    {
        _world = world;
        Core = new ProducerCore<Item>(world.Key, world.Scenario.BufferSize, World.SubscriptionTimeout, World.Timings, world.Now, world.SizeOf);
        _timer = new VirtualTimer(world.Clock, () => Core.NextDeadline, Tick);
        _timer.Arm();
    }

    public ProducerCore<Item> Core { get; }

    public WriterEnd Attach(int index, WriterPlan plan)
    {
        long number = Core.Attach(_world.Now);
        var writer = new WriterEnd(_world, index, plan, number);
        _writers.Add(number, writer);
        Drain();
        return writer;
    }

    public ReaderEnd Subscribe(ReaderPlan plan, long? position)
    {
        long start = Core.Subscribe("consumer", _world.Scenario.IsNamed, position, _world.Now, _world.Scenario.MaxBytes ?? long.MaxValue);
        _generation++;
        _inFlight = 0;
        _reader = new ReaderEnd(_world, plan, Core.Epoch, start);
        Drain();
        return _reader;
    }

    public void Fence()
    {
        Core.Fence(_world.Now);
        Drain();
    }

    public Demand? OnFrame(Frame<Item> frame)
    {
        var verdict = Core.OnFrame(frame, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"the producer was sent something absurd: {violation}");
        Demand? answer = Core.TryTakeDemandFor(frame.Peer, out var demand) ? demand : null;
        Drain();
        return answer;
    }

    /// <summary>Null if it was processed; otherwise what the reader is told.</summary>
    public StreamEnd? OnDemand(Demand demand)
    {
        var verdict = Core.OnDemand(demand, _world.Now, out string? violation);
        _world.Expect(verdict != Verdict.Violation, $"the producer was asked something absurd: {violation}");
        Drain();
        return verdict == Verdict.Stale ? Core.AnswerStale(demand) : null;
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
        while (Core.TryTakeDemand(out var demand)) _writers[demand.Peer].Push(demand);

        while (_inFlight < World.MaxInFlight && Core.TryTakeFrame(_world.Scenario.FrameElements, _world.Scenario.FrameBytes, _world.Now, out var frame))
        {
            _inFlight++;
            int generation = _generation;
            _reader!.Send(frame, demand =>
            {
                if (generation == _generation && _inFlight > 0) _inFlight--;
                OnDemand(demand);
            });
        }

        _timer.Arm();
    }
}
