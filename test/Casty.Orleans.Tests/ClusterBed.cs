using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Two silos and a client over TCP, for tests that need a cluster of their own or have to reach into it.</summary>
public sealed class ClusterBed : IAsyncDisposable
{
    private const string Key = "bed";
    private static readonly ConcurrentDictionary<string, ClusterBed> Beds = new();

    private readonly string _id = Guid.NewGuid().ToString("N");

    /// <summary>The clock of every end, where the test moves it itself.</summary>
    public ManualTime? Time { get; init; }

    /// <summary>The client's clock, where it is not that of the silos: a process that is paused has time pass without it.</summary>
    public ManualTime? ClientTime { get; init; }

    public TimeSpan? Lease { get; init; }

    public short SiloCount { get; init; } = 2;

    /// <summary>Its silos and its client have called AddCastyStreams.</summary>
    public bool IsRegistered { get; init; } = true;

    /// <summary>What else a silo or a client is to be like.</summary>
    public Action<ISiloBuilder>? Silos { get; init; }

    public Action<IClientBuilder>? Client { get; init; }

    public LogBook Log { get; } = new();

    /// <summary>What the calls between ends have to pass.</summary>
    public Wire Wire { get; } = new();

    public TestCluster Orleans { get; private set; } = null!;

    public IGrainFactory this[Place place] => place switch
    {
        Place.SiloA => Silo(0).GetRequiredService<IGrainFactory>(),
        Place.SiloB => Silo(1).GetRequiredService<IGrainFactory>(),
        _ => Orleans.Client,
    };

    public IServiceProvider Services(Place place) => place == Place.Client ? Orleans.Client.ServiceProvider : Silo((int)place);

    /// <summary>What grains are called through on the silo of that number.</summary>
    public IGrainFactory Factory(int silo) => Silo(silo).GetRequiredService<IGrainFactory>();

    internal StreamHost Host(Place place) => StreamHost.For<int>(this[place]);

    internal IEnumerable<StreamHost> Hosts => Enum.GetValues<Place>().Select(Host);

    public static async Task<ClusterBed> StartAsync(ManualTime? time = null, TimeSpan? lease = null)
    {
        var bed = new ClusterBed { Time = time, Lease = lease };
        await bed.DeployAsync();
        return bed;
    }

    public async Task DeployAsync()
    {
        Beds[_id] = this;
        var builder = new TestClusterBuilder(SiloCount);
        builder.Options.ConnectionTransport = ConnectionTransportType.TcpSocket;
        builder.Properties[Key] = _id;
        builder.AddSiloBuilderConfigurator<SiloConfiguration>();
        builder.AddClientBuilderConfigurator<ClientConfiguration>();
        Orleans = builder.Build();
        await Orleans.DeployAsync();
    }

    /// <summary>What each silo has of a stream, for who wonders why it stands still.</summary>
    public string Describe<T>(string name) => string.Join("; ", Orleans.Silos.Select((_, i) =>
    {
        string stream = StreamHost.For<T>(Factory(i)).FindProducer<T>(name) is { } producer
            ? $"{producer.Stream}, {producer.WriterCount} writers, {(producer.IsProvisional ? "nothing sent" : "begun")}, reader {(producer.IsReaderRemote ? "elsewhere" : "here or none")}"
            : "none";
        var seen = Orleans.Silos.Select(other => Membership(i).CurrentSnapshot.GetSiloStatus(other.SiloAddress));
        return $"silo {i}: {stream}, takes the silos for {string.Join(", ", seen)}";
    }));

    /// <summary>Moves the clock whenever nothing moves without it, until <paramref name="task"/> is done.</summary>
    public async Task DriveAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            long before = Wire.Calls;
            await SettleAsync();
            if (Wire.Calls == before) Time!.Advance(TimeSpan.FromSeconds(1));
        }

        await task;
    }

    /// <summary>Whoever was to be told something over any of the connections has had the time to hear of it.</summary>
    public async Task RoundTripAsync()
    {
        foreach (var from in Enum.GetValues<Place>())
        {
            await this[from].GetGrain<IPingGrain>($"{Place.SiloA}").PingAsync().Soon();
            await this[from].GetGrain<IPingGrain>($"{Place.SiloB}").PingAsync().Soon();
        }
    }

    /// <summary>What is said by now is heard, and so is what is said because of that.</summary>
    public async Task SettleAsync()
    {
        for (int i = 0; i < 3; i++) await RoundTripAsync();
    }

    /// <summary>Loses a silo. If it is killed, the others are told at once that it is dead.</summary>
    public async Task LoseAsync(SiloHandle silo, bool isKilled)
    {
        if (!isKilled)
        {
            // A host takes up to 30 s for it, and whatever has not stopped by then is left behind.
            await Orleans.StopSiloAsync(silo).WaitAsync(2 * Waiting.Limit);
            return;
        }

        await Orleans.KillSiloAsync(silo).Soon();
        await DeclareDeadAsync(silo);
    }

    /// <summary>
    /// Tells the first silo, and thereby the others, that a silo is dead. How soon they would find out is Orleans' affair, and silos that
    /// find out soon also take one for dead that lives, where the machine is busy.
    /// </summary>
    public async Task DeclareDeadAsync(SiloHandle silo) => Assert.True(await Membership(0).TryKill(silo.SiloAddress).Soon());

    public async ValueTask DisposeAsync()
    {
        Wire.Faults = null;
        Wire.Gate = null;
        await Orleans.DisposeAsync();
        Beds.TryRemove(_id, out _);
    }

    private IClusterMembershipService Membership(int silo) => Silo(silo).GetRequiredService<IClusterMembershipService>();

    private IServiceProvider Silo(int silo) => ((InProcessSiloHandle)Orleans.Silos[silo]).SiloHost.Services;

    private void Configure(IServiceCollection services, ManualTime? time)
    {
        services.AddSingleton<ILoggerProvider>(Log);
        if (time is not null) services.AddKeyedSingleton<TimeProvider>(TimeProviderNames.Grains, time);
        services.AddSingleton<IOutgoingGrainCallFilter>(Wire);
    }

    private void Configure(CastyStreamsOptions options)
    {
        if (Lease is { } lease) options.LeaseDuration = lease;
    }

    private sealed class SiloConfiguration : ISiloConfigurator
    {
        public void Configure(ISiloBuilder silo)
        {
            var bed = Beds[silo.Configuration[Key]!];
            bed.Configure(silo.Services, bed.Time);
            silo.Services.AddSingleton<IFatalErrorHandler, Undead>();
            if (bed.IsRegistered) silo.AddCastyStreams(bed.Configure);
            bed.Silos?.Invoke(silo);
        }
    }

    /// <summary>A silo that learns that it was declared dead ends its process by default, which is that of the tests.</summary>
    private sealed class Undead : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => true;

        public void OnFatalException(object? sender, string? context, Exception? exception)
        {
        }
    }

    private sealed class ClientConfiguration : IClientBuilderConfigurator
    {
        public void Configure(IConfiguration configuration, IClientBuilder client)
        {
            var bed = Beds[configuration[Key]!];
            bed.Configure(client.Services, bed.ClientTime ?? bed.Time);
            if (bed.IsRegistered) client.AddCastyStreams(bed.Configure);
            bed.Client?.Invoke(client);
        }
    }
}

/// <summary>Answers, and nothing else.</summary>
public interface IPingGrain : IGrainWithStringKey
{
    Task PingAsync();
}

[PreferLocalPlacement]
public sealed class PingGrain : Grain, IPingGrain
{
    public Task PingAsync() => Task.CompletedTask;
}
