using Casty.Orleans;
using Microsoft.Extensions.Hosting;
using Orleans;

namespace PriceFeed.Commands;

/// <summary>Writes a number of prices from within a silo, as fast as they are read.</summary>
internal sealed class SiloWriter(IGrainFactory grains, string feed, long count) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await using var sink = await grains.GetSinkAsync<Quote>(feed, cancellationToken: stoppingToken);
            await sink.PutAllAsync(Quote.Walk("AAPL", count), stoppingToken);
            await sink.CompleteAsync(stoppingToken);
            await sink.Completion.WaitAsync(stoppingToken);
            Console.WriteLine($"── All {count} prices of '{feed}' were read ──");
        }
        catch (StreamException exception)
        {
            Console.WriteLine(exception.Message);
        }
    }
}
