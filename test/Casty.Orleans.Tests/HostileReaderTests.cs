using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A reader that breaks the rules ends its own stream at once, and no other; what is not of the stream changes nothing.</summary>
[Collection(nameof(HostileBed))]
public sealed class HostileReaderTests(HostileBed bed)
{
    /// <summary>What no correct reader can say that has asked for two elements and been sent two.</summary>
    private static readonly Dictionary<string, Func<HostileReader, StreamDemand>> Violations = new()
    {
        ["more than was sent"] = reader => reader.Demand(3, 0, 4),
        ["the largest position"] = reader => reader.Demand(long.MaxValue, 0, long.MaxValue),
        ["everything, finished"] = reader => reader.Demand(long.MaxValue, long.MaxValue, long.MaxValue),
        ["more finished than received"] = reader => reader.Demand(1, 2, 4),
        ["a negative number finished"] = reader => reader.Demand(0, -1, 4),
        ["the smallest position"] = reader => reader.Demand(long.MinValue, long.MinValue, long.MinValue),
        ["less asked for than finished"] = reader => reader.Demand(2, 2, 1),
        ["a negative limit"] = reader => reader.Demand(0, 0, -1),
        ["a way to leave that there is not"] = reader => reader.Demand(0, 0, 2, leave: 3),
        ["a negative way to leave"] = reader => reader.Demand(0, 0, 2, leave: -1),
        ["an unknown reason"] = reader => reader.Demand(0, 0, 2, leave: 1, new StreamEndInfo { Reason = (StreamEndReason)99 }),
        ["a roster without writers"] = reader => With(reader, new StreamRoster { Version = 1, Writers = null! }),
    };

    private static readonly Dictionary<string, Func<HostileReader, StreamDemand>> Harmless = new()
    {
        ["an older lifetime"] = reader => Of(reader, incarnation: reader.Joined.Incarnation - 1),
        ["a newer lifetime"] = reader => Of(reader, incarnation: long.MaxValue),
        ["another stream"] = reader => Of(reader, stream: Guid.NewGuid()),
        ["an older epoch"] = reader => Of(reader, peer: reader.Joined.Peer - 1),
        ["a newer epoch"] = reader => Of(reader, peer: long.MaxValue),
        ["a negative epoch"] = reader => Of(reader, peer: long.MinValue),
        ["an unknown end"] = reader => Of(reader, to: Guid.NewGuid()),
        ["no end"] = reader => Of(reader, to: Guid.Empty),
        ["garbage of another stream"] = reader => Of(reader, stream: Guid.NewGuid(), leave: 77),
        ["garbage of an older epoch"] = reader => Of(reader, peer: reader.Joined.Peer - 1, leave: 77),
        ["a lower limit"] = reader => reader.Demand(0, 0, 0),
        ["absurd numbers that decide nothing"] = reader => Absurd(reader, long.MaxValue),
        ["absurdly low numbers that decide nothing"] = reader => Absurd(reader, long.MinValue),
    };

    public static TheoryData<string> NamesOfViolations => [.. Violations.Keys];

    public static TheoryData<string> NamesOfHarmless => [.. Harmless.Keys];

