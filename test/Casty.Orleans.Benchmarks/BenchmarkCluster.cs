using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;

namespace Casty.Orleans.Benchmarks;

/// <summary>Two silos and a client in one process, connected by TCP.</summary>
internal sealed class BenchmarkCluster : IAsyncDisposable
{
    private readonly List<IHost> _hosts = [];

    public IClusterClient SiloA => Factory(0);

    public IClusterClient SiloB => Factory(1);

    public IClusterClient Client => Factory(2);

    public static async Task<BenchmarkCluster> StartAsync(Action<ISiloBuilder>? silos = null, Action<IClientBuilder>? client = null)
    {
        var cluster = new BenchmarkCluster();
        int[] ports = FreePorts(4);
        var primary = new IPEndPoint(IPAddress.Loopback, ports[0]);
        for (int silo = 0; silo < 2; silo++)
        {
            int siloPort = ports[silo], gatewayPort = ports[2 + silo];
            await cluster.StartAsync(host => host.UseOrleans(orleans =>
            {
                orleans.UseLocalhostClustering(siloPort, gatewayPort, primary);
                silos?.Invoke(orleans);
            }));
        }

        // Silo B produces, and is the client's gateway: every system's elements take the same way.
        await cluster.StartAsync(host => host.UseOrleansClient(orleans =>
        {
            orleans.UseLocalhostClustering(ports[3]);
            client?.Invoke(orleans);
        }));
        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in Enumerable.Reverse(_hosts))
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    private IClusterClient Factory(int host) => _hosts[host].Services.GetRequiredService<IClusterClient>();

    private async Task StartAsync(Action<HostApplicationBuilder> configure)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        configure(builder);
        var host = builder.Build();
        await host.StartAsync();
        _hosts.Add(host);
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners) listener.Start();
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        foreach (var listener in listeners) listener.Stop();
        return ports;
    }
}
