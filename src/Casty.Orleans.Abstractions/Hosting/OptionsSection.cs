using System.ComponentModel;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Casty.Orleans;

/// <summary>
/// Sets options from a section of a configuration, and refuses what it would otherwise pass over: a key that is no option and a value
/// that is none of its kind.
/// </summary>
internal sealed class OptionsSection(IConfigurationSection section) : IConfigureOptions<CastyStreamsOptions>
{
    /// <summary>A section itself; of a whole configuration its section <see cref="CastyStreamsOptions.SectionName"/>.</summary>
    public static OptionsSection In(IConfiguration configuration) =>
        new(configuration as IConfigurationSection ?? configuration.GetSection(CastyStreamsOptions.SectionName));

    public string Path => section.Path;

    public bool Has(string key) => section.GetSection(key).Exists();

    /// <exception cref="OptionsValidationException">A key is unknown, or a value cannot be read.</exception>
    public void Configure(CastyStreamsOptions options)
    {
        var flaws = FlawsOf(section, typeof(CastyStreamsOptions)).ToArray();
        if (flaws.Length > 0) throw new OptionsValidationException(Options.DefaultName, typeof(CastyStreamsOptions), flaws);
        section.Bind(options);
    }

    private static IEnumerable<string> FlawsOf(IConfigurationSection section, Type type)
    {
        var options = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        string names = string.Join(", ", options.Select(option => option.Name));
        if (!string.IsNullOrEmpty(section.Value)) yield return $"{section.Path} is {section.Value}; allowed is a section with any of {names}.";

        foreach (var child in section.GetChildren())
        {
            var option = Array.Find(options, option => option.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
            if (option is null) yield return $"{child.Path} is no option; {section.Path} has {names}.";
            else if (IsSection(option.PropertyType)) foreach (string flaw in FlawsOf(child, option.PropertyType)) yield return flaw;
            else if (!IsValue(child, option.PropertyType)) yield return $"{child.Path} is {child.Value ?? "a section"}; allowed is {KindOf(option.PropertyType)}.";
        }
    }

    private static bool IsSection(Type type) => type.Assembly == typeof(OptionsSection).Assembly && type.IsClass;

    private static bool IsValue(IConfigurationSection option, Type type)
    {
        if (option.Value is not { } value) return !option.GetChildren().Any();

        try
        {
            TypeDescriptor.GetConverter(type).ConvertFromInvariantString(value);
            return true;
        }
        catch (Exception)   // a converter throws what it likes
        {
            return false;
        }
    }

    private static string KindOf(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var kind when kind == typeof(int) => $"a whole number up to {int.MaxValue}",
        var kind when kind == typeof(long) => $"a whole number up to {long.MaxValue}",
        var kind when kind == typeof(TimeSpan) => "a time such as 00:01:30",
        { IsEnum: true } kind => string.Join(" or ", Enum.GetNames(kind)),
        var kind => $"a {kind.Name}",
    };
}
