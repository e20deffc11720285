using System.Text.Json.Serialization;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>One consumer of a stream, as the dice have it.</summary>
internal sealed record ConsumerPlan
{
    /// <summary>Null is a one-off subscription.</summary>
    public string? Name { get; init; }

    public Intent Intent { get; init; }

    /// <summary>After how many elements the first reader leaves or detaches.</summary>
    public long LeaveAfter { get; init; }

    /// <summary>A slow reader waits for so long after each hundredth of what the stream has.</summary>
    public int Delay { get; init; }

    public int? InitialDemand { get; init; }

    public int? MaxDemand { get; init; }

    /// <summary>The delivery that it names when it opens.</summary>
    public StreamDelivery? Delivery { get; init; }

    public StreamStart? Start { get; init; }

    /// <summary>The most elements that may come again: a window, and the one that is not finished.</summary>
    [JsonIgnore]
    public int Window => (MaxDemand ?? InitialDemand ?? StreamConsumerOptions.DefaultMaxDemand) + 1;

    /// <summary>One of several consumers.</summary>
    public static ConsumerPlan Roll(Random dice, string? name, StreamDelivery delivery, long total)
    {
        var intent = dice.Next(100) switch
        {
            < 60 => Intent.Complete,
            < 75 => Intent.Leave,
            _ when name is not null => dice.Next(2) == 0 ? Intent.Detach : Intent.TakeOver,
            _ => Intent.Complete,
        };
        return Roll(dice, name, intent, delivery, delivery == StreamDelivery.Balanced ? Math.Max(1, total / 3) : total);
    }

    /// <param name="dice">Where chance comes from.</param>
    /// <param name="name">Its name, if it has one.</param>
    /// <param name="intent">What its first reader does.</param>
    /// <param name="delivery">The stream's.</param>
    /// <param name="share">How many elements are to come to it.</param>
    public static ConsumerPlan Roll(Random dice, string? name, Intent intent, StreamDelivery delivery, long share)
    {
        // A stream without a sink has one consumer, unless that one says otherwise: others are refused, and ask again.
        bool isNaming = delivery != StreamDelivery.Single && dice.Next(4) != 0;
        return new ConsumerPlan
        {
            Name = name,
            Intent = intent,
            LeaveAfter = 1 + dice.NextInt64(share),
            Delay = dice.Next(8) == 0 ? dice.Next(5, 100) : 0,
            InitialDemand = dice.Next(4) == 0 ? dice.Next(1, 16) : null,
            MaxDemand = dice.Next(4) == 0 ? dice.Next(16, 512) : null,
            Delivery = isNaming ? delivery : null,
            Start = delivery == StreamDelivery.Broadcast && dice.Next(2) == 0 ? StreamStart.Earliest : null,
        };
    }

    public override string ToString() => $"{Name ?? "anonymous"} {Intent} after {LeaveAfter}, waits {Delay} ms, demand {InitialDemand}..{MaxDemand}"
        + $"{(Delivery is null ? "" : $", expects {Delivery}")}{(Start is null ? "" : $", {Start}")}";
}
