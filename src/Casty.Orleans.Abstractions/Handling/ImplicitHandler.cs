using System.Runtime.CompilerServices;
using Orleans.Metadata;
using Orleans.Runtime;
using Orleans.Serialization.TypeSystem;

namespace Casty.Orleans;

/// <summary>Which grains consume a stream by its name alone: what the classes of a cluster's silos say by <see cref="ConsumesStreamAttribute"/>.</summary>
/// <param name="Type">The grain's type.</param>
/// <param name="Pattern">The pattern of the streams' names.</param>
/// <param name="Key">What kind of key stands in it.</param>
internal sealed record ImplicitHandler(GrainType Type, string Pattern, string Key)
{
    // A property attached to each manifest, of which there is a new one whenever a silo with other classes comes or goes.
    private static readonly ConditionalWeakTable<ClusterManifest, ILookup<string, ImplicitHandler>> Handlers = [];

    public static string NameOf(Type element) => RuntimeTypeNameFormatter.Format(element);

    /// <summary>The grains that consume that stream.</summary>
    public static IEnumerable<GrainId> Of<T>(ClusterManifest manifest, string stream) => Handlers.GetValue(manifest, Read)[NameOf(typeof(T))]
        .Select(one => ConsumesStreamAttribute.KeyIn(stream, one.Pattern, one.Key) is { } key ? GrainId.Create(one.Type, key) : (GrainId?)null)
        .OfType<GrainId>().Distinct();

    private static ILookup<string, ImplicitHandler> Read(ClusterManifest manifest) =>
        (from silo in manifest.AllGrainManifests
         from grain in silo.Grains
         from property in grain.Value.Properties
         where property.Key.StartsWith(ConsumesStreamAttribute.Property, StringComparison.Ordinal)
         let parts = property.Value.Split('\n')
         from element in parts.Skip(1)
         select (Element: element, Handler: new ImplicitHandler(grain.Key, property.Key[ConsumesStreamAttribute.Property.Length..], parts[0])))
        .Distinct().ToLookup(one => one.Element, one => one.Handler);
}
