using System.Globalization;
using Orleans;
using Orleans.Metadata;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>
/// Has a grain consume every stream whose name fits, from its first writer on: the grain whose key the name contains. The class implements
/// <see cref="IStreamHandler{T}"/> or <see cref="IStreamBatchHandler{T}"/>, for the type of the elements.
/// </summary>
/// <remarks>
/// The key is text, or a number or a <see cref="Guid"/> as it is usually written, by what the class' grain interface says; a name with
/// something else in its place does not fit. The class need not be known where the stream is written, only to a silo of the cluster.
/// </remarks>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class ConsumesStreamAttribute : Attribute, IGrainPropertiesProviderAttribute
{
    /// <summary>What begins the name of a grain property that says what the grain consumes; the pattern follows.</summary>
    internal const string Property = "casty.consumes:";

    private const string Key = "{key}";

    /// <summary>Creates the attribute.</summary>
    /// <param name="pattern">The streams' name with <c>{key}</c> once where the grain's key stands, as in <c>prices/{key}</c>.</param>
    /// <exception cref="ArgumentException"><paramref name="pattern"/> does not contain <c>{key}</c> exactly once, or is too long.</exception>
    public ConsumesStreamAttribute(string pattern)
    {
        Require.Name(pattern, nameof(pattern));
        if (pattern.Split(Key).Length != 2) throw new ArgumentException($"A pattern contains {{key}} exactly once, as in 'prices/{{key}}'; this one is '{pattern}'.", nameof(pattern));
        Pattern = pattern;
    }

    /// <summary>The streams' name, with <c>{key}</c> where the grain's key stands.</summary>
    public string Pattern { get; }

    /// <summary>Tells the cluster. Called by Orleans as a silo starts.</summary>
    /// <param name="services">Not used.</param>
    /// <param name="grainClass">The class.</param>
    /// <param name="grainType">Its grain type.</param>
    /// <param name="properties">What the cluster knows of it.</param>
    /// <exception cref="InvalidOperationException">The class handles no elements.</exception>
    public void Populate(IServiceProvider services, Type grainClass, GrainType grainType, Dictionary<string, string> properties)
    {
        ArgumentNullException.ThrowIfNull(grainClass);
        ArgumentNullException.ThrowIfNull(properties);
        var handled = grainClass.GetInterfaces()
            .Where(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IHandlesStream<>))
            .Select(one => ImplicitHandler.NameOf(one.GenericTypeArguments[0])).ToArray();
        if (handled.Length == 0)
        {
            throw new InvalidOperationException($"{grainClass} has [ConsumesStream(\"{Pattern}\")] and handles no elements: it must implement IStreamHandler<T> or IStreamBatchHandler<T>.");
        }

        string key = typeof(IGrainWithGuidKey).IsAssignableFrom(grainClass) ? "guid" : typeof(IGrainWithIntegerKey).IsAssignableFrom(grainClass) ? "integer" : "string";
        properties[Property + Pattern] = string.Join('\n', [key, .. handled]);
    }

    /// <summary>The key that stands in a name which fits; null where it does not.</summary>
    internal static IdSpan? KeyIn(string name, string pattern, string kind)
    {
        var (before, after) = (pattern[..pattern.IndexOf(Key, StringComparison.Ordinal)], pattern[(pattern.IndexOf(Key, StringComparison.Ordinal) + Key.Length)..]);
        if (name.Length <= before.Length + after.Length) return null;
        if (!name.StartsWith(before, StringComparison.Ordinal) || !name.EndsWith(after, StringComparison.Ordinal)) return null;
        string key = name[before.Length..^after.Length];
        return kind switch
        {
            "guid" => Guid.TryParse(key, out var id) ? GrainIdKeyExtensions.CreateGuidKey(id) : null,
            "integer" => long.TryParse(key, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? GrainIdKeyExtensions.CreateIntegerKey(number) : null,
            _ => IdSpan.Create(key),
        };
    }
}
