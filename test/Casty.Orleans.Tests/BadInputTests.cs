using Orleans;
using Orleans.Serialization;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>What is wrong with a call is said at the call, by name, and hurts nobody else.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class BadInputTests(ClockedCluster cluster)
{
    [Theory]
    [InlineData(Place.SiloA)]
    [InlineData(Place.Client)]
    public async Task Names(Place place)
    {
        var grains = cluster[place];
        string tooLong = new('n', 1001);
        Assert.Equal("grains", (await Assert.ThrowsAsync<ArgumentNullException>(() => ((IGrainFactory)null!).GetSinkAsync<int>("n"))).ParamName);
        Assert.Equal("grains", (await Assert.ThrowsAsync<ArgumentNullException>(() => ((IGrainFactory)null!).GetSourceAsync<int>("n"))).ParamName);
        Assert.Equal("producer", (await Assert.ThrowsAsync<ArgumentNullException>(() => grains.GetSinkAsync<int>(null!))).ParamName);
        Assert.Equal("producer", (await Assert.ThrowsAsync<ArgumentException>(() => grains.GetSinkAsync<int>(""))).ParamName);
        Assert.Equal("producer", (await Assert.ThrowsAsync<ArgumentNullException>(() => grains.GetSourceAsync<int>(null!))).ParamName);
        Assert.Equal("producer", (await Assert.ThrowsAsync<ArgumentException>(() => grains.GetSourceAsync<int>(""))).ParamName);
        Assert.Equal("consumer", (await Assert.ThrowsAsync<ArgumentException>(() => grains.GetSourceAsync<int>("n", ""))).ParamName);

        foreach (var (error, parameter) in new[]
                 {
                     (await Assert.ThrowsAsync<ArgumentException>(() => grains.GetSinkAsync<int>(tooLong)), "producer"),
                     (await Assert.ThrowsAsync<ArgumentException>(() => grains.GetSourceAsync<int>(tooLong)), "producer"),
                     (await Assert.ThrowsAsync<ArgumentException>(() => grains.GetSourceAsync<int>("n", tooLong)), "consumer"),
                 })
        {
            Assert.Equal(parameter, error.ParamName);
            Assert.StartsWith($"{parameter} has 1,001 characters; allowed are 1 to 1,000.", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task TheLongestNames_AreFine()
    {
        string name = (Cluster.Name() + new string('n', 1000))[..1000];
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>(name: name, reader: new string('c', 1000));
        await stream.Sink.WriteAsync([1]);
        Assert.Equal([1], await stream.Source.DrainAsync());
    }

    public static TheoryData<StreamProducerOptions, string> BadProducers() => new()
    {
        { new() { BufferSize = -1 }, "BufferSize must be 0 (unbounded) or more." },
        { new() { SubscriptionTimeout = TimeSpan.Zero }, "SubscriptionTimeout must be positive" },
        { new() { SubscriptionTimeout = TimeSpan.FromSeconds(-1) }, "SubscriptionTimeout must be positive" },
    };

    [Theory, MemberData(nameof(BadProducers), DisableDiscoveryEnumeration = true)]
    public async Task ProducerOptions(StreamProducerOptions options, string message)
    {
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => cluster[Place.Client].GetSinkAsync<int>("n", options));
        Assert.Equal("options", error.ParamName);
        Assert.Contains(message, error.Message);
        Assert.Equal("producer", Assert.Throws<ArgumentOutOfRangeException>(() => StreamPipe.Create<int>(options)).ParamName);
    }

    public static TheoryData<StreamConsumerOptions, string> BadConsumers() => new()
    {
        { new() { InitialDemand = 0 }, "InitialDemand must be at least 1." },
        { new() { InitialDemand = -5 }, "InitialDemand must be at least 1." },
        { new() { MaxDemand = 0 }, "MaxDemand must be at least 1." },
        { new() { InitialDemand = 6, MaxDemand = 5 }, "InitialDemand must be at most MaxDemand, which is 5." },
        { new() { MaxDemandBytes = 0 }, "MaxDemandBytes must be at least 1." },
        { new() { InactivityTimeout = TimeSpan.Zero }, "InactivityTimeout must be positive" },
        { new() { InactivityTimeout = TimeSpan.FromSeconds(-3) }, "InactivityTimeout must be positive" },
        { new() { OnLeave = (StreamLeave)7 }, "OnLeave must be Cancel or Detach." },
    };

    [Theory, MemberData(nameof(BadConsumers), DisableDiscoveryEnumeration = true)]
    public async Task ConsumerOptions(StreamConsumerOptions options, string message)
    {
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => cluster[Place.Client].GetSourceAsync<int>("n", "c", options));
        Assert.Equal("options", error.ParamName);
        Assert.Contains(message, error.Message);
        Assert.Equal("consumer", Assert.Throws<ArgumentOutOfRangeException>(() => StreamPipe.Create<int>(consumer: options)).ParamName);
    }

    [Fact]
    public async Task OnLeaveDetach_NeedsAName()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(
            () => cluster[Place.Client].GetSourceAsync<int>("n", options: new() { OnLeave = StreamLeave.Detach }));
        Assert.Equal("options", error.ParamName);
        Assert.Contains("OnLeave = Detach needs a consumer name", error.Message);
    }

    [Fact]
    public async Task DetachAsync_NeedsAName_AndLeavesTheSourceAlone()
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>();
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => stream.Source.DetachAsync().Soon());
        Assert.Contains($"'{stream.Source.Producer}'", error.Message);
        Assert.Contains("Pass consumer: to GetSourceAsync", error.Message);

        await stream.Sink.WriteAsync([1]);
        Assert.Equal([1], await stream.Source.DrainAsync());
    }

    [Theory, NearAndFar]
    public async Task ASecondEnumeration_IsRefused_AndTheFirstGoesOn(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.WriteAsync([1, 2]);
        await using var loop = stream.Source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));

        Assert.Contains("read once", Assert.Throws<InvalidOperationException>(() => stream.Source.GetAsyncEnumerator()).Message);
        Assert.Contains("enumerated", Assert.Throws<InvalidOperationException>(() => stream.Source.Reader).Message);
        Assert.Equal([2], await loop.NextAsync(1));
        Assert.False(await loop.MoveNextAsync().Soon());
        Assert.Throws<InvalidOperationException>(() => stream.Source.GetAsyncEnumerator());
    }

    [Fact]
    public async Task ReaderAndEnumeration_DoNotMix()
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>();
        var elements = stream.Source.Reader;
        Assert.Contains("Reader", Assert.Throws<InvalidOperationException>(() => stream.Source.GetAsyncEnumerator()).Message);

        await stream.Sink.WriteAsync([1]);
        Assert.Equal([1], await elements.ReadAllAsync().ToListAsync().Soon());
    }

    [Fact]
    public async Task NullsWhereSomethingIsNeeded()
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>();
        Assert.Equal("cause", (await Assert.ThrowsAsync<ArgumentNullException>(() => stream.Sink.FailAsync(null!))).ParamName);
        Assert.Equal("elements", (await Assert.ThrowsAsync<ArgumentNullException>(() => stream.Sink.PutAllAsync((IEnumerable<int>)null!))).ParamName);
        Assert.Equal("elements", (await Assert.ThrowsAsync<ArgumentNullException>(() => stream.Sink.PutAllAsync((IAsyncEnumerable<int>)null!))).ParamName);

        await stream.Sink.WriteAsync([1]);
        Assert.Equal([1], await stream.Source.DrainAsync());
    }

    [Theory]
    [InlineData(Place.SiloA)]
    [InlineData(Place.SiloB)]
    [InlineData(Place.Client)]
    public async Task ATypeWithoutASerialiser_IsRefusedAtTheGet(Place place)
    {
        int before = cluster.Host(place).EndCount;
        var error = await Assert.ThrowsAsync<CodecNotFoundException>(() => cluster[place].GetSinkAsync<Opaque>(Cluster.Name()).Soon());
        Assert.Contains(nameof(Opaque), error.Message);
        error = await Assert.ThrowsAsync<CodecNotFoundException>(() => cluster[place].GetSourceAsync<Opaque>(Cluster.Name()).Soon());
        Assert.Contains(nameof(Opaque), error.Message);
        Assert.Equal(before, cluster.Host(place).EndCount);
    }

    [Theory, Everywhere]
    public async Task AnElementWithoutASerialiser_FailsAtItsPut_AndItsNeighboursArrive(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<object>();
        await stream.Sink.PutAsync("before").Soon();
        var error = await Assert.ThrowsAsync<CodecNotFoundException>(() => stream.Sink.PutAsync(new Opaque()).Soon());
        Assert.Contains(nameof(Opaque), error.Message);
        Assert.Throws<CodecNotFoundException>(() => stream.Sink.TryPut(new Opaque()));
        await Assert.ThrowsAsync<CodecNotFoundException>(() => stream.Sink.PutAsync(new Box<object> { Content = new Opaque() }).Soon());
        await stream.Sink.PutAsync("after").Soon();
        await stream.Sink.CompleteAsync().Soon();

        Assert.Equal(["before", "after"], await stream.Source.DrainAsync());
        await stream.Sink.Completion.Soon();
    }

    [Fact]
    public async Task PreCancelledGets_NeverAsk()
    {
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        string name = Cluster.Name();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cluster[Place.Client].GetSinkAsync<int>(name, cancellationToken: cancellation.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cluster[Place.Client].GetSourceAsync<int>(name, cancellationToken: cancellation.Token));
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(name, "free").Soon();
    }
}
