using Casty.Orleans;

namespace PriceFeed.Commands;

/// <summary>A client that writes prices until Ctrl-C, and then completes the stream.</summary>
internal static class ProduceCommand
{
    public static async Task RunAsync(int gateway, string feed, string symbol, long count, int? rate)
    {
        using var stop = new StopSignal();
        await using var client = await Client.ConnectAsync(gateway, stop);
        await using var sink = await client.Grains.GetSinkAsync<Quote>(feed, cancellationToken: stop.Token);
        Console.WriteLine($"Writing {symbol} to '{feed}'. Ctrl-C completes the stream.");

        long written = 0;
        try
        {
            using var pace = rate is null ? null : new PeriodicTimer(TimeSpan.FromSeconds(1.0 / rate.Value));
            foreach (var quote in Quote.Walk(symbol, count))
            {
                await sink.PutAsync(quote, stop.Token);   // waits while nobody reads and the buffer is full
                written++;
                if (pace is null) continue;

                Console.WriteLine($"  {quote}");
                await pace.WaitForNextTickAsync(stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            // Ctrl-C: what was put is the whole stream.
        }
        catch (StreamClosedException exception) when (exception.Reason == StreamEndReason.Cancelled)
        {
            Console.WriteLine($"── The reader left; it took no more than the first {written} prices ──");
            return;
        }

        await sink.CompleteAsync();
        Console.WriteLine($"── Stream completed: {written} prices written ──");
    }
}
