using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Hosting;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A process' options from its configuration. What is wrong there keeps the host from starting, and the key is named.</summary>
public sealed class ConfigurationTests
{
    public enum Process
    {
        Silo,
        Client,
    }

    public static TheoryData<Process> Processes => [Process.Silo, Process.Client];

    private const string All = """
        {
          "CastyStreams": {
            "Producer": { "BufferSize": 7, "SubscriptionTimeout": "-00:00:00.001" },
            "Consumer": { "MaxDemand": 9, "MaxDemandBytes": 5000000000, "InactivityTimeout": "00:00:05", "OnLeave": "Detach" },
            "LeaseDuration": "00:00:30",
            "HandOverTimeout": "00:02:00"
          }
        }
        """;

    [Theory, MemberData(nameof(Processes))]
    public void TheSection_SetsWhatItNames(Process process) => AssertAll(Options(process, All));

    [Theory, MemberData(nameof(Processes))]
    public void ASectionThatIsNamed_IsReadInsteadOfTheDefaultOne(Process process)
    {
        string json = """{ "CastyStreams": { "Producer": { "BufferSize": 1 } }, "Mine": { "Streams": { "Consumer": { "InitialDemand": 3 } } } }""";
        var options = Options(process, json, host => host.Add(process, host.Configuration.GetSection("Mine:Streams")));
        Assert.Equal((null, 3), (options.Producer.BufferSize, options.Consumer.InitialDemand));
    }

    [Theory, MemberData(nameof(Processes))]
    public void AWholeConfiguration_IsReadByItsSection(Process process) =>
        AssertAll(Options(process, All, host => host.Add(process, (IConfiguration)host.Configuration)));

    [Theory, MemberData(nameof(Processes))]
    public void Code_HasTheLastWord(Process process)
    {
        var options = Options(process, All, host =>
        {
            host.Add(process, streams => streams.Producer.BufferSize = 8);
            host.Add(process, streams => streams.Consumer.MaxDemand = 10);   // and does not read the section again
        });
        Assert.Equal((8, 10, TimeSpan.FromSeconds(30)), (options.Producer.BufferSize, options.Consumer.MaxDemand, options.LeaseDuration));
    }

    [Theory, MemberData(nameof(Processes))]
    public void WhereNothingIsConfigured_TheDefaultsHold(Process process)
    {
        var options = Options(process, """{ "Logging": { "LogLevel": { "Default": "None" } } }""");
        Assert.Equal((null, null), (options.Producer.BufferSize, options.Consumer.InitialDemand));
        Assert.Equal((TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(1)), (options.LeaseDuration, options.HandOverTimeout));
    }

