using Casty.Orleans;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;

namespace Orleans.Hosting;

/// <summary>
/// Adds streams to a silo, and sets their defaults. Streams work without it, but grains that handle streams need it, and only with it does
/// a silo that stops wait until what it alone held is elsewhere.
/// </summary>
public static class CastyStreamsSiloBuilderExtensions
{
    /// <summary>
    /// Adds streams to this silo, and sets their defaults: from the section <see cref="CastyStreamsOptions.SectionName"/> of the silo's
    /// configuration, where it has one, and then from code.
    /// </summary>
    /// <param name="builder">The silo.</param>
    /// <param name="configure">Sets the options; null leaves them as they are.</param>
    /// <returns>The silo's builder.</returns>
    /// <exception cref="OptionsValidationException">At start, if the section has an unknown key, or a value is out of its range.</exception>
    public static ISiloBuilder AddCastyStreams(this ISiloBuilder builder, Action<CastyStreamsOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSilo(builder.Services.AddCastyStreamsOptions(builder.Configuration, configure));
    }

    /// <summary>Adds streams to this silo, and sets their defaults from a section of a configuration.</summary>
    /// <param name="builder">The silo.</param>
    /// <param name="configuration">
    /// The section that holds the values of <see cref="CastyStreamsOptions"/>, or a whole configuration that has them in its section
    /// <see cref="CastyStreamsOptions.SectionName"/>.
    /// </param>
    /// <returns>The silo's builder.</returns>
    /// <exception cref="OptionsValidationException">At start, if the section has an unknown key, or a value is out of its range.</exception>
    public static ISiloBuilder AddCastyStreams(this ISiloBuilder builder, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configuration);
        return builder.AddSilo(builder.Services.AddCastyStreamsOptions(configuration));
    }

    private static ISiloBuilder AddSilo(this ISiloBuilder builder, OptionsBuilder<CastyStreamsOptions> streams)
    {
        streams.PostConfigure<IOptions<SiloMessagingOptions>>((options, messaging) => options.MaxMessageSize = messaging.Value.MaxMessageBodySize);
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ILifecycleParticipant<ISiloLifecycle>, HandOver>());
        builder.Services.TryAddKeyedTransient<IGrainExtension, StreamHandlerExtension>(typeof(IStreamHandlerExtension));
        return builder;
    }
}
