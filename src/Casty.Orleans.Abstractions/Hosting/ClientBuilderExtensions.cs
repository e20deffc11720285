using Casty.Orleans;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Orleans.Hosting;

/// <summary>Sets the defaults of a client's streams. Optional: streams work without it.</summary>
public static class CastyStreamsClientBuilderExtensions
{
    /// <summary>
    /// Sets the defaults of this client's streams: from the section <see cref="CastyStreamsOptions.SectionName"/> of the client's
    /// configuration, where it has one, and then from code.
    /// </summary>
    /// <param name="builder">The client.</param>
    /// <param name="configure">Sets the options; null leaves them as they are.</param>
    /// <returns>The client's builder.</returns>
    /// <exception cref="OptionsValidationException">At start, if the section has an unknown key, or a value is out of its range.</exception>
    public static IClientBuilder AddCastyStreams(this IClientBuilder builder, Action<CastyStreamsOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddCastyStreamsOptions(builder.Configuration, configure);
        return builder;
    }

    /// <summary>Sets the defaults of this client's streams from a section of a configuration.</summary>
    /// <param name="builder">The client.</param>
    /// <param name="configuration">
    /// The section that holds the values of <see cref="CastyStreamsOptions"/>, or a whole configuration that has them in its section
    /// <see cref="CastyStreamsOptions.SectionName"/>.
    /// </param>
    /// <returns>The client's builder.</returns>
    /// <exception cref="OptionsValidationException">At start, if the section has an unknown key, or a value is out of its range.</exception>
    public static IClientBuilder AddCastyStreams(this IClientBuilder builder, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configuration);
        builder.Services.AddCastyStreamsOptions(configuration);
        return builder;
    }
}
