using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;

namespace PriceFeed.Commands;

/// <summary>A silo that runs until Ctrl-C. With a count it also writes that many prices itself.</summary>
internal static class SiloCommand
{
    public static async Task RunAsync(int port, int gateway, int primary, string feed, long? count)
    {
        using var stop = new StopSignal();
        if (Ports.IsTaken(port)) throw new CommandFailedException($"Port {port} is taken; --port names another.");
        if (Ports.IsTaken(gateway)) throw new CommandFailedException($"Port {gateway} is taken; --gateway names another.");
        if (primary != port) await FirstSiloAsync(primary, stop.Token);

        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ShowOnlyStreams();
        builder.Services.AddSingleton<IHostLifetime>(stop);
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(port, gateway, new IPEndPoint(IPAddress.Loopback, primary))
            .AddCastyStreams(streams => streams.LeaseDuration = TimeSpan.FromSeconds(10)));

        if (count is { } prices)
        {
            builder.Services.AddHostedService(services => new SiloWriter(services.GetRequiredService<IGrainFactory>(), feed, prices));
        }

        using var host = builder.Build();
        await host.StartAsync(stop.Token);
        Console.WriteLine($"Silo on port {port}, gateway {gateway}. Ctrl-C stops it.");
        await Task.Delay(Timeout.Infinite, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await host.StopAsync();
    }

    /// <summary>Waits for the silo that keeps the list of silos: no other can join before it is there.</summary>
    private static async Task FirstSiloAsync(int primary, CancellationToken cancellationToken)
    {
        for (bool said = false; ; said = true)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, primary), cancellationToken);
                return;
            }
            catch (SocketException exception)
            {
                if (!said) Console.Error.WriteLine($"No silo answers on port {primary} yet ({exception.Message}). Trying again every second; Ctrl-C gives up.");
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            }
        }
    }
}
