using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Streams;
using Orleans;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>What a writer that is to fail its stream gives as the cause.</summary>
[GenerateSerializer, Alias("chaos.PlannedException")]
internal sealed class PlannedException(string message) : Exception(message);

/// <summary>Writes one writer's part of a stream.</summary>
internal static class Writer
{
    public static async Task RunAsync(IGrainFactory grains, OpenSink order, Task go, Journal journal, TimeSpan lease, CancellationToken leaving)
    {
        var plan = order.Plan;
        var options = new StreamProducerOptions { BufferSize = plan.BufferSize, SubscriptionTimeout = plan.SubscriptionTimeout, Delivery = plan.Delivery };
        await using var sink = await Opening.OpenAsync(order.End, token => grains.GetSinkAsync<Item>(plan.Name, options, token), journal, leaving);
        try
        {
            await go.WaitAsync(leaving);
            await PutAsync(sink, order, journal.Recorder, leaving);

            journal.Tell(order.End, Happened.Ending);
            if (order.Writer > 0 || plan.Intent is not (Intent.Fail or Intent.Abandon)) await sink.CompleteAsync(leaving);
            else if (plan.Intent == Intent.Fail) await sink.FailAsync(new PlannedException("As planned."), leaving);
            else await sink.DisposeAsync();
            journal.Tell(order.End, Happened.Ended);

            await sink.Completion.WaitAsync(leaving);
            journal.Tell(order.End, Happened.Finished);
        }
        catch (Exception exception) when (!leaving.IsCancellationRequested)
        {
            await TellAsync(exception, sink, order, journal, lease);
        }
    }

    private static async Task PutAsync(SinkRef<Item> sink, OpenSink order, FlightRecorder recorder, CancellationToken leaving)
    {
        var plan = order.Plan;
        for (long number = 0; number < plan.Counts[order.Writer]; number++)
        {
            var item = Item.Create(plan.Run, order.Writer, number, plan.Size);
            recorder.SetPutting(order.End, number + 1);
            await sink.PutAsync(item, leaving);
            recorder.SetPut(order.End, number + 1);
            if (plan.WriterDelay > 0 && (number + 1) % plan.Burst == 0) await Task.Delay(plan.WriterDelay, leaving);
        }
    }

    /// <summary>A sink that threw has an outcome, or has one within two leases; a third where its producer's silo is lost meanwhile.</summary>
    private static async Task TellAsync(Exception exception, SinkRef<Item> sink, OpenSink order, Journal journal, TimeSpan lease)
    {
        try
        {
            await sink.Completion.WaitAsync(3 * lease);
            journal.Tell(order.End, Happened.Wrong, exception, "It threw, and yet its Completion succeeded");
        }
        catch (TimeoutException)
        {
            journal.Tell(order.End, Happened.Wrong, exception, "It threw, and three leases later its Completion has no outcome");
        }
        catch (Exception)
        {
            journal.Tell(order.End, Happened.Failed, exception);
        }
    }
}
