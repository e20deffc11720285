namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>One element: who put it, as which of its elements, and what it weighs.</summary>
internal readonly record struct Item(int Writer, long Number, int Size);

internal enum WriterFate
{
    Complete,
    Fail,
    Abandon,

    /// <summary>Dies without a word, somewhere in the middle of what it has to put.</summary>
    Vanish,

    /// <summary>Completes, and dies once the producer has it all.</summary>
    CompleteAndGo,
}

/// <summary>How a producer's lifetime ends.</summary>
internal enum FaultKind
{
    /// <summary>Its process dies, and every end in it.</summary>
    Crash,

    /// <summary>It gives up its place, and what it says of it is lost.</summary>
    CloseUnheard,

    /// <summary>It gives up its place and says so.</summary>
    Close,

    /// <summary>It is taken for dead, and lives and speaks: cut off for a while at most.</summary>
    Split,
}

/// <summary>What happens to the producer, how many steps after what happened before, and for how long none takes its place.</summary>
internal sealed record FaultPlan(FaultKind Kind, int AfterSteps, int DownMilliseconds);


internal enum ReaderFate
{
    /// <summary>Reads until the stream ends.</summary>
    Read,

    Cancel,
    CancelWithCause,

    /// <summary>Leaves; the next reader of the name goes on exactly there.</summary>
    Detach,

    /// <summary>The next reader of the name comes first, and learns the position.</summary>
    Takeover,

    /// <summary>The next reader of the name comes first and learns nothing: it starts at what was confirmed.</summary>
    BlindTakeover,

    /// <summary>Dies without a word; the next reader of the name comes later.</summary>
    DieAndReturn,

    /// <summary>Dies without a word and nobody comes after it.</summary>
    Die,
}

internal sealed record WriterPlan(int Elements, int Burst, int PauseMilliseconds, double IdleChance, int AttachAtMilliseconds, WriterFate Fate, int Home, int VanishAfter = 0);

/// <param name="InHand">So many elements it takes at a time, and finishes them together; 0 for one that reads them one by one.</param>
internal sealed record ReaderPlan(ReaderFate Fate, long After, int SlownessMilliseconds, int InitialDemand, int MaxDemand, int Home, int InHand = 0);

/// <summary>A subscription: its readers, one after another.</summary>
internal sealed record ConsumerPlan(string Name, bool IsNamed, int JoinAtMilliseconds, ReaderPlan[] Readers);

/// <summary>Whom the elements go to, and how far a balanced stream goes ahead of what a consumer holds.</summary>
internal sealed record DeliveryPlan(StreamDelivery Delivery, StreamSlowConsumer SlowConsumer, StreamStart Start, int MostOvertaken = int.MaxValue)
{
    public static readonly DeliveryPlan Single = new(StreamDelivery.Single, StreamSlowConsumer.Wait, StreamStart.Latest);
}

