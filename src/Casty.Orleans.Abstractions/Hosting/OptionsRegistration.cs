using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Casty.Orleans;

/// <summary>Registers <see cref="CastyStreamsOptions"/>, the same on a silo and on a client. What is wrong with them is told at start.</summary>
internal static class OptionsRegistration
{
    /// <summary>By the process' own configuration, and then by code.</summary>
    public static OptionsBuilder<CastyStreamsOptions> AddCastyStreamsOptions(
        this IServiceCollection services, IConfiguration processConfiguration, Action<CastyStreamsOptions>? configure)
    {
        // Once, and where some section was read before not at all: what code has set since then is not to be undone.
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<CastyStreamsOptions>>(OptionsSection.In(processConfiguration)));
        var options = services.AddCheckedOptions();
        return configure is null ? options : options.Configure(configure);
    }

    /// <summary>By a configuration.</summary>
    public static OptionsBuilder<CastyStreamsOptions> AddCastyStreamsOptions(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<IConfigureOptions<CastyStreamsOptions>>(OptionsSection.In(configuration));
        return services.AddCheckedOptions();
    }

    private static OptionsBuilder<CastyStreamsOptions> AddCheckedOptions(this IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<CastyStreamsOptions>, Validator>());
        return services.AddOptions<CastyStreamsOptions>().ValidateOnStart();
    }

    private sealed class Validator(IEnumerable<IConfigureOptions<CastyStreamsOptions>> sources) : IValidateOptions<CastyStreamsOptions>
    {
        public ValidateOptionsResult Validate(string? name, CastyStreamsOptions options)
        {
            var flaws = options.Flaws().Select(flaw => flaw.ToString(PathOf(flaw.Key))).ToArray();
            return flaws.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(flaws);
        }

        /// <summary>Where a configuration says it; where it would, if code did.</summary>
        private string PathOf(string key) =>
            (sources.OfType<OptionsSection>().LastOrDefault(section => section.Has(key))?.Path ?? CastyStreamsOptions.SectionName) + ':' + key;
    }
}
