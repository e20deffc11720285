#region program
using Casty.Orleans;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;

var builder = Host.CreateApplicationBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Error);   // Orleans tells much about its start
builder.UseOrleans(silo => silo.UseLocalhostClustering().AddCastyStreams());
using var host = builder.Build();
await host.StartAsync();

var grains = host.Services.GetRequiredService<IGrainFactory>();
await using (var sink = await grains.GetSinkAsync<PriceUpdate>("prices"))
{
    await sink.PutAllAsync([new("AAPL", 142), new("AAPL", 143)]);
    await sink.CompleteAsync();   // what was put is kept for a reader that comes later
}

await foreach (var update in await grains.GetSourceAsync<PriceUpdate>("prices")) Console.WriteLine($"{update.Symbol}: ${update.Price}");
await host.StopAsync();

[GenerateSerializer]
public sealed record PriceUpdate([property: Id(0)] string Symbol, [property: Id(1)] decimal Price);
#endregion
