using Orleans.Hosting;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Where a stream's options come from: the call, then <c>AddCastyStreams</c>, then what is built in.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class OptionsTests(ClockedCluster cluster)
{
    [Theory]
    [InlineData(null, null, 16, 4096)]
    [InlineData(2, null, 2, 2)]
    [InlineData(5000, null, 5000, 5000)]
    [InlineData(null, 5, 5, 5)]
    [InlineData(null, 100, 16, 100)]
    [InlineData(3, 9, 3, 9)]
    public void TheWindow_IsWhatIsNamedOfIt(int? initial, int? max, int expectedInitial, int expectedMax) =>
        Assert.Equal((expectedInitial, expectedMax), new StreamConsumerOptions { InitialDemand = initial, MaxDemand = max }.Window);

    [Fact]
    public void TheNearestLevelThatSpeaksOfTheWindow_DecidesAllOfIt()
    {
        var defaults = new StreamConsumerOptions { InitialDemand = 8, MaxDemand = 64, MaxDemandBytes = 1000, InactivityTimeout = TimeSpan.FromSeconds(9), OnLeave = StreamLeave.Detach };
        Assert.Equal((2, 2), new StreamConsumerOptions { InitialDemand = 2 }.Or(defaults).Window);
        Assert.Equal((3, 3), new StreamConsumerOptions { MaxDemand = 3 }.Or(defaults).Window);

        var inherited = new StreamConsumerOptions().Or(defaults);
        Assert.Equal((8, 64), inherited.Window);
        Assert.Equal((1000L, TimeSpan.FromSeconds(9), StreamLeave.Detach), (inherited.MaxDemandBytes, inherited.InactivityTimeout, inherited.OnLeave));
        var called = new StreamConsumerOptions { MaxDemandBytes = 1, InactivityTimeout = Timeout.InfiniteTimeSpan, OnLeave = StreamLeave.Cancel }.Or(defaults);
        Assert.Equal((1L, Timeout.InfiniteTimeSpan, StreamLeave.Cancel), (called.MaxDemandBytes, called.InactivityTimeout, called.OnLeave));
    }

    [Fact]
    public async Task TheCall_ThenTheProcess_ThenTheProducersSilo()
    {
        await using var bed = new ClusterBed
        {
            Silos = silo => silo.AddCastyStreams(options => (options.Producer.BufferSize, options.Consumer.InitialDemand) = (3, 2)),
            Client = client => client.AddCastyStreams(options => options.Consumer.MaxDemand = 1),
        };
        await bed.DeployAsync();

        // The client says nothing of buffers, so its producer's silo does; of demand it does.
        Assert.Equal(3, await AcceptedAsync(null, null, isRead: false));
        Assert.Equal(3 + 1, await AcceptedAsync(null, null));
        Assert.Equal(5 + 1, await AcceptedAsync(new() { BufferSize = 5 }, null));
        Assert.Equal(5 + 4, await AcceptedAsync(new() { BufferSize = 5 }, new() { InitialDemand = 4 }));
        Assert.Equal(3 + 2, await AcceptedAsync(null, null, place: Place.SiloB));

        async Task<int> AcceptedAsync(StreamProducerOptions? producer, StreamConsumerOptions? consumer, bool isRead = true, Place place = Place.Client)
        {
            string name = Cluster.Name();
            await using var sink = await bed[place].GetSinkAsync<int>(name, producer).Soon();
            await using var source = isRead ? await bed[place].GetSourceAsync<int>(name, options: consumer).Soon() : null;
            int accepted = 0;
            while (true)
            {
                // All messages that are under way have come before a put is said to wait.
                await bed.SettleAsync();
                if (!sink.TryPut(accepted)) return accepted;
                accepted++;
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(86_401)]
    public void HandOverTimeout_OutOfItsRange_IsRefused(int seconds)
    {
        var options = new CastyStreamsOptions { HandOverTimeout = TimeSpan.FromSeconds(seconds) };
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => options.Validate("options"));
        Assert.Equal("options.HandOverTimeout", error.ParamName);
        Assert.Contains("more than zero and at most 1 day", error.Message, StringComparison.Ordinal);
    }

    [Theory, NearAndFar]
    public async Task TheFirstSinksOptionsHold_AndADifferentValueIsRefused(Place first, Place second)
    {
        string name = Cluster.Name();
        await using var sink = await cluster[first].GetSinkAsync<int>(name, new() { BufferSize = 11, SubscriptionTimeout = TimeSpan.FromMinutes(3) }).Soon();

        var error = await Assert.ThrowsAsync<ArgumentException>(() => cluster[second].GetSinkAsync<int>(name, new() { BufferSize = 12 }).Soon());
        Assert.Equal("options", error.ParamName);
        Assert.Contains("11", error.Message);
        Assert.Contains("12", error.Message);
        error = await Assert.ThrowsAsync<ArgumentException>(() => cluster[second].GetSinkAsync<int>(name, new() { SubscriptionTimeout = TimeSpan.FromMinutes(4) }).Soon());
        Assert.Equal("options", error.ParamName);
        Assert.Contains("00:03:00", error.Message);
        Assert.Contains("00:04:00", error.Message);

        await using var silent = await cluster[second].GetSinkAsync<int>(name).Soon();
        await using var alike = await cluster[second].GetSinkAsync<int>(name, new() { BufferSize = 11 }).Soon();
        await silent.CompleteAsync().Soon();
        await alike.CompleteAsync().Soon();
        await sink.CompleteAsync().Soon();
        await using var source = await cluster[second].GetSourceAsync<int>(name).Soon();
        Assert.Empty(await source.DrainAsync());   // those who were refused are nobody's missing writer
    }

    [Fact]
    public async Task ADefaultOfAProcess_IsNoValueThatASinkNames()
    {
        await using var bed = new ClusterBed
        {
            Silos = silo => silo.AddCastyStreams(options => options.Producer.BufferSize = 3),
            Client = client => client.AddCastyStreams(options => options.Producer.BufferSize = 4),
        };
        await bed.DeployAsync();
        string name = Cluster.Name();
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var second = await bed[Place.Client].GetSinkAsync<int>(name).Soon();
        await using var third = await bed[Place.Client].GetSinkAsync<int>(name, new() { BufferSize = 3 }).Soon();
        await Assert.ThrowsAsync<ArgumentException>(() => bed[Place.SiloB].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon());
    }

    [Fact]
    public async Task AProcessThatDetachesByDefault_StillCancelsAnonymously()
    {
        await using var bed = new ClusterBed { Client = client => client.AddCastyStreams(options => options.Consumer.OnLeave = StreamLeave.Detach) };
        await bed.DeployAsync();
        await using var stream = await (bed[Place.SiloA], bed[Place.Client]).OpenAsync<int>();
        await stream.Source.DisposeAsync().Soon();

        await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon());
    }
}
