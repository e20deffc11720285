using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;
using PriceFeed.Web;

namespace PriceFeed.Commands;

/// <summary>
/// A page that shows a stream: its writer and its reader are in this process, its producer in one of two silos that are processes of
/// their own and can be killed.
/// </summary>
internal static class WebCommand
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    public static async Task RunAsync(int port, int? seconds)
    {
        using var stop = new StopSignal();
        if (Ports.IsTaken(port)) throw Taken(port);

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        var outages = new Outages();
        using var cluster = new Cluster(outages);
        var writer = new Writer();
        var reader = new Reader(outages);
        var feed = new Feed(cluster, outages, writer, reader);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ShowOnlyStreams();
        builder.Services.AddSingleton<IHostLifetime>(stop);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port));
        builder.UseOrleans(silo => silo.UseWebCluster(cluster.Primary, cluster.Primary).HostsNoStream());
        await using var app = builder.Build();
        app.MapPage(feed, cluster, reader);
        await StartAsync(app, port, ending.Token);
        await cluster.StartAsync(app.Services.GetRequiredService<IClusterManifestProvider>(), ending.Token);

        var grains = app.Services.GetRequiredService<IGrainFactory>();
        Task[] running =
        [
            writer.RunAsync(grains, ending.Token),
            reader.RunAsync(grains, ending.Token),
            feed.RunAsync(ending.Token),
            cluster.KeepAsync(writer, ending.Token),
            cluster.LookAsync(grains, ending.Token),
        ];
        Console.WriteLine($"The price feed is on http://localhost:{port} {(seconds is null ? "until Ctrl-C" : $"for {seconds} seconds")}.");
        if (seconds is not null) ending.CancelAfter(TimeSpan.FromSeconds(seconds.Value));

        // They run until they are told to end. One that does not has failed.
        var first = await Task.WhenAny(running);
        bool hasFailed = !ending.IsCancellationRequested;
        await ending.CancelAsync();
        await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using (var patience = new CancellationTokenSource(StopTimeout)) await app.StopAsync(patience.Token);
        if (hasFailed) await first;
        Console.WriteLine($"── {reader.Read} prices were read, {reader.Missing} missing, {reader.Repeated} repeated ──");
    }

    private static async Task StartAsync(WebApplication app, int port, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            throw Taken(port);
        }
    }

    private static CommandFailedException Taken(int port) => new($"Port {port} is taken; --port names another.");
}
