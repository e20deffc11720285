using System.Diagnostics;
using System.Net;
using Casty.Orleans.Chaos.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>What a process of the cluster does: it joins, and opens ends as it is told, until SIGTERM stops its host.</summary>
internal static class Role
{
    public static async Task RunAsync(RoleSettings settings)
    {
        var journal = new Journal(new FlightRecorder(settings.Recorder));
        var agent = new Agent(journal, settings.Lease);
        new Thread(() => Listen(agent)) { IsBackground = true, Name = "orders" }.Start();

        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(LogLevel.Debug);
        builder.Logging.AddProvider(new Logs(settings.LogsEverything ? LogLevel.Debug : LogLevel.Warning));
        if (settings.Kind == RoleKind.Client) builder.UseOrleansClient(client => Configure(client, settings));
        else builder.UseOrleans(silo => Configure(silo, settings));

        using var host = builder.Build();
        await host.StartAsync();
        agent.Start(host.Services.GetRequiredService<IGrainFactory>());
        journal.Tell(0, Happened.Ready);
        if (settings.Kind == RoleKind.Membership) _ = WatchAsync(host.Services.GetRequiredService<IClusterMembershipService>(), journal);
        await host.WaitForShutdownAsync();
    }

    /// <summary>Follows orders. When nobody is left to give any, the orchestrator is gone, and so is this process, without ado.</summary>
    private static void Listen(Agent agent)
    {
        while (Console.In.ReadLine() is { } line)
        {
            if (Lines.Parse<Order>(line) is { } order) agent.Follow(order);
        }

        Process.GetCurrentProcess().Kill();
    }

    /// <summary>Tells when silos are declared dead: streams cannot go on elsewhere any sooner.</summary>
    private static async Task WatchAsync(IClusterMembershipService membership, Journal journal)
    {
        var told = new HashSet<SiloAddress>();
        await foreach (var now in membership.MembershipUpdates)
        {
            foreach (var silo in now.Members.Values.Where(member => member.Status == SiloStatus.Dead && told.Add(member.SiloAddress)))
            {
                journal.Tell(silo.SiloAddress.Endpoint.Port, Happened.SiloDead, silo.SiloAddress.ToString());
            }
        }
    }

    private static void Configure(ISiloBuilder silo, RoleSettings settings)
    {
        bool isMembership = settings.Kind == RoleKind.Membership;
        silo.UseDevelopmentClustering(isMembership ? null! : new IPEndPoint(IPAddress.Loopback, settings.MembershipPort))
            .ConfigureEndpoints(IPAddress.Loopback, settings.Port, settings.Gateway)
            .Configure<ClusterMembershipOptions>(membership =>
            {
                // A silo that was killed is declared dead within a few seconds, and one that only had to wait for a core is not.
                membership.ProbeTimeout = TimeSpan.FromSeconds(1);
                membership.NumMissedProbesLimit = 3;
                membership.NumVotesForDeathDeclaration = 2;
                membership.TableRefreshTimeout = TimeSpan.FromSeconds(2);
                membership.DeathVoteExpirationTimeout = TimeSpan.FromSeconds(30);
            })
            .AddCastyStreams(streams => streams.LeaseDuration = settings.Lease);

        // It is never killed, so it must not hold anything that is to be lost.
        if (isMembership) silo.Services.PostConfigure<GrainTypeOptions>(grains => grains.Classes.RemoveWhere(one => one.Namespace == "Casty.Orleans"));
    }

    private static void Configure(IClientBuilder client, RoleSettings settings) => client
        .UseStaticClustering([.. settings.Gateways.Select(port => new IPEndPoint(IPAddress.Loopback, port))])
        .Configure<GatewayOptions>(gateways => gateways.GatewayListRefreshPeriod = TimeSpan.FromSeconds(2))
        .UseConnectionRetryFilter(async (_, cancellationToken) =>
        {
            await Task.Delay(500, cancellationToken);
            return true;
        })
        .AddCastyStreams(streams => streams.LeaseDuration = settings.Lease);
}
