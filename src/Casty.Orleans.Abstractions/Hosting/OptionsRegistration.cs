using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Casty.Orleans;

/// <summary>Registers <see cref="CastyStreamsOptions"/>, the same on a silo and on a client.</summary>
internal static class OptionsRegistration
{
    public static OptionsBuilder<CastyStreamsOptions> AddCastyStreamsOptions(this IServiceCollection services, Action<CastyStreamsOptions>? configure)
    {
        var options = services.AddOptions<CastyStreamsOptions>();
        if (configure is not null) options.Configure(configure);
        services.AddSingleton<IValidateOptions<CastyStreamsOptions>, Validator>();
        options.ValidateOnStart();
        return options;
    }

    private sealed class Validator : IValidateOptions<CastyStreamsOptions>
    {
        public ValidateOptionsResult Validate(string? name, CastyStreamsOptions options)
        {
            try
            {
                options.Validate(nameof(CastyStreamsOptions));
                return ValidateOptionsResult.Success;
            }
            catch (ArgumentException exception)
            {
                return ValidateOptionsResult.Fail(exception.Message);
            }
        }
    }
}
