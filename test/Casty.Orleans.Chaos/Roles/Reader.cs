using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Streams;
using Orleans;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>Reads a stream, and looks at every element: it is whole, of this run, and the next one of its writer's.</summary>
internal static class Reader
{
    /// <summary>A shorter wait for an element is none.</summary>
    private const int NotableGap = 200;

    public static async Task RunAsync(IGrainFactory grains, OpenSource order, Journal journal, CancellationToken leaving)
    {
        var plan = order.Plan;
        var options = new StreamConsumerOptions { InitialDemand = plan.InitialDemand, MaxDemand = plan.MaxDemand };
        await using var source = await Opening.OpenAsync(order.End,
            token => grains.GetSourceAsync<Item>(plan.Name, plan.Consumer, options, token), journal, leaving);
        try
        {
            var left = await ReadAsync(source, order, journal, leaving);
            journal.Tell(order.End, left);
        }
        catch (Exception exception) when (!leaving.IsCancellationRequested)
        {
            journal.Tell(order.End, Happened.Failed, exception);
        }
    }

    private static async Task<Happened> ReadAsync(SourceRef<Item> source, OpenSource order, Journal journal, CancellationToken leaving)
    {
        var plan = order.Plan;
        long count = 0, asked = 0;
        await foreach (var item in source.WithCancellation(leaving))
        {
            long now = Environment.TickCount64;
            if (count > 0 && now - asked >= NotableGap) journal.Tell(new Report(order.End, Happened.Gap) { Since = asked });
            Look(item, order, journal);
            count++;

            if (order.IsFirst && count == plan.LeaveAfter)
            {
                if (plan.Intent == Intent.Leave) return Happened.Left;
                if (plan.Intent == Intent.Detach)
                {
                    await source.DetachAsync();
                    return Happened.Detached;
                }
            }

            if (plan.ReaderDelay > 0 && count % Math.Max(1, plan.Total / 100) == 0) await Task.Delay(plan.ReaderDelay, leaving);
            asked = Environment.TickCount64;
        }

        return Happened.Completed;
    }

    private static void Look(Item item, OpenSource order, Journal journal)
    {
        var plan = order.Plan;
        if (item.Run != plan.Run || item.Writer < 0 || item.Writer >= plan.Counts.Length)
        {
            journal.Tell(order.End, Happened.Wrong, $"An element of writer {item.Writer} of run {item.Run} came.");
            return;
        }

        var recorder = journal.Recorder;
        bool isFirst = recorder.First(order.End, item.Writer) is null;
        long next = recorder.Next(order.End, item.Writer);
        recorder.SetNext(order.End, item.Writer, item.Number + 1);
        if (isFirst) recorder.SetFirst(order.End, item.Writer, item.Number);
        else if (item.Number != next)
        {
            journal.Tell(order.End, Happened.Wrong, $"Of writer {item.Writer}, element {next} was next, but {item.Number} came.");
        }

        if (!item.IsWhole) journal.Tell(order.End, Happened.Wrong, $"Element {item.Number} of writer {item.Writer} is not what was put.");
    }
}
