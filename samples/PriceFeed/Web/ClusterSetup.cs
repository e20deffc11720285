using System.Net;
using Casty.Orleans;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;

namespace PriceFeed.Web;

/// <summary>The cluster's silos: one in the web server's process that keeps the membership, and those that are killed.</summary>
internal static class ClusterSetup
{
    private const int NoGateway = 0;   // nobody connects from outside

    /// <summary>A silo on this machine whose membership is kept by the one on port <paramref name="primary"/>.</summary>
    public static ISiloBuilder UseWebCluster(this ISiloBuilder silo, int port, int primary) => silo
        .UseDevelopmentClustering(primary == port ? null! : new IPEndPoint(IPAddress.Loopback, primary))
        .ConfigureEndpoints(IPAddress.Loopback, port, NoGateway)
        .Configure<ClusterMembershipOptions>(membership =>
        {
            // A silo that was killed is declared dead within a few seconds, and one that only had to wait for a core is not.
            membership.ProbeTimeout = TimeSpan.FromSeconds(1);
            membership.NumMissedProbesLimit = 3;
            membership.NumVotesForDeathDeclaration = 2;
            membership.TableRefreshTimeout = TimeSpan.FromSeconds(2);
        })
        .AddCastyStreams();

    /// <summary>Streams live in the other silos, the ones that are killed: it would prove nothing if they were safe here.</summary>
    public static ISiloBuilder HostsNoStream(this ISiloBuilder silo)
    {
        silo.Services.PostConfigure<GrainTypeOptions>(grains => grains.Classes.RemoveWhere(one => one.Namespace == "Casty.Orleans"));
        return silo;
    }
}
