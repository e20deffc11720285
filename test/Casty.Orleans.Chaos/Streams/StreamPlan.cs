using System.Text.Json.Serialization;
using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>How a stream is to end if nobody dies.</summary>
internal enum Intent
{
    /// <summary>Every writer completes.</summary>
    Complete,

    /// <summary>The reader breaks off its loop. Where there are several consumers, this is one of them, and the others go on.</summary>
    Leave,

    /// <summary>A named reader detaches, and another goes on; every writer completes.</summary>
    Detach,

    /// <summary>A second reader of the name takes over from the first in mid-stream; every writer completes.</summary>
    TakeOver,

    /// <summary>The first writer fails the stream.</summary>
    Fail,

    /// <summary>The first writer lets go without completing; the others complete.</summary>
    Abandon,
}

/// <summary>One run of one stream, as the dice have it.</summary>
internal sealed record StreamPlan
{
    public required long Run { get; init; }

    public required string Name { get; init; }

    public required StreamDelivery Delivery { get; init; }

    /// <summary>Whoever is to read it from the beginning. Others may come later.</summary>
    public required ConsumerPlan[] Consumers { get; init; }

    /// <summary>Nothing is put before each of the consumers has opened.</summary>
    public bool IsTogether { get; init; }

    /// <summary>With several consumers it is only what the writers do; what each consumer does is planned with it.</summary>
    public required Intent Intent { get; init; }

    /// <summary>How many elements each writer puts.</summary>
    public required long[] Counts { get; init; }

    /// <summary>Bytes that an element carries.</summary>
    public int Size { get; init; }

    /// <summary>A writer waits for so long after each <see cref="Burst"/>.</summary>
    public int WriterDelay { get; init; }

    public int Burst { get; init; }

    public int? BufferSize { get; init; }

    public TimeSpan SubscriptionTimeout { get; init; }

    [JsonIgnore]
    public long Total => Counts.Sum();

    [JsonIgnore]
    public bool IsSingle => Delivery == StreamDelivery.Single;

    /// <summary>Its writers put something all the time, and its reader reads at once: where nothing comes, the stream stands still.</summary>
    [JsonIgnore]
    public bool IsSteady => IsSingle && WriterDelay is > 0 and <= 50 && Consumers[0].Delay == 0;

    /// <param name="dice">Where chance comes from.</param>
    /// <param name="run">The number of the run.</param>
    /// <param name="name">The stream's name.</param>
    /// <param name="longest">For how many seconds its writers write at most, if nothing holds them up.</param>
    public static StreamPlan Roll(Random dice, long run, string name, double longest)
    {
        var delivery = dice.Next(6) switch { 0 => StreamDelivery.Broadcast, 1 => StreamDelivery.Balanced, _ => StreamDelivery.Single };
        bool isSingle = delivery == StreamDelivery.Single;
        bool isNamed = dice.Next(2) == 0;
        var intent = dice.Next(100) switch
        {
            < 64 => Intent.Complete,
            < 72 when isSingle => Intent.Leave,
            < 86 when isNamed && isSingle => dice.Next(2) == 0 ? Intent.Detach : Intent.TakeOver,
            < 86 => Intent.Complete,
            < 93 => Intent.Fail,
            _ => Intent.Abandon,
        };

        int writers = dice.Next(10) switch { < 6 => 1, < 8 => 2, 8 => 3, _ => FlightRecorder.MaxWriters };
        var (size, delay, burst, seconds) = dice.Next(10) switch
        {
            0 => (dice.Next(1_000, 60_000), dice.Next(20, 60), 1, Seconds(dice, longest)),   // large elements
            1 or 2 => (dice.Next(0, 40), 0, 1, 0.0),                                // as fast as can be
            _ => (dice.Next(0, 200), dice.Next(2, 40), dice.Next(1, 12), Seconds(dice, longest)),
        };
        var counts = new long[writers];
        for (int i = 0; i < writers; i++)
        {
            counts[i] = delay == 0 ? dice.Next(1_000, 40_000) : Math.Max(1, (long)(seconds * 1_000 / (delay + 1) * burst * (0.5 + dice.NextDouble())));
        }

        long total = counts.Sum();
        ConsumerPlan[] consumers = isSingle
            ? [ConsumerPlan.Roll(dice, isNamed ? "reader" : null, intent, delivery, total)]
            : [.. Enumerable.Range(0, dice.Next(2, 5)).Select(i => ConsumerPlan.Roll(dice, dice.Next(2) == 0 ? $"reader-{i}" : null, delivery, total))];
        return new StreamPlan
        {
            Run = run,
            Name = name,
            Delivery = delivery,
            Consumers = consumers,
            IsTogether = !isSingle && dice.Next(4) != 0,
            Intent = intent,
            Counts = counts,
            Size = size,
            WriterDelay = delay,
            Burst = burst,
            BufferSize = dice.Next(4) switch { 0 => dice.Next(1, 32), 1 => dice.Next(32, 4_096), _ => null },
            SubscriptionTimeout = TimeSpan.FromSeconds(consumers.Any(one => one.Name is not null) ? 60 : 30),
        };
    }

    public override string ToString() =>
        $"run {Run} of '{Name}', {Delivery}, {Intent}, {string.Join('+', Counts)} elements of {Size} bytes, writer waits {WriterDelay} ms after {Burst}, " +
        $"buffer {BufferSize}{(IsTogether ? ", together" : "")}; {string.Join("; ", (object[])Consumers)}";

    private static double Seconds(Random dice, double longest) => Math.Min(longest, 1 - 8 * Math.Log(1 - dice.NextDouble()));
}