    [Fact]
    public async Task AppsettingsJson_OfTheContentRoot_IsRead()
    {
        var folder = Directory.CreateTempSubdirectory("casty-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "appsettings.json"), All);
            var host = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = folder.FullName });
            host.UseOrleans(silo => silo.UseLocalhostClustering().AddCastyStreams());
            using var built = host.Build();
            AssertAll(built.Services.GetRequiredService<IOptions<CastyStreamsOptions>>().Value);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory, MemberData(nameof(Processes))]
    public void AHostOfTheOlderKind_IsReadAsWell(Process process)
    {
        var host = new HostBuilder().ConfigureAppConfiguration(configuration => configuration.AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(All))));
        if (process == Process.Silo) host.UseOrleans(silo => silo.UseLocalhostClustering().AddCastyStreams());
        else host.UseOrleansClient(client => client.UseLocalhostClustering().AddCastyStreams());
        using var built = host.Build();
        AssertAll(built.Services.GetRequiredService<IOptions<CastyStreamsOptions>>().Value);
    }

    public static TheoryData<Process, string, string, string> WrongValues()
    {
        var data = new TheoryData<Process, string, string, string>();
        foreach (var process in Enum.GetValues<Process>())
        {
            data.Add(process, "Producer:BufferSize", "-1", "is -1; allowed is 0 (unbounded) or more.");
            data.Add(process, "Producer:BufferSize", "many", "is many; allowed is a whole number up to 2147483647.");
            data.Add(process, "Producer:BufferSize", "2147483648", "is 2147483648; allowed is a whole number up to 2147483647.");
            data.Add(process, "Producer:SubscriptionTimeout", "0:00", "is 00:00:00; allowed is positive, or Timeout.InfiniteTimeSpan (-00:00:00.0010000).");
            data.Add(process, "Producer:SubscriptionTimeout", "soon", "is soon; allowed is a time such as 00:01:30.");
            data.Add(process, "Consumer:InitialDemand", "0", "is 0; allowed is at least 1.");
            data.Add(process, "Consumer:InitialDemand", "11", "is 11; allowed is at most MaxDemand, which is 10.");
            data.Add(process, "Consumer:MaxDemand", "0", "is 0; allowed is at least 1.");
            data.Add(process, "Consumer:MaxDemandBytes", "0", "is 0; allowed is at least 1.");
            data.Add(process, "Consumer:MaxDemandBytes", "1e6", "is 1e6; allowed is a whole number up to 9223372036854775807.");
            data.Add(process, "Consumer:InactivityTimeout", "-1:00", "is -01:00:00; allowed is positive, or Timeout.InfiniteTimeSpan (-00:00:00.0010000).");
            data.Add(process, "Consumer:OnLeave", "Stay", "is Stay; allowed is Cancel or Detach.");
            data.Add(process, "Consumer:OnLeave", "7", "is 7; allowed is Cancel or Detach.");
            data.Add(process, "LeaseDuration", "0:00:00.09", "is 00:00:00.0900000; allowed is between 100 milliseconds and 1 day.");
            data.Add(process, "HandOverTimeout", "2", "is 2.00:00:00; allowed is more than zero and at most 1 day.");
            data.Add(process, "Producer", "5", "is 5; allowed is a section with any of BufferSize, SubscriptionTimeout, Delivery, SlowConsumer.");
            data.Add(process, "Producer:BufferSize:Most", "5", "is a section; allowed is a whole number up to 2147483647.");
        }

        return data;
    }

    [Theory, MemberData(nameof(WrongValues))]
    public async Task AWrongValue_KeepsTheHostFromStarting_AndItsKeyIsNamed(Process process, string key, string value, string message)
    {
        var configuration = new Dictionary<string, string?> { ["CastyStreams:Consumer:MaxDemand"] = "10" };
        configuration[$"CastyStreams:{key}"] = value;
        using var host = Built(process, configuration);
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync().Soon());
        Assert.Equal($"CastyStreams:{key.Replace(":Most", "", StringComparison.Ordinal)} {message}", Assert.Single(error.Failures));
    }

    [Theory, MemberData(nameof(Processes))]
    public async Task AnUnknownKey_KeepsTheHostFromStarting_AndThoseThereAreAreNamed(Process process)
    {
        using var host = Built(process, [new("CastyStreams:Lease", "00:00:30"), new("castystreams:producer:bufersize", "5")]);
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync().Soon());
        Assert.Equal(
        [
            "CastyStreams:Lease is no option; CastyStreams has Producer, Consumer, Handler, LeaseDuration, HandOverTimeout.",
            "CastyStreams:producer:bufersize is no option; CastyStreams:producer has BufferSize, SubscriptionTimeout, Delivery, SlowConsumer.",
        ], error.Failures.Order());
    }

    [Theory, MemberData(nameof(Processes))]
    public async Task WhatIsWrong_IsToldAtOnce_ByTheKeysOfTheSectionThatWasRead(Process process)
    {
        using var host = Built(process, [new("Mine:LeaseDuration", "0:00"), new("Mine:Consumer:MaxDemand", "-4")], host =>
        {
            host.Add(process, host.Configuration.GetSection("Mine"));
            host.Add(process, streams => streams.Producer.BufferSize = -2);
        });
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync().Soon());
        Assert.Equal(
        [
            "CastyStreams:Producer:BufferSize is -2; allowed is 0 (unbounded) or more.",   // by code: no section has it
            "Mine:Consumer:MaxDemand is -4; allowed is at least 1.",
            "Mine:LeaseDuration is 00:00:00; allowed is between 100 milliseconds and 1 day.",
        ], error.Failures);
    }

    [Fact]
    public async Task ANullFromCode_IsRefusedAtStart()
    {
        using var host = Built(Process.Silo, [], host => host.Add(Process.Silo, streams => streams.Producer = null!));
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync().Soon());
        Assert.Equal("CastyStreams:Producer is null; allowed is a StreamProducerOptions.", Assert.Single(error.Failures));
    }

    private static void AssertAll(CastyStreamsOptions options)
    {
        Assert.Equal((7, Timeout.InfiniteTimeSpan), (options.Producer.BufferSize, options.Producer.SubscriptionTimeout));
        Assert.Equal((null, 9, 5_000_000_000), (options.Consumer.InitialDemand, options.Consumer.MaxDemand, options.Consumer.MaxDemandBytes));
        Assert.Equal((TimeSpan.FromSeconds(5), StreamLeave.Detach), (options.Consumer.InactivityTimeout, options.Consumer.OnLeave));
        Assert.Equal((TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2)), (options.LeaseDuration, options.HandOverTimeout));
    }

    private static CastyStreamsOptions Options(Process process, string json, Action<HostApplicationBuilder>? add = null)
    {
        using var host = Built(process, new ConfigurationBuilder().AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(json))).Build().AsEnumerable(), add);
        return host.Services.GetRequiredService<IOptions<CastyStreamsOptions>>().Value;
    }

    private static IHost Built(Process process, IEnumerable<KeyValuePair<string, string?>> configuration, Action<HostApplicationBuilder>? add = null)
    {
        var host = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        host.Configuration.AddInMemoryCollection(configuration);
        if (add is null) host.Add(process);
        else add(host);
        return host.Build();
    }
}

file static class Hosts
{
    public static void Add(this HostApplicationBuilder host, ConfigurationTests.Process process, Action<CastyStreamsOptions>? configure = null)
    {
        if (process == ConfigurationTests.Process.Silo) host.UseOrleans(silo => silo.UseLocalhostClustering().AddCastyStreams(configure));
        else host.UseOrleansClient(client => client.UseLocalhostClustering().AddCastyStreams(configure));
    }

    public static void Add(this HostApplicationBuilder host, ConfigurationTests.Process process, IConfiguration configuration)
    {
        if (process == ConfigurationTests.Process.Silo) host.UseOrleans(silo => silo.UseLocalhostClustering().AddCastyStreams(configuration));
        else host.UseOrleansClient(client => client.UseLocalhostClustering().AddCastyStreams(configuration));
    }
}
