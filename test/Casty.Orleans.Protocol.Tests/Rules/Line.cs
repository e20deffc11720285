namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>Writers, a producer and a reader with nothing between them: whatever one says, the other hears at once, unless dropped.</summary>
internal sealed class Line
{
    private readonly List<WriterCore<int>> _writers = [];

    public Line(int bufferSize, int initialDemand, int? maxDemand = null, int writers = 1)
    {
        Producer = Make.Producer(bufferSize);
        for (int i = 0; i < writers; i++) _writers.Add(Make.Writer(Producer.Attach(Now)));
        Producer.Subscribe("consumer", isNamed: true, position: null, Now);
        Reader = Make.Reader(initialDemand, maxDemand);
        Pump();
    }

    public TimeSpan Now { get; set; } = Make.Start;

    public ProducerCore<int> Producer { get; }

    public ReaderCore<int> Reader { get; }

    public WriterCore<int> Writer => _writers[0];

    public IReadOnlyList<WriterCore<int>> Writers => _writers;

    /// <summary>True drops the demand on its way to the producer.</summary>
    public Func<Demand, bool> DropsDemand { get; set; } = static _ => false;

    /// <summary>The demands that left the reader by themselves.</summary>
    public List<Demand> Demands { get; } = [];

    public void Pump()
    {
        for (bool busy = true; busy;)
        {
            busy = false;
            foreach (var writer in _writers)
            {
                while (writer.TryTakeFrame(1024, long.MaxValue, Now, out var up))
                {
                    busy = true;
                    Assert.NotEqual(Verdict.Violation, Producer.OnFrame(up, Now, out _));
                }
            }

            while (Producer.TryTakeDemand(out var credit))
            {
                busy = true;
                Assert.NotEqual(Verdict.Violation, _writers[(int)credit.Peer - 1].OnDemand(credit, Now, out _));
            }

            while (Producer.TryTakeFrame(1024, long.MaxValue, Now, out var down))
            {
                busy = true;
                Assert.NotEqual(Verdict.Violation, Reader.OnFrame(down, Now, out _));
            }

            while (Reader.TryTakeDemand(Now, out var demand))
            {
                busy = true;
                Demands.Add(demand);
                if (DropsDemand(demand)) continue;
                Assert.NotEqual(Verdict.Violation, Producer.OnDemand(demand, Now, out _));
                Reader.OnAnswered(demand, Now);
            }
        }
    }

    /// <summary>The next deadline of anybody comes.</summary>
    public void Tick()
    {
        var deadlines = _writers.Select(writer => writer.NextDeadline).Append(Producer.NextDeadline).Append(Reader.NextDeadline);
        Now = deadlines.Min();
        Assert.NotEqual(TimeSpan.MaxValue, Now);
        foreach (var writer in _writers) writer.OnTick(Now);
        Producer.OnTick(Now);
        Reader.OnTick(Now);
        Pump();
    }
}
