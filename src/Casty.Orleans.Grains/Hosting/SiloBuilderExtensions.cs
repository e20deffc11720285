using Casty.Orleans;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime;

namespace Orleans.Hosting;

/// <summary>Sets the defaults of a silo's streams. Optional: a silo needs only the grains' assembly.</summary>
public static class CastyStreamsSiloBuilderExtensions
{
    /// <summary>
    /// Sets the defaults of this silo's streams: from the section <see cref="CastyStreamsOptions.SectionName"/> of the silo's
    /// configuration, where it has one, and then from code.
    /// </summary>
    /// <param name="builder">The silo.</param>
    /// <param name="configure">Sets the options; null leaves them as they are.</param>
    /// <exception cref="OptionsValidationException">At start, if the section has an unknown key, or a value is out of its range.</exception>
    public static ISiloBuilder AddCastyStreams(this ISiloBuilder builder, Action<CastyStreamsOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSilo(builder.Services.AddCastyStreamsOptions(builder.Configuration, configure));
    }

    /// <summary>Sets the defaults of this silo's streams from a section of a configuration.</summary>
    /// <param name="builder">The silo.</param>
    /// <param name="configuration">
    /// The section that holds the values of <see cref="CastyStreamsOptions"/>, or a whole configuration that has them in its section
    /// <see cref="CastyStreamsOptions.SectionName"/>.
    /// </param>
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
