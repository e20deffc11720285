using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Streams;
using Orleans;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>Reads a stream, and looks at every element: it is whole, of this run, and the next one of its writer's.</summary>
internal sealed class Reader(OpenSource order, Journal journal)
{
    /// <summary>A shorter wait for an element is none.</summary>
    private const int NotableGap = 200;

    private readonly StreamPlan _plan = order.Plan;
    private readonly ConsumerPlan _consumer = order.Consumer;
    private readonly FlightRecorder _recorder = journal.Recorder;

    public async Task RunAsync(IGrainFactory grains, CancellationToken leaving)
    {
        var options = new StreamConsumerOptions
        {
            InitialDemand = _consumer.InitialDemand,
            MaxDemand = _consumer.MaxDemand,
            Delivery = _consumer.Delivery,
            Start = _consumer.Start,
        };
        await using var source = await Opening.OpenAsync(order.End,
            token => grains.GetSourceAsync<Item>(_plan.Name, _consumer.Name, options, token), journal, leaving);
        using var receipts = _plan.Delivery == StreamDelivery.Balanced ? new Receipts(_recorder.ReceiptsOf(order.End)) : null;
        try
        {
            var left = await ReadAsync(source, receipts, leaving);
            journal.Tell(order.End, left);
        }
        catch (Exception exception) when (!leaving.IsCancellationRequested)
        {
            journal.Tell(order.End, Happened.Failed, exception);
        }
    }

    private async Task<Happened> ReadAsync(SourceRef<Item> source, Receipts? receipts, CancellationToken leaving)
    {
        long count = 0, asked = 0;
        await foreach (var item in source.WithCancellation(leaving))
        {
            long now = Environment.TickCount64;
            if (count > 0 && now - asked >= NotableGap) journal.Tell(new Report(order.End, Happened.Gap) { Since = asked });
            Look(item, receipts);
            count++;

            if (order.IsFirst && count == _consumer.LeaveAfter)
            {
                if (_consumer.Intent == Intent.Leave) return Happened.Left;
                if (_consumer.Intent == Intent.Detach)
                {
                    await source.DetachAsync();
                    return Happened.Detached;
                }
            }

            if (_consumer.Delay > 0 && count % Math.Max(1, _plan.Total / 100) == 0) await Task.Delay(_consumer.Delay, leaving);
            asked = Environment.TickCount64;
        }

        return Happened.Completed;
    }

    private void Look(Item item, Receipts? receipts)
    {
        if (item.Run != _plan.Run || item.Writer < 0 || item.Writer >= _plan.Counts.Length)
        {
            journal.Tell(order.End, Happened.Wrong, $"An element of writer {item.Writer} of run {item.Run} came.");
            return;
        }

        if (receipts is not null) receipts.Add(item.Writer, item.Number);
        Count(item, isOneOfMany: receipts is not null);
        if (!item.IsWhole) journal.Tell(order.End, Happened.Wrong, $"Element {item.Number} of writer {item.Writer} is not what was put.");
    }

    private void Count(Item item, bool isOneOfMany)
    {
        bool isFirst = _recorder.First(order.End, item.Writer) is null;
        long next = _recorder.Next(order.End, item.Writer);
        _recorder.SetNext(order.End, item.Writer, isOneOfMany ? next + 1 : item.Number + 1);
        if (isFirst) _recorder.SetFirst(order.End, item.Writer, item.Number);
        else if (!isOneOfMany && item.Number != next)
        {
            journal.Tell(order.End, Happened.Wrong, $"Of writer {item.Writer}, element {next} was next, but {item.Number} came.");
        }
    }
}
