using Casty.Orleans;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Orleans.Hosting;

/// <summary>Sets the defaults of a client's streams. Optional: streams work without it.</summary>
public static class CastyStreamsClientBuilderExtensions
{
    /// <summary>Sets the defaults of this client's streams.</summary>
    /// <param name="builder">The client.</param>
    /// <param name="configure">Sets the options; null leaves them as they are.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">At start, if a value is out of its range.</exception>
    public static IClientBuilder AddCastyStreams(this IClientBuilder builder, Action<CastyStreamsOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddCastyStreamsOptions(configure);
        return builder;
    }

    /// <summary>Sets the defaults of this client's streams from configuration, as from a section of <c>appsettings.json</c>.</summary>
    /// <param name="builder">The client.</param>
    /// <param name="configuration">The section that holds the values of <see cref="CastyStreamsOptions"/>.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">At start, if a value is out of its range.</exception>
    public static IClientBuilder AddCastyStreams(this IClientBuilder builder, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configuration);
        builder.Services.AddCastyStreamsOptions(configuration.Bind);
        return builder;
    }
}
