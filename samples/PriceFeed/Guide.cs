using Casty.Orleans;
using Orleans;

namespace PriceFeed;

/// <summary>The guide: prices pushed and read at the same time, and a loop that is left early.</summary>
internal static class Guide
{
    public static async Task RunAsync()
    {
        await using var silo = await GuideSilo.StartAsync();
        await PushAndConsumeAsync(silo.Grains);
        Console.WriteLine();
        await BreakEarlyAsync(silo.Grains);
    }

    public static async Task PushAndConsumeAsync(IGrainFactory grains)
    {
        decimal[] prices = [142.50m, 143.10m, 141.80m, 144.20m, 145.00m];
        int count = 0;
        Console.WriteLine("── Pushing 5 prices into producer ──");
        Console.WriteLine("── Consuming via await foreach (InitialDemand = 2) ──");

        #region hello
        await using var sink = await grains.GetSinkAsync<PriceUpdate>("prices", new() { BufferSize = 16 });
        await using var source = await grains.GetSourceAsync<PriceUpdate>("prices", options: new() { InitialDemand = 2 });

        var pushing = PushAsync();
        await foreach (var update in source)   // asks for two prices at a time
        {
            Console.WriteLine($"  #{++count} {update.Symbol}: ${update.Price:F2}");
        }

        await pushing;

        async Task PushAsync()
        {
            foreach (decimal price in prices)
            {
                await sink.PutAsync(new PriceUpdate("AAPL", price));   // waits while the buffer is full
            }

            await sink.CompleteAsync();   // the loop ends when it has read everything
        }
        #endregion

        Console.WriteLine();
        Console.WriteLine($"── Stream complete: {count} prices received ──");
    }

    public static async Task BreakEarlyAsync(IGrainFactory grains)
    {
        Console.WriteLine("── Early break: take 5 from 20 ──");

        #region break
        await using var sink = await grains.GetSinkAsync<int>("numbers", new() { BufferSize = 4 });
        await using var source = await grains.GetSourceAsync<int>("numbers", options: new() { InitialDemand = 4 });

        // 5 taken, 4 asked for and 4 buffered are fewer than 20: this still waits when the loop below is left.
        var putting = sink.PutAllAsync(Enumerable.Range(0, 20));

        var taken = new List<int>();
        await foreach (int number in source)
        {
            taken.Add(number);
            if (taken.Count == 5) break;
        }

        Console.WriteLine($"  Took: [{string.Join(", ", taken)}]");

        try
        {
            await putting;
        }
        catch (StreamClosedException exception) when (exception.Reason == StreamEndReason.Cancelled)
        {
            Console.WriteLine("  Stream cancelled — producer stopped via StreamCancel");
        }
        #endregion
    }
}
