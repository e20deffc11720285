using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Elements too large for a message, in a cluster whose messages are small.</summary>
public sealed class LargeElementTests : IAsyncLifetime
{
    private const int MessageSize = 192 * 1024;
    private static readonly byte[] Small = [1, 2, 3];
    private static readonly byte[] Large = new byte[MessageSize];

    private readonly ClusterBed _bed = new()
    {
        Silos = silo => silo.Services.Configure<SiloMessagingOptions>(options => options.MaxMessageBodySize = MessageSize),
        Client = client => client.Services.Configure<ClientMessagingOptions>(options => options.MaxMessageBodySize = MessageSize),
    };

    public Task InitializeAsync() => _bed.DeployAsync();

    public async Task DisposeAsync() => await _bed.DisposeAsync();

    [Theory]
    [InlineData(Place.Client, Place.Client)]
    [InlineData(Place.Client, Place.SiloA)]
    [InlineData(Place.SiloA, Place.Client)]
    [InlineData(Place.SiloA, Place.SiloB)]
    public async Task ATooLargeElement_FailsAtItsPut_AndItsNeighboursArrive(Place writer, Place reader)
    {
        await using var bystander = await (_bed[writer], _bed[reader]).OpenAsync<int>();
        await using var stream = await (_bed[writer], _bed[reader]).OpenAsync<byte[]>();
        await stream.Sink.PutAsync(Small).Soon();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => stream.Sink.PutAsync(Large).Soon());
        Assert.Equal("element", error.ParamName);
        Assert.Contains($"{MessageSize * 3 / 4}", error.Message);
        Assert.Contains("raise MaxMessageBodySize", error.Message);
        Assert.Contains($"{MessageSize + 5}"[..4], error.Message);   // and what it takes: the array and a few bytes about it
        Assert.Equal("element", Assert.Throws<ArgumentException>(() => stream.Sink.TryPut(Large)).ParamName);
        await stream.Sink.PutAsync(Large[..(MessageSize / 2)]).Soon();
        await stream.Sink.PutAsync(Small).Soon();
        await stream.Sink.CompleteAsync().Soon();

        Assert.Equal([3, MessageSize / 2, 3], (await stream.Source.DrainAsync()).Select(one => one.Length));
        await stream.Sink.Completion.Soon();
        await bystander.Sink.WriteAsync([1]);
        Assert.Equal([1], await bystander.Source.DrainAsync());
    }

    [Fact]
    public async Task InsideASilo_ItTravelsAsItIs()
    {
        await using var stream = await (_bed[Place.SiloA], _bed[Place.SiloA]).OpenAsync<byte[]>();
        await stream.Sink.PutAsync(Large).Soon();
        await stream.Sink.CompleteAsync().Soon();

        Assert.Equal(MessageSize, Assert.Single(await stream.Source.DrainAsync()).Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PutBeforeARemoteReaderCame_ItFailsTheStreamWithTheCause(bool isCompleted)
    {
        string name = Cluster.Name();
        await using var sink = await _bed[Place.SiloA].GetSinkAsync<byte[]>(name).Soon();
        foreach (var element in (byte[][])[Small, Large, Small]) await sink.PutAsync(element).Soon();
        if (isCompleted) await sink.CompleteAsync().Soon();

        await using var source = await _bed[Place.Client].GetSourceAsync<byte[]>(name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([Small, Small], await loop.NextAsync(2));
        var error = await Assert.ThrowsAsync<ArgumentException>(() => loop.MoveNextAsync().Soon());
        Assert.Contains($"{MessageSize * 3 / 4}", error.Message);
        await loop.DisposeAsync().Soon();
        await Assert.ThrowsAsync<ArgumentException>(() => sink.Completion.Soon());

        // And that is the end of it: the name is free.
        await using var next = await (_bed[Place.SiloA], _bed[Place.Client]).OpenAsync<byte[]>(name: name);
        await next.Sink.WriteAsync([Small]);
        Assert.Equal([Small], await next.Source.DrainAsync());
    }

    /// <summary>A message that is too large would close a connection, and hurt whoever shares it.</summary>
    [Theory]
    [InlineData(Place.Client, Place.SiloB)]
    [InlineData(Place.SiloA, Place.Client)]
    [InlineData(Place.SiloA, Place.SiloB)]
    public async Task ATooLargeCause_GoesByItsName(Place writer, Place reader)
    {
        string name = Cluster.Name();
        await using var first = await _bed[Place.SiloA].GetSinkAsync<byte[]>(name).Soon();
        await using var sink = await _bed[writer].GetSinkAsync<byte[]>(name).Soon();
        await using var source = await _bed[reader].GetSourceAsync<byte[]>(name).Soon();
        await sink.PutAsync(Large[..(MessageSize * 7 / 10)]).Soon();   // what is sent with it may be as large as it gets
        await sink.FailAsync(new SensorException(new string('x', 2 * MessageSize), 451)).Soon();

        await using var loop = source.GetAsyncEnumerator();
        Assert.Single(await loop.NextAsync(1));
        var error = await Assert.ThrowsAsync<StreamException>(() => loop.MoveNextAsync().Soon());
        Assert.Equal(StreamEndReason.Failed, error.Reason);
        Assert.Contains($"{typeof(SensorException)}: xxx", error.Message);
        Assert.InRange(error.Message.Length, 1_000, 10_000);
    }

    /// <summary>Its own process would have sent it; here it would not fit into a message with what belongs about it.</summary>
    [Fact]
    public async Task AHostileWritersTooLargeElement_EndsItsStream()
    {
        string name = Cluster.Name();
        await using var source = await _bed[Place.SiloA].GetSourceAsync<int>(name).Soon();
        var writer = await HostileWriter.JoinAsync(_bed.Orleans.Client, name);
        await writer.SayAsync(writer.Frame(writer.Batch(0, 1, Bytes.Of(new byte[MessageSize * 8 / 10]))));

        var error = await Assert.ThrowsAsync<StreamException>(() => source.DrainAsync());
        Assert.Equal(StreamEndReason.ProtocolViolation, error.Reason);
        Assert.Contains($"{MessageSize * 3 / 4}", error.Message);
        writer.Forget();
    }

    [Fact]
    public async Task ManyElements_ThatTogetherAreTooLargeForAMessage_GoInSeveral()
    {
        await using var stream = await (_bed[Place.Client], _bed[Place.SiloB]).OpenAsync<byte[]>(new() { BufferSize = 100 }, new() { InitialDemand = 100 });
        var writing = stream.Sink.WriteAsync(Enumerable.Repeat(Large[..100_000], 60));

        Assert.All(await stream.Source.DrainAsync(), one => Assert.Equal(100_000, one.Length));
        await writing;
    }
}
