using Orleans;

namespace Casty.Orleans.Approval.Tests;

/// <summary>The bytes of elements inside of a batch: each behind its length, numbers as they lie in memory, the rest as a field of Orleans'.</summary>
public sealed class ElementFormatTests(Wire wire) : IClassFixture<Wire>
{
    [Fact]
    public void Elements_HaveTheApprovedBytes_AndAreReadFromThem() => Approved.Is("elements.txt", string.Join('\n',
    [
        Line((byte)200), Line(-2), Line(5_000_000_000), Line(1.5), Line('é'), Line(true), Line(142.50m), Line("AAPL"), Line<string?>(null),
        Line(new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)), Line<int?>(7), Line(new Price("AAPL", 142.50m)), Line<object>(new Price("AAPL", 142.50m)),
    ]));

    private string Line<T>(T value)
    {
        var codec = new ElementCodec<T>(wire.Services, int.MaxValue);
        byte[] bytes = codec.Encode(value, new SlabWriter()).Bytes.ToArray();
        Assert.Equal(value, codec.Decode(new Element<T>(bytes, 0, bytes.Length)));
        return FormattableString.Invariant($"{typeof(T)} {(value is null ? "null" : value)}: {Convert.ToHexString(bytes)}");
    }
}

/// <summary>An element as applications have them.</summary>
[GenerateSerializer, Alias("casty.tests.price")]
public sealed record Price([property: Id(0)] string Symbol, [property: Id(1)] decimal Amount);
