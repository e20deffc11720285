using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Elements of every kind arrive as they were when they were put.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class ElementTests(ClockedCluster cluster)
{
    [Theory, NearAndFar]
    public Task Strings(Place writer, Place reader) => ArriveAsync(writer, reader, "", "ä", new string('x', 100_000), "\0", "same", "same");

    [Theory, NearAndFar]
    public Task Structs(Place writer, Place reader) => ArriveAsync(writer, reader, new Tick(1, 0.5), default, new Tick(long.MinValue, double.NaN));

    [Theory, NearAndFar]
    public Task Records(Place writer, Place reader) => ArriveAsync(writer, reader, new Price("ACME", 12.5m), new Price("", -1m));

    [Theory, NearAndFar]
    public Task Nulls(Place writer, Place reader) => ArriveAsync(writer, reader, null, "between", null, null);

    [Theory, NearAndFar]
    public Task NullableValues(Place writer, Place reader) => ArriveAsync<int?>(writer, reader, 1, null, 3);

    [Theory, NearAndFar]
    public Task ByteArrays(Place writer, Place reader) => ArriveAsync(writer, reader, [], [1, 2, 3], new byte[200_000]);

    [Theory, NearAndFar]
    public async Task GenericClasses(Place writer, Place reader)
    {
        var received = await SendAsync(writer, reader, new Box<Price> { Content = new Price("ACME", 1m) }, new Box<Price>());
        Assert.Equal([new Price("ACME", 1m), null], received.Select(box => box.Content));
    }

    [Theory, NearAndFar]
    public async Task DerivedClasses_WhereTheStreamIsOfTheirBase(Place writer, Place reader)
    {
        var received = await SendAsync<Shape>(writer, reader, new Circle { Radius = 2 }, new Square { Side = 3 });
        Assert.Collection(received,
            shape => Assert.Equal(2, Assert.IsType<Circle>(shape).Radius),
            shape => Assert.Equal(3, Assert.IsType<Square>(shape).Side));
    }

    [Theory, NearAndFar]
    public Task Objects_OfDifferentTypes(Place writer, Place reader) => ArriveAsync<object>(writer, reader, 1, "two", new Price("three", 3m));

    [Theory, NearAndFar]
    public async Task MutableClasses_AreCopiedByTheTimeThePutReturns(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<Tally>();
        var tally = new Tally();
        for (int i = 0; i < 3; i++)
        {
            tally.Counts.Add(i);
            await stream.Sink.PutAsync(tally).Soon();
        }

        tally.Counts.Clear();
        await stream.Sink.CompleteAsync().Soon();

        var received = await stream.Source.DrainAsync();
        Assert.Equal([1, 2, 3], received.Select(one => one.Counts.Count));
        received[0].Counts.Clear();
        Assert.Equal([0, 1], received[1].Counts);
    }

    [Fact]
    public async Task ImmutableClasses_AreNotCopiedInsideASilo()
    {
        var element = new Fixed([1, 2]);
        Assert.Same(element, Assert.Single(await SendAsync(Place.SiloA, Place.SiloA, element)));
        Assert.Same(element, Assert.Single(await SendAsync<object>(Place.SiloA, Place.SiloA, element)));
    }

    private async Task ArriveAsync<T>(Place writer, Place reader, params T[] elements) =>
        Assert.Equal(elements, await SendAsync(writer, reader, elements));

    private async Task<List<T>> SendAsync<T>(Place writer, Place reader, params T[] elements)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<T>();
        var writing = stream.Sink.WriteAsync(elements);
        var received = await stream.Source.DrainAsync();
        await writing;
        return received;
    }
}
