using System.Diagnostics;
using Casty.Orleans;

namespace PriceFeed.Commands;

/// <summary>
/// A client that reads prices until Ctrl-C or the stream's end. With a name it keeps its place: the next reader of the name
/// goes on exactly there.
/// </summary>
internal static class ConsumeCommand
{
    public static async Task RunAsync(int gateway, string feed, string? name, long? expected)
    {
        using var stop = new StopSignal();
        await using var client = await Client.ConnectAsync(gateway, stop);
        var options = new StreamConsumerOptions { OnLeave = name is null ? StreamLeave.Cancel : StreamLeave.Detach };
        await using var source = await client.Grains.GetSourceAsync<Quote>(feed, name, options, stop.Token);
        Console.WriteLine($"Reading '{feed}'. Ctrl-C {(name is null ? "cancels the stream" : $"keeps it for the next reader named '{name}'")}.");

        try
        {
            if (expected is null) await PrintAsync(source, stop.Token);
            else await CheckAsync(source, expected.Value, stop.Token);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            Console.WriteLine("── Left the stream ──");
        }
    }

    private static async Task PrintAsync(SourceRef<Quote> source, CancellationToken cancellationToken)
    {
        long count = 0;
        await foreach (var quote in source.WithCancellation(cancellationToken))
        {
            count++;
            Console.WriteLine($"  {quote}");
        }

        Console.WriteLine($"── Stream complete: {count} prices received ──");
    }

    /// <summary>Every price once, in the order in which it was written, and no more of them than expected.</summary>
    private static async Task CheckAsync(SourceRef<Quote> source, long expected, CancellationToken cancellationToken)
    {
        long count = 0;
        long start = Stopwatch.GetTimestamp();
        await foreach (var quote in source.WithCancellation(cancellationToken))
        {
            if (quote.Number != ++count) throw new CommandFailedException($"Price #{count} was next, but #{quote.Number} came.");
        }

        if (count != expected) throw new CommandFailedException($"{expected} prices were expected, but the stream completed after {count}.");
        Console.WriteLine($"── {count} prices in exact order, in {Stopwatch.GetElapsedTime(start).TotalSeconds:F2} s ──");
    }
}
