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
    /// <summary>Sets the defaults of this silo's streams.</summary>
    /// <param name="builder">The silo.</param>
    /// <param name="configure">Sets the options; null leaves them as they are.</param>
    /// <exception cref="OptionsValidationException">At start, if a value is out of its range.</exception>
    public static ISiloBuilder AddCastyStreams(this ISiloBuilder builder, Action<CastyStreamsOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddCastyStreamsOptions(configure)
            .PostConfigure<IOptions<SiloMessagingOptions>>((options, messaging) => options.MaxMessageSize = messaging.Value.MaxMessageBodySize);
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ILifecycleParticipant<ISiloLifecycle>, HandOver>());
        builder.Services.TryAddKeyedTransient<IGrainExtension, StreamHandlerExtension>(typeof(IStreamHandlerExtension));
        return builder;
    }

    /// <summary>Sets the defaults of this silo's streams from configuration, as from a section of <c>appsettings.json</c>.</summary>
    /// <param name="builder">The silo.</param>
    /// <param name="configuration">The section that holds the values of <see cref="CastyStreamsOptions"/>.</param>
    /// <exception cref="OptionsValidationException">At start, if a value is out of its range.</exception>
    public static ISiloBuilder AddCastyStreams(this ISiloBuilder builder, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return builder.AddCastyStreams(configuration.Bind);
    }
}