    [Theory, MemberData(nameof(NamesOfViolations))]
    public Task WhatNoReaderCanSay_EndsItsStreamAtOnce_AndItIsTold(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        await sink.PutAllAsync([1, 2, 3]).Soon();
        var reader = await bed.ReaderAsync(name);
        Assert.Null((await reader.SayAsync(reader.Demand(0, 0, 2))).End);
        await Waiting.UntilAsync(() => Received(reader) == 2);

        var reply = await reader.SayAsync(Violations[attack](reader));

        Assert.Equal(StreamEndReason.ProtocolViolation, reply.End?.Reason);
        await AssertEndedAsync(sink);
        await AssertSentAwayAsync(reader);
        Assert.Contains(bed.Log.Warnings, one => one.Contains(name) && one.Contains("broke the protocol"));

        // A stream that was broken is over, and its name free.
        await using var next = await (bed[Place.SiloA], bed[Place.SiloB]).OpenAsync<int>(name: name);
        await next.Sink.WriteAsync([1]);
        Assert.Equal([1], await next.Source.DrainAsync());
    });

    [Theory, MemberData(nameof(NamesOfViolations))]
    public Task WhatNoReaderCanEcho_EndsItsStreamAtOnce(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        await sink.PutAllAsync([1, 2, 3]).Soon();
        var reader = await bed.ReaderAsync(name);
        reader.Echo = frame => frame.Batches is null ? null : Violations[attack](reader);
        await reader.SayAsync(reader.Demand(0, 0, 2));

        await AssertEndedAsync(sink);
        await AssertSentAwayAsync(reader);
    });

    [Theory, MemberData(nameof(NamesOfHarmless))]
    public Task WhatIsNotOfTheStreamOrDecidesNothing_ChangesNothing(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        await sink.PutAllAsync([1, 2, 3]).Soon();
        var reader = await bed.ReaderAsync(name);
        await reader.SayAsync(reader.Demand(0, 0, 2));
        await Waiting.UntilAsync(() => Received(reader) == 2);
        await reader.SayAsync(Harmless[attack](reader));

        await reader.SayAsync(reader.Demand(2, 2, 10));
        await Waiting.UntilAsync(() => Received(reader) == 3);
        await reader.SayAsync(Harmless[attack](reader));
        await sink.CompleteAsync().Soon();
        await Waiting.UntilAsync(() => reader.Heard.Any(frame => frame.EndAt == 3));
        Assert.Null((await reader.SayAsync(reader.Demand(4, 4, 10))).End);
        await sink.Completion.Soon();
    });

    [Fact]
    public Task DemandForAStrangersStream_ChangesNothing() => bed.BesideANeighbourAsync(async () =>
    {
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(Cluster.Name("hostile"), new() { BufferSize = 4 }).Soon();
        var reader = await bed.ReaderAsync(sink.Producer);
        await using var other = await (bed[Place.SiloA], bed[Place.SiloB]).OpenAsync<int>(new() { BufferSize = 2 }, new() { InitialDemand = 2, MaxDemand = 2 });

        // It even knows where the stranger's producer is: the other stream's own messages passed by.
        var seen = new TaskCompletionSource<StreamDemand>(TaskCreationOptions.RunContinuationsAsynchronously);
        bed.Wire.Tap = call =>
        {
            if (call.Request.GetArgument(0) is StreamDemand demand) seen.TrySetResult(demand);
        };
        await other.Sink.PutAllAsync([1, 2, 3, 4]).Soon();
        await using var loop = other.Source.GetAsyncEnumerator();
        Assert.Equal([1, 2, 3], await loop.NextAsync(3));
        var stranger = await seen.Task.Soon();
        bed.Wire.Tap = null;

        foreach (int leave in (int[])[0, 1, 2])
        {
            foreach (var demand in (StreamDemand[])[Of(reader, to: stranger.To, leave: leave), Of(reader, to: stranger.To, peer: stranger.Peer, leave: leave)])
            {
                var reply = await reader.SayAsync(demand);
                Assert.True(leave != 0 || reply.End?.Reason == StreamEndReason.Abandoned);
            }
        }

        await other.Sink.WriteAsync([5, 6]);
        Assert.Equal([4, 5, 6], await loop.NextAsync(3));
        Assert.False(await loop.MoveNextAsync().Soon());
        await sink.CompleteAsync().Soon();
    });

    [Fact]
    public Task AReaderThatAsksForEverything_GetsWhatThereIs() => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        await using var second = await bed[Place.Client].GetSinkAsync<int>(name).Soon();
        var reader = await bed.ReaderAsync(name);
        reader.Echo = frame =>
        {
            long received = Received(reader);   // it grows meanwhile
            return reader.Demand(received, received, long.MaxValue);
        };
        await reader.SayAsync(reader.Demand(0, 0, long.MaxValue));
        await sink.PutAllAsync(Enumerable.Range(0, 1_000)).Soon();
        await second.PutAllAsync(Enumerable.Range(0, 1_000)).Soon();
        await Waiting.UntilAsync(() => Received(reader) == 2_000);
        await sink.CompleteAsync().Soon();
        await second.CompleteAsync().Soon();
        await Waiting.UntilAsync(() => reader.Heard.Any(frame => frame.EndAt == 2_000));
        await reader.SayAsync(reader.Demand(2_001, 2_001, long.MaxValue));
        await sink.Completion.Soon();
        await second.Completion.Soon();
    });

    /// <summary>What a reader gives as its cause is told as it is, but only as what a reader can give.</summary>
    [Theory]
    [InlineData(StreamEndReason.None, StreamEndReason.Cancelled)]
    [InlineData(StreamEndReason.Completed, StreamEndReason.Cancelled)]
    [InlineData(StreamEndReason.Superseded, StreamEndReason.Cancelled)]
    [InlineData(StreamEndReason.Occupied, StreamEndReason.Cancelled)]
    [InlineData(StreamEndReason.Failed, StreamEndReason.Failed)]
    [InlineData(StreamEndReason.ProtocolViolation, StreamEndReason.ProtocolViolation)]
    public Task ACancellationForAnOddReason_IsACancellation(StreamEndReason reason, StreamEndReason expected) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var sink = await bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        var reader = await bed.ReaderAsync(name);
        await reader.SayAsync(reader.Demand(0, 0, 2, leave: 1, new StreamEndInfo { Reason = reason, Message = new string('m', 1_000_000) }));

        var error = await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
        Assert.Equal(expected, error.Reason);
        Assert.InRange(error.Message.Length, 1, 10_000);
    });

    [Fact]
    public Task ABadRequestToJoin_IsRefused() => bed.BesideANeighbourAsync(async () =>
    {
        foreach (var (forge, word) in new (Func<StreamSubscribeRequest<int>, StreamSubscribeRequest<int>>, string)[]
                 {
                     (request => Like(request, observer: false), "Observer"),
                     (request => Like(request, consumer: ""), "Consumer"),
                     (request => Like(request, consumer: new string('c', 1_000_000)), "1,000,000"),
                     (request => Like(request, maxDemandBytes: -1), "MaxDemandBytes"),
                     (request => Like(request, end: Guid.Empty), "End"),
                 })
        {
            string name = Cluster.Name("hostile");
            var error = await Assert.ThrowsAnyAsync<ArgumentException>(() => bed.ReaderAsync(name, forge));
            Assert.Contains(word, error.Message);
        }

        var consumer = bed.Client.GetGrain<IStreamConsumerGrain<int>>(Cluster.Name("hostile"));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => consumer.OpenAsync(null!).Soon());
        await Assert.ThrowsAnyAsync<ArgumentException>(() => bed.ReaderAsync("", request =>
        {
            // The home of another subscription.
            Assert.ThrowsAnyAsync<ArgumentException>(() => consumer.OpenAsync(Like(request, producer: Cluster.Name("hostile"))).Soon()).GetAwaiter().GetResult();
            return Like(request, producer: "");
        }));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => bed.Client.GetGrain<IStreamProducerGrain<int>>(Cluster.Name("hostile")).SubscribeAsync(null!).Soon());
        await Assert.ThrowsAnyAsync<ArgumentException>(() => bed.ReaderAsync(new string('n', 1_000_000)));
    });

    private static long Received(HostileReader reader) =>
        reader.Heard.SelectMany(frame => frame.Batches ?? []).Select(batch => batch.First + batch.Count).DefaultIfEmpty().Max();

    /// <summary>It is told why, or nobody is left that would know it.</summary>
    private static async Task AssertSentAwayAsync(HostileReader reader)
    {
        var reply = await reader.SayAsync(reader.Demand(2, 2, 4));
        Assert.True(reply.IsUnknown || reply.End?.Reason == StreamEndReason.ProtocolViolation);
    }

    private static async Task AssertEndedAsync(SinkRef<int> sink)
    {
        var told = await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon());
        Assert.Equal(StreamEndReason.ProtocolViolation, told.Reason);
        Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.PutAsync(1).Soon())).Reason);
    }

    private static StreamSubscribeRequest<int> Like(StreamSubscribeRequest<int> request, bool observer = true, string? producer = null, string? consumer = null,
        long? maxDemandBytes = null, Guid? end = null) => new()
        {
            Process = request.Process,
            End = end ?? request.End,
            Observer = observer ? request.Observer : null!,
            Producer = producer ?? request.Producer,
            Consumer = consumer ?? request.Consumer,
            MaxDemandBytes = maxDemandBytes ?? request.MaxDemandBytes,
        };

    /// <summary>A cancellation, which would count if it were of this stream.</summary>
    private static StreamDemand Of(HostileReader reader, Guid? to = null, Guid? stream = null, long? incarnation = null, long? peer = null, int leave = 1) => new()
    {
        To = to ?? reader.Joined.End,
        Stream = stream ?? reader.Joined.Stream,
        Incarnation = incarnation ?? reader.Joined.Incarnation,
        Peer = peer ?? reader.Joined.Peer,
        Limit = 1_000,
        Leave = leave,
    };

    private static StreamDemand With(HostileReader reader, StreamRoster roster) => new()
    {
        To = reader.Joined.End,
        Stream = reader.Joined.Stream,
        Incarnation = reader.Joined.Incarnation,
        Peer = reader.Joined.Peer,
        Roster = roster,
    };

    private static StreamDemand Absurd(HostileReader reader, long number) => new()
    {
        To = reader.Joined.End,
        Stream = reader.Joined.Stream,
        Incarnation = reader.Joined.Incarnation,
        Peer = reader.Joined.Peer,
        Limit = 1,
        Grant = number,
        RosterSeen = number,
        Roster = new StreamRoster { Version = number, Writers = [], Epoch = number, Consumer = new string('c', 100_000) },
        End = new StreamEndInfo { Reason = StreamEndReason.Failed, Message = "It has not left." },
    };
}