/// <summary>Everything that a seed decides before the first event.</summary>
internal sealed record Scenario(
    DeliveryPlan Delivery,
    int BufferSize,
    long? MaxBytes,
    int FrameElements,
    long FrameBytes,
    WireQuality Wires,
    int CutsMilliseconds,
    WriterPlan[] Writers,
    ConsumerPlan[] Consumers,
    FaultPlan[] Faults)
{
    /// <summary>Ends and the first producer live in processes 0 to 3.</summary>
    public const int Processes = 4;

    private static readonly int[] Buffers = [0, 1, 2, 16, 1024];
    private static readonly (int, int)[] Windows = [(1, 1), (2, 2), (16, 16), (1, 64), (16, 4096)];

    public int MaxInHand => Consumers.Max(consumer => consumer.Readers.Max(reader => reader.InHand));

    public int MaxDemand => Consumers.Max(consumer => consumer.Readers.Max(reader => reader.MaxDemand));

    /// <summary>One consumer.</summary>
    public static Scenario From(Random random)
    {
        var (writers, wires, isLarge) = Begin(random);
        bool isNamed = random.Next(2) == 0;
        int joinAt = random.Next(3) == 0 ? random.Next(30_000) : 0;
        var consumer = Consumer(random, "consumer", isNamed, joinAt, writers, isLarge);
        consumer = consumer with { Readers = [.. consumer.Readers.Select(reader => reader with { InHand = random.Next(4) == 0 ? random.Next(1, 5) : 0 })] };
        return From(random, DeliveryPlan.Single, writers, wires, [consumer]);
    }

    /// <summary>Several.</summary>
    public static Scenario FanFrom(Random random)
    {
        var (writers, wires, _) = Begin(random);
        var delivery = new DeliveryPlan(
            random.Next(2) == 0 ? StreamDelivery.Broadcast : StreamDelivery.Balanced,
            (StreamSlowConsumer)Math.Max(1, random.Next(6) - 2),
            (StreamStart)random.Next(1, 3));

        var consumers = new ConsumerPlan[random.Next(1, 5)];
        for (int i = 0; i < consumers.Length; i++)
        {
            bool isNamed = random.Next(2) == 0;
            int joinAt = random.Next(3) == 0 ? random.Next(15_000) : 0;
            consumers[i] = Consumer(random, $"consumer {i}", isNamed, joinAt, writers, isLarge: false);
        }

        var scenario = From(random, delivery, writers, wires, consumers);
        return random.Next(3) > 0 ? scenario : scenario with { Delivery = delivery with { MostOvertaken = random.Next(1, 8) } };
    }

    private static (WriterPlan[] Writers, WireQuality Wires, bool IsLarge) Begin(Random random)
    {
        bool isLarge = random.Next(20) == 0;
        int most = isLarge ? 1000 : random.Next(3) == 0 ? 12 : 80;
        bool isClean = random.Next(5) == 0;
        var wires = isClean
            ? new WireQuality(0, 0, 0, random.Next(2) * 5)
            : new WireQuality(random.Next(4) * 0.1, random.Next(3) * 0.1, random.Next(3) * 0.02, random.Next(200));

        var writers = new WriterPlan[random.Next(1, 5)];
        for (int i = 0; i < writers.Length; i++) writers[i] = Writer(random, most);
        return (writers, wires, isLarge);
    }

    private static Scenario From(Random random, DeliveryPlan delivery, WriterPlan[] writers, WireQuality wires, ConsumerPlan[] consumers)
    {
        var faults = new FaultPlan[random.Next(2) * random.Next(1, 4)];
        for (int i = 0; i < faults.Length; i++) faults[i] = Fault(random);

        return new Scenario(
            delivery,
            Buffers[random.Next(Buffers.Length)],
            random.Next(3) == 0 ? random.Next(1, 400) : null,
            random.Next(3) switch { 0 => random.Next(1, 4), 1 => 64, _ => 1024 },
            random.Next(3) == 0 ? random.Next(1, 300) : 1 << 20,
            wires,
            random.Next(5) == 0 && faults.Length == 0 ? random.Next(25_000) : 0,
            writers,
            consumers,
            faults);
    }

    private static ConsumerPlan Consumer(Random random, string name, bool isNamed, int joinAt, WriterPlan[] writers, bool isLarge)
    {
        int total = writers.Sum(writer => writer.Elements);
        var readers = new List<ReaderPlan>();
        for (int i = random.Next(4); isNamed && i > 0; i--) readers.Add(Reader(random, (ReaderFate)random.Next(3, 7), total, isLarge));
        readers.Add(Reader(random, Last(random), total, isLarge));
        return new ConsumerPlan(name, isNamed, joinAt, [.. readers]);
    }

    private static WriterPlan Writer(Random random, int most)
    {
        var plan = WriterOf(random, most);
        return plan with { VanishAfter = random.Next(plan.Elements + 1) };
    }

    private static WriterPlan WriterOf(Random random, int most) => new(
        random.Next(10) == 0 ? 0 : random.Next(most),
        random.Next(2) == 0 ? 1 : random.Next(1, 30),
        random.Next(4) switch { 0 => 0, 1 => 5, 2 => 100, _ => 500 },
        random.Next(3) == 0 ? 0.02 : 0,
        random.Next(4) == 0 ? random.Next(3_000) : 0,
        random.Next(10) switch
        {
            0 => WriterFate.Fail,
            1 => WriterFate.Abandon,
            2 => WriterFate.Vanish,
            3 => WriterFate.CompleteAndGo,
            _ => WriterFate.Complete,
        },
        random.Next(Processes));

    private static ReaderPlan Reader(Random random, ReaderFate fate, int total, bool isLarge)
    {
        var (initial, max) = Windows[random.Next(Windows.Length)];
        int slowness = random.Next(4) switch { 0 or 1 => 0, 2 => 20, _ => isLarge ? 20 : 1_000 };
        return new ReaderPlan(fate, random.Next(total + 2), slowness, initial, max, random.Next(Processes));
    }

    private static FaultPlan Fault(Random random) => new(
        (FaultKind)random.Next(4),
        (int)Math.Exp(random.NextDouble() * Math.Log(1_000)),
        random.Next(8) switch { 0 => 90_000, < 4 => random.Next(10_000), _ => 0 });

    private static ReaderFate Last(Random random) => random.Next(10) switch
    {
        0 => ReaderFate.Cancel,
        1 => ReaderFate.CancelWithCause,
        2 => ReaderFate.Die,
        _ => ReaderFate.Read,
    };
}
