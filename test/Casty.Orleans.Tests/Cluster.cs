using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Hosting;
using Orleans.TestingHost;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Where an end of a stream lives: on either silo, or in the client.</summary>
public enum Place
{
    SiloA,
    SiloB,
    Client,
}

/// <summary>Two silos and a client, connected by real TCP sockets.</summary>
public sealed class Cluster : IAsyncLifetime
{
    public TestCluster Orleans { get; private set; } = null!;

    public IGrainFactory this[Place place] => place switch
    {
        Place.SiloA => Services(0).GetRequiredService<IGrainFactory>(),
        Place.SiloB => Services(1).GetRequiredService<IGrainFactory>(),
        _ => Orleans.Client,
    };

    public IServiceProvider Services(int silo) => ((InProcessSiloHandle)Orleans.Silos[silo]).SiloHost.Services;

    internal StreamHost Host(Place place) => StreamHost.For<int>(this[place]);

    public static string Name([System.Runtime.CompilerServices.CallerMemberName] string test = "") => $"{test}/{Guid.NewGuid():N}";

    public async Task InitializeAsync()
    {
        var builder = new TestClusterBuilder(2);
        builder.Options.ConnectionTransport = ConnectionTransportType.TcpSocket;
        builder.AddSiloBuilderConfigurator<SiloConfiguration>();
        builder.AddClientBuilderConfigurator<ClientConfiguration>();
        Orleans = builder.Build();
        await Orleans.DeployAsync();
    }

    public async Task DisposeAsync() => await Orleans.DisposeAsync();

    private sealed class SiloConfiguration : ISiloConfigurator
    {
        public void Configure(ISiloBuilder silo) => silo.AddCastyStreams();
    }

    private sealed class ClientConfiguration : IClientBuilderConfigurator
    {
        public void Configure(Microsoft.Extensions.Configuration.IConfiguration configuration, IClientBuilder client) => client.AddCastyStreams();
    }
}

[CollectionDefinition(nameof(Cluster))]
public sealed class ClusterCollection : ICollectionFixture<Cluster>;
