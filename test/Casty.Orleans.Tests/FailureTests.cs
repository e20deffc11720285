using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>Cases 16, 19, 21, 22 and 25 of the catalogue, and how a failure looks at either end.</summary>
[Collection(nameof(ClockedCluster))]
public sealed class FailureTests(ClockedCluster cluster)
{
    [Theory, Everywhere]
    public async Task Case19_ProducerStopsMidStream(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAllAsync([1, 2]).Soon();
        await stream.Sink.DisposeAsync().Soon();

        await using var loop = stream.Source.GetAsyncEnumerator();
        Assert.Equal([1, 2], await loop.NextAsync(2));
        var error = await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
        Assert.Equal(StreamEndReason.Abandoned, error.Reason);
        Assert.Contains($"'{stream.Source.Producer}'", error.Message);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Source.Completion.Soon());
        await Assert.ThrowsAsync<StreamAbandonedException>(() => stream.Sink.Completion.Soon());
    }

    [Theory, Everywhere]
    public async Task ASinkThatAbandons_DoesNotDisturbTheOthers(Place writer, Place other)
    {
        string name = Cluster.Name();
        await using var staying = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await using var leaving = await cluster[other].GetSinkAsync<int>(name).Soon();
        await using var source = await cluster[Place.Client].GetSourceAsync<int>(name).Soon();
        await leaving.PutAsync(1).Soon();
        await leaving.DisposeAsync().Soon();
        await staying.PutAllAsync([2, 3]).Soon();
        await staying.CompleteAsync().Soon();

        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([1, 2, 3], (await loop.NextAsync(3)).Order());
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
        await loop.DisposeAsync().Soon();
        await staying.Completion.Soon();
        await Assert.ThrowsAsync<StreamAbandonedException>(() => leaving.Completion.Soon());
    }

    [Theory, Everywhere]
    public async Task Case21_ErrorAfterElements(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.PutAsync(1).Soon();
        await stream.Sink.FailAsync(new SensorException("kaboom", 1200)).Soon();

        await using var loop = stream.Source.GetAsyncEnumerator();
        Assert.Equal([1], await loop.NextAsync(1));
        var error = await Assert.ThrowsAsync<SensorException>(() => loop.MoveNextAsync().Soon());
        Assert.Equal(("kaboom", 1200), (error.Message, error.Degrees));
        Assert.Equal(1200, (await Assert.ThrowsAsync<SensorException>(() => stream.Source.Completion.Soon())).Degrees);
        Assert.Equal(1200, (await Assert.ThrowsAsync<SensorException>(() => stream.Sink.Completion.Soon())).Degrees);

        var put = await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.PutAsync(2).Soon());
        Assert.Equal(StreamEndReason.Failed, put.Reason);
        Assert.IsType<SensorException>(put.InnerException);
    }

    [Theory]
    [InlineData(0, false), InlineData(1, false), InlineData(9, false), InlineData(10, false), InlineData(11, false)]
    [InlineData(0, true), InlineData(1, true), InlineData(9, true), InlineData(10, true), InlineData(11, true)]
    public async Task Case22_ThrowAtBoundary(int elements, bool isAwaited)
    {
        await using var stream = await (cluster[Place.SiloA], cluster[Place.Client]).OpenAsync<int>(consumer: new() { InitialDemand = 10 });
        var loop = stream.Source.GetAsyncEnumerator();
        for (int i = 0; i < elements; i++)
        {
            await stream.Sink.PutAsync(i).Soon();
            if (isAwaited) Assert.Equal([i], await loop.NextAsync(1));
        }

        var failing = stream.Sink.FailAsync(new SensorException("here", elements));
        if (!isAwaited) Assert.Equal(Enumerable.Range(0, elements), await loop.NextAsync(elements));
        Assert.Equal(elements, (await Assert.ThrowsAsync<SensorException>(() => loop.MoveNextAsync().Soon())).Degrees);
        await loop.DisposeAsync().Soon();
        await failing.Soon();
    }

    [Theory, Everywhere]
    public async Task Case25_ExceptionNeverHangs(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        var reading = stream.Source.DrainAsync();
        await Assert.ThrowsAsync<SensorException>(() => stream.Sink.PutAllAsync(BrokenAsync()).Soon());
        await stream.Sink.FailAsync(new SensorException("broken", 2)).Soon();

        await Assert.ThrowsAsync<SensorException>(() => reading);

        static async IAsyncEnumerable<int> BrokenAsync()
        {
            yield return 1;
            await Task.Yield();
            throw new SensorException("broken", 2);
        }
    }

    [Theory]
    [InlineData(Place.SiloA, Place.SiloB)]
    [InlineData(Place.SiloA, Place.Client)]
    [InlineData(Place.Client, Place.SiloA)]
    public async Task AFailureThatOrleansCannotCarry_ArrivesByItsName(Place writer, Place reader)
    {
        await using var stream = await (cluster[writer], cluster[reader]).OpenAsync<int>();
        await stream.Sink.FailAsync(new HomemadeException("made at home")).Soon();

        var error = await Assert.ThrowsAsync<StreamException>(stream.Source.DrainAsync);
        Assert.Equal(StreamEndReason.Failed, error.Reason);
        Assert.Contains($"{typeof(HomemadeException)}: made at home", error.Message);
        await Assert.ThrowsAnyAsync<Exception>(() => stream.Sink.Completion.Soon());
    }

    [Fact]
    public async Task AFailureOfATypeUnknownThere_ArrivesAsTheFallbackThatNamesIt()
    {
        // One process knows all its types; so this one is renamed on its way, to one that only its sender would know.
        var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
        var serializer = services.GetRequiredService<Serializer<StreamEndInfo>>();
        byte[] sent = serializer.SerializeToArray(new StreamEndInfo { Reason = StreamEndReason.Failed, Cause = new InvalidTimeZoneException("where?") });
        int at = sent.AsSpan().IndexOf("InvalidTimeZone"u8);
        "UnheardOfPlanet"u8.CopyTo(sent.AsSpan(at));

        var cause = Assert.IsType<UnavailableExceptionFallbackException>(serializer.Deserialize(sent).Cause);
        Assert.Contains("UnheardOfPlanetException", cause.ExceptionType);
        Assert.Equal("where?", cause.Message);
        await using var stream = await (cluster[Place.Client], cluster[Place.Client]).OpenAsync<int>();
        await stream.Sink.FailAsync(cause).Soon();
        Assert.Contains("where?", (await Assert.ThrowsAsync<StreamException>(stream.Source.DrainAsync)).Message);
    }

    [Fact]
    public async Task AFailureInsideASilo_ArrivesAsItIs()
    {
        var cause = new HomemadeException("made at home");
        await using var stream = await (cluster[Place.SiloA], cluster[Place.SiloA]).OpenAsync<int>();
        await stream.Sink.FailAsync(cause).Soon();

        Assert.Same(cause, await Assert.ThrowsAsync<HomemadeException>(stream.Source.DrainAsync));
        Assert.Same(cause, await Assert.ThrowsAsync<HomemadeException>(() => stream.Sink.Completion.Soon()));
    }

    [Theory, Everywhere]
    public async Task AFailure_FollowsWhatTheProducerHolds_AndEndsTheStreamForAll(Place writer, Place other)
    {
        string name = Cluster.Name();
        await using var failing = await cluster[writer].GetSinkAsync<int>(name).Soon();
        await using var bystander = await cluster[other].GetSinkAsync<int>(name).Soon();
        await bystander.PutAllAsync([1, 2]).Soon();
        await using var source = await cluster[Place.SiloB].GetSourceAsync<int>(name).Soon();
        await using var loop = source.GetAsyncEnumerator();
        Assert.Equal([1, 2], await loop.NextAsync(2));
        await failing.PutAllAsync([3, 4]).Soon();
        await failing.FailAsync(new SensorException("over", 5)).Soon();

        Assert.Equal([3, 4], await loop.NextAsync(2));
        Assert.Equal(5, (await Assert.ThrowsAsync<SensorException>(() => loop.MoveNextAsync().Soon())).Degrees);
        Assert.Equal(5, (await Assert.ThrowsAsync<SensorException>(() => bystander.Completion.Soon())).Degrees);
        Assert.Equal(5, (await Assert.ThrowsAsync<SensorException>(() => failing.Completion.Soon())).Degrees);

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => bystander.CompleteAsync().Soon());
        Assert.Equal(StreamEndReason.Failed, error.Reason);
        Assert.Equal(5, Assert.IsType<SensorException>(error.InnerException).Degrees);
        await bystander.DisposeAsync().Soon();
    }

    [Fact]
    public async Task Case16_ConsumerFailureReachesProducer()
    {
        await using var stream = await (cluster[Place.Client], cluster[Place.SiloA]).OpenAsync<Scratched>();
        foreach (int number in (int[])[1, 2, 13, 4]) await stream.Sink.PutAsync(Scratched.Numbered(number)).Soon();

        await using var loop = stream.Source.GetAsyncEnumerator();
        Assert.Equal([1, 2], (await loop.NextAsync(2)).Select(one => one.Number));
        await Assert.ThrowsAsync<FormatException>(() => loop.MoveNextAsync().Soon());
        await loop.DisposeAsync().Soon();

        Assert.Equal("13 cannot be read.", (await Assert.ThrowsAsync<FormatException>(() => stream.Sink.Completion.Soon())).Message);
        var error = await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.PutAsync(new Scratched()).Soon());
        Assert.IsType<FormatException>(error.InnerException);
    }
}
