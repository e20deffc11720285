using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Hosting;
using Xunit;

namespace Casty.Orleans.Docs.Tests;

/// <summary>The configuration that the README shows is taken, and what it says of a wrong one is what is said.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public void Appsettings_AreTaken()
    {
        using var json = new MemoryStream(Encoding.UTF8.GetBytes(Shown("appsettings.json")));
        var options = Options(configuration => configuration.AddJsonStream(json));
        Assert.Equal((512, TimeSpan.FromMinutes(2)), (options.Producer.BufferSize, options.Producer.SubscriptionTimeout));
        Assert.Equal((1024, 4_194_304, TimeSpan.FromSeconds(30)), (options.Consumer.MaxDemand, options.Consumer.MaxDemandBytes, options.Consumer.InactivityTimeout));
        Assert.Equal(5, options.Handler.Retries);
        Assert.Equal((TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2)), (options.LeaseDuration, options.HandOverTimeout));
    }

    [Fact]
    public void AnError_IsWhatIsSaid()
    {
        var error = Assert.Throws<OptionsValidationException>(() => Options(configuration => configuration.AddInMemoryCollection([new("CastyStreams:Producer:BufferSize", "-1")])));
        Assert.Equal(Shown("error").TrimEnd('\n'), error.Message);
    }

    private static string Shown(string what) => CodeBlock.In(Repository.Read("README.md")).Single(block => block.Kind == "configuration" && block.Shows == what).Text;

    private static CastyStreamsOptions Options(Action<IConfigurationBuilder> configure)
    {
        var host = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        configure(host.Configuration);
        host.UseOrleansClient(client => client.UseLocalhostClustering().AddCastyStreams());
        using var built = host.Build();
        return built.Services.GetRequiredService<IOptions<CastyStreamsOptions>>().Value;
    }
}
