using System.Reflection;
using System.Runtime.CompilerServices;
using Orleans;

namespace Casty.Orleans.Approval.Tests;

/// <summary>
/// The bytes of everything that crosses the wire. During a rolling restart silos of two versions talk to each other: what was released
/// may be added to, and nothing else.
/// </summary>
public sealed class WireFormatTests : IClassFixture<Wire>
{
    private const string File = "wire.txt";
    private const string Hex = "  : ";

    private readonly Wire _wire;
    private readonly string _actual;

    public WireFormatTests(Wire wire)
    {
        _wire = wire;
        _actual = $"""
            What crosses the wire: a sample of each message and of each call, its fields by their ids, and its bytes.

            {string.Join('\n', Wire.Enumerations.OrderBy(type => type.Name, StringComparer.Ordinal).Select(Numbers))}

            {string.Join("\n\n", wire.Samples.OrderBy(one => one.Name, StringComparer.Ordinal).Select(one => Entry(one.Name, one.Sample, wire.Serialise(one.Sample))))}
            """;
        Approved.AcceptIfAsked(File, _actual);   // before any test reads it
    }

    [Fact]
    public void EveryMessageAndCall_HasTheApprovedBytes() => Approved.Is(File, _actual);

    [Fact]
    public void ApprovedBytes_AreReadAsTheApprovedValues() => Assert.All(ApprovedEntries(), entry =>
    {
        byte[] bytes = Convert.FromHexString(string.Concat(entry.Value.Split('\n').Where(line => line.StartsWith(Hex, StringComparison.Ordinal)).Select(line => line[Hex.Length..])));
        Assert.Equal(entry.Value, Entry(entry.Key, _wire.Deserialise(bytes), bytes));
    });

    [Fact]
    public void EveryMessageAndCall_HasAnApprovedSample() =>
        Assert.Equal(_wire.Samples.Select(one => one.Name).Order(StringComparer.Ordinal), ApprovedEntries().Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void EveryCallThatAnInterfaceHas_IsAmongThem() => Assert.Equal(
        Wire.Interfaces.SelectMany(type => type.GetMethods().Select(method => $"{Described.AliasOf(type)}.{Described.AliasOf(method)}"))
            .Where(name => name != "casty.IStreamProducerGrain`1.services").Order(StringComparer.Ordinal),
        ApprovedEntries().Keys.Where(name => name.StartsWith("casty.IStream", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    [Fact]
    public void Aliases_AreUnique()
    {
        AssertUnique(Wire.Messages.Concat(Wire.Interfaces).Select(Described.AliasOf));
        Assert.All(Wire.Interfaces, type => AssertUnique(type.GetMethods().Select(Described.AliasOf)));
    }

    [Fact]
    public void Ids_AreUnique_AndNothingThatIsSetLacksOne() => Assert.All(Wire.Messages, type =>
    {
        const BindingFlags own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        Assert.All(type.GetFields(own), state => Assert.True(state.IsDefined(typeof(CompilerGeneratedAttribute)), $"{type}.{state.Name} is no property: the samples pass it over."));
        var properties = type.GetProperties(own).Where(property => property.CanWrite).ToArray();
        Assert.All(properties, property => Assert.True(property.IsDefined(typeof(IdAttribute)), $"{type}.{property.Name} is set and not sent."));
        AssertUnique(properties.Select(property => property.GetCustomAttribute<IdAttribute>()!.Id));
    });

    private static Dictionary<string, string> ApprovedEntries() =>
        Approved.Read(File).Split("\n\n").Skip(2).Select(entry => entry.Trim('\n')).ToDictionary(entry => entry.Split('\n')[0]);

    private static string Entry(string name, object message, byte[] bytes) => string.Join('\n',
    [
        name,
        .. Described.Fields(message).Select(line => $"  {line}"),
        .. bytes.Chunk(32).Select(line => Hex + Convert.ToHexString(line)),
    ]);

    private static string Numbers(Type type) => $"{type.Name}: {string.Join(", ", Enum.GetValues(type).Cast<object>().Select(value => $"{value} = {(int)value}"))}";

    private static void AssertUnique<T>(IEnumerable<T> names)
    {
        var all = names.ToArray();
        Assert.Equal(all.Distinct(), all);
    }
}
