using System.Net;
using Casty.Orleans.Chaos.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Casty.Orleans.Chaos.Soaking;

/// <summary>Two silos and a client in one process, connected by TCP: one heap to look at.</summary>
internal sealed class SoakCluster : IAsyncDisposable
{
    private readonly List<IHost> _hosts = [];

    /// <summary>Short, so that what is kept of ended streams is forgotten while one looks.</summary>
    public static TimeSpan Lease { get; } = TimeSpan.FromSeconds(5);

    /// <summary>The silos and the client.</summary>
    public IReadOnlyList<IGrainFactory> Grains { get; private set; } = [];

    public int Ends => Grains.Sum(one => StreamHost.For<Item>(one).EndCount);

    public int Observers => Grains.Sum(one => StreamHost.For<Item>(one).ObserverCount);

    public static async Task<SoakCluster> StartAsync()
    {
        var cluster = new SoakCluster();
        int[] ports = Ports.Find(4);
        var primary = new IPEndPoint(IPAddress.Loopback, ports[0]);
        for (int silo = 0; silo < 2; silo++)
        {
            int port = ports[silo], gateway = ports[2 + silo];
            await cluster.StartAsync(host => host.UseOrleans(orleans => orleans
                .UseLocalhostClustering(port, gateway, primary)
                .Configure<GrainDirectoryOptions>(directory => directory.CacheSize = 1_000)   // Orleans' own memory of a million grains is not ours to watch
                .AddCastyStreams(streams => streams.LeaseDuration = Lease)));
        }

        await cluster.StartAsync(host => host.UseOrleansClient(orleans => orleans
            .UseLocalhostClustering(ports[2])
            .AddCastyStreams(streams => streams.LeaseDuration = Lease)));
        cluster.Grains = [.. cluster._hosts.Select(host => host.Services.GetRequiredService<IGrainFactory>())];
        return cluster;
    }

    /// <summary>How many activations of the streams' grains there are.</summary>
    public async Task<int> CountActivationsAsync()
    {
        var statistics = await Grains[^1].GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics();
        return statistics.Count(one => one.GrainId.ToString().StartsWith("casty.", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in Enumerable.Reverse(_hosts))
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    private async Task StartAsync(Action<HostApplicationBuilder> configure)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        configure(builder);
        var host = builder.Build();
        await host.StartAsync();
        _hosts.Add(host);
    }
}
