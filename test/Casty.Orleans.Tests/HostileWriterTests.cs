using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A writer that breaks the rules ends its own stream, and no other; what is not of the stream changes nothing.</summary>
[Collection(nameof(HostileBed))]
public sealed class HostileWriterTests(HostileBed bed)
{
    private const int Room = 8;

    /// <summary>What no correct writer can say.</summary>
    private static readonly Dictionary<string, Func<HostileWriter, StreamFrame>> Violations = new()
    {
        ["a position never granted"] = writer => writer.Frame(writer.Batch(1_000, 1)),
        ["more than its credit"] = writer => writer.Frame(writer.Batch(0, new int[Room + 5])),
        ["a negative position"] = writer => writer.Frame(writer.Batch(-1, 1)),
        ["the smallest position"] = writer => writer.Frame(writer.Batch(long.MinValue, 1)),
        ["the largest position"] = writer => writer.Frame(writer.Batch(long.MaxValue, 1)),
        ["positions that overflow"] = writer => writer.Frame(writer.Batch(long.MaxValue - 1, 1, 2, 3)),
        ["an empty batch"] = writer => writer.Frame(writer.Batch(0)),
        ["fewer elements than none"] = writer => writer.Frame(writer.Batch(0, -1, Bytes.Of(new byte[1]))),
        ["the fewest elements"] = writer => writer.Frame(writer.Batch(0, int.MinValue, Bytes.Of(new byte[1]))),
        ["more elements than bytes"] = writer => writer.Frame(writer.Batch(0, int.MaxValue, Bytes.Of(new byte[1]))),
        ["elements without bytes"] = writer => writer.Frame(writer.Batch(0, 1, [])),
        ["half a length"] = writer => writer.Frame(writer.Batch(0, 1, [1, 0])),
        ["a length beyond the bytes"] = writer => writer.Frame(writer.Batch(0, 1, Bytes.Of(2, new byte[1]))),
        ["the largest length"] = writer => writer.Frame(writer.Batch(0, 1, Bytes.Of(int.MaxValue, new byte[1]))),
        ["a negative length"] = writer => writer.Frame(writer.Batch(0, 1, Bytes.Of(-2, new byte[1]))),
        ["the smallest length"] = writer => writer.Frame(writer.Batch(0, 1, Bytes.Of(int.MinValue, new byte[1]))),
        ["bytes behind the elements"] = writer => writer.Frame(writer.Batch(0, 1, [.. Bytes.Of(new byte[1]), 1, 2, 3])),
        ["a hole"] = writer => writer.Frame(writer.Batch(0, 1, Bytes.Of(-1, []))),
        ["more elements than a frame has"] = writer => writer.Frame(writer.Batch(0, 1_000_000, new byte[4_000_000])),
        ["no batch where one should be"] = writer => writer.Frame([null!]),
        ["another writer's elements"] = writer => writer.Frame(new StreamBatch { First = 0, Writer = writer.Joined.Peer + 1, Count = 1, Elements = Bytes.Of(new byte[1]) }),
        ["another position at the writer"] = writer => writer.Frame(new StreamBatch { First = 0, Writer = writer.Joined.Peer, WriterFirst = 7, Count = 1, Elements = Bytes.Of(new byte[1]) }),
        ["an end beyond its credit"] = writer => writer.Completed(1_000),
        ["an end at the largest position"] = writer => writer.Completed(long.MaxValue),
        ["an end before the beginning"] = writer => writer.Completed(-2),
        ["an end at no position"] = writer => writer.Completed(-1),
        ["a position without an end"] = writer => Ended(writer, 0, null),
        ["an end without a reason"] = writer => Ended(writer, 0, new StreamEndInfo()),
        ["an end for an unknown reason"] = writer => Ended(writer, 0, new StreamEndInfo { Reason = (StreamEndReason)99 }),
        ["an end that is a reader's"] = writer => Ended(writer, 0, new StreamEndInfo { Reason = StreamEndReason.Cancelled }),
        ["a roster without writers"] = writer => With(writer, new StreamRoster { Version = long.MaxValue, Writers = null! }),
    };

    /// <summary>What is not of this stream, or decides nothing.</summary>
    private static readonly Dictionary<string, Func<HostileWriter, StreamFrame>> Harmless = new()
    {
        ["an older lifetime"] = writer => Of(writer, incarnation: writer.Joined.Incarnation - 1),
        ["a newer lifetime"] = writer => Of(writer, incarnation: long.MaxValue),
        ["another stream"] = writer => Of(writer, stream: Guid.NewGuid()),
        ["no stream"] = writer => Of(writer, stream: Guid.Empty),
        ["an unknown writer"] = writer => Of(writer, peer: 123_456_789),
        ["no writer"] = writer => Of(writer, peer: 0),
        ["a negative writer"] = writer => Of(writer, peer: long.MinValue),
        ["an unknown end"] = writer => Of(writer, to: Guid.NewGuid()),
        ["no end"] = writer => Of(writer, to: Guid.Empty),
        ["a farewell of an older lifetime"] = writer => Of(writer, incarnation: 0, leaving: true),
        ["a farewell of another stream"] = writer => Of(writer, stream: Guid.NewGuid(), leaving: true),
        ["garbage of another stream"] = writer => Of(writer, stream: Guid.NewGuid(), batches: [null!]),
        ["garbage of an older lifetime"] = writer => Of(writer, incarnation: 0, batches: [writer.Batch(0, int.MaxValue, [1])]),
        ["garbage of an unknown writer"] = writer => Of(writer, peer: 123_456_789, batches: [writer.Batch(0, 1, Bytes.Of(int.MaxValue, []))]),
        ["absurdly high numbers"] = writer => Absurd(writer, long.MaxValue),
        ["absurdly low numbers"] = writer => Absurd(writer, long.MinValue),
        ["nothing"] = writer => writer.Frame(null),
    };

    public static TheoryData<string> NamesOfViolations => [.. Violations.Keys];

    public static TheoryData<string> NamesOfHarmless => [.. Harmless.Keys];

    [Theory, MemberData(nameof(NamesOfViolations))]
    public Task WhatNoWriterCanSay_EndsItsStreamAlone(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var honest = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = Room }).Soon();
        await using var source = await bed[Place.SiloB].GetSourceAsync<int>(name, options: new() { InitialDemand = 4, MaxDemand = 4 }).Soon();
        var writer = await bed.WriterAsync(name);
        await using var loop = source.GetAsyncEnumerator();
        await honest.PutAsync(42).Soon();
        Assert.Equal([42], await loop.NextAsync(1));

        await writer.AskAsync(2);
        await writer.SayAsync(Violations[attack](writer));

        var error = await Assert.ThrowsAsync<StreamException>(() => loop.MoveNextAsync().Soon());
        Assert.Equal(StreamEndReason.ProtocolViolation, error.Reason);
        var told = await Assert.ThrowsAsync<StreamClosedException>(() => honest.Completion.Soon());
        Assert.Equal(StreamEndReason.ProtocolViolation, told.Reason);
        await Waiting.UntilAsync(() => writer.Heard.Any(one => one.End?.Reason == StreamEndReason.ProtocolViolation), () => "The writer was not told.");
        Assert.Contains(bed.Log.Warnings, one => one.Contains(name) && one.Contains("broke the protocol"));
    });

    [Theory, MemberData(nameof(NamesOfHarmless))]
    public Task WhatIsNotOfTheStreamOrDecidesNothing_ChangesNothing(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var honest = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = Room }).Soon();
        await using var source = await bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var writer = await bed.WriterAsync(name);
        await honest.PutAsync(1).Soon();

        await writer.AskAsync(2);
        await writer.SayAsync(Harmless[attack](writer));
        await writer.SayAsync(writer.Frame(writer.Batch(0, 100, 101)));
        await writer.SayAsync(Harmless[attack](writer));
        await writer.SayAsync(writer.Frame(writer.Batch(0, 100, 101)));   // what comes twice counts once
        await honest.PutAsync(2).Soon();
        await honest.CompleteAsync().Soon();
        await writer.SayAsync(writer.Completed(2));

        var seen = await source.DrainAsync();
        Assert.Equal([1, 2], seen.Where(one => one < 100));
        Assert.Equal([100, 101], seen.Where(one => one >= 100));
        await honest.Completion.Soon();

        // And it is still spoken to: nothing made the producer forget it.
        await Waiting.UntilAsync(() => writer.Heard.Any(one => one is { Received: 3, Confirmed: 3 }), () => "The writer was not told.");
    });

    [Fact]
    public Task AnEndAtTwoPlaces_AndElementsBehindIt() => bed.BesideANeighbourAsync(async () =>
    {
        foreach (bool isEnd in (bool[])[true, false])
        {
            string name = Cluster.Name("hostile");
            await using var honest = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = Room }).Soon();
            await using var source = await bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
            var writer = await bed.WriterAsync(name);

            await writer.AskAsync(3);
            await writer.SayAsync(writer.Frame(writer.Batch(0, 1)));
            await writer.SayAsync(writer.Completed(2));   // one is still to come
            await writer.SayAsync(isEnd ? writer.Completed(3) : writer.Frame(writer.Batch(2, 2)));

            await using var loop = source.GetAsyncEnumerator();
            Assert.Equal([1], await loop.NextAsync(1));
            Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamException>(() => loop.MoveNextAsync().Soon())).Reason);
            Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamClosedException>(() => honest.Completion.Soon())).Reason);
        }
    });

    [Fact]
    public Task ElementsThatAreNone_FailTheirStreamWithTheCause() => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var honest = await bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = Room }).Soon();
        await using var source = await bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var writer = await bed.WriterAsync(name);
        await writer.AskAsync(1);
        await writer.SayAsync(writer.Frame(writer.Batch(0, 1, Bytes.Of((byte[])[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]))));

        // What the deserialiser throws is its own business; that the stream failed with it is the stream's.
        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => source.DrainAsync());
        Assert.IsNotType<TimeoutException>(thrown);
        var error = await Assert.ThrowsAnyAsync<Exception>(() => honest.Completion.Soon());
        Assert.IsNotType<TimeoutException>(error);
        Assert.Equal(StreamEndReason.Failed, (await Assert.ThrowsAsync<StreamClosedException>(() => honest.PutAsync(1).Soon())).Reason);
    });

    [Fact]
    public Task NoFrameAtAll_IsRefused() => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var honest = await bed[Place.SiloA].GetSinkAsync<int>(name).Soon();
        await using var source = await bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var writer = await bed.WriterAsync(name);
        Assert.True((await writer.SayAsync(null!)).IsUnknown);
        Assert.True((await writer.Joined.Demand.OnDemandAsync(null!).Soon()).IsUnknown);

        await writer.SayAsync(writer.Completed(0));
        await honest.WriteAsync([1, 2]);
        Assert.Equal([1, 2], await source.DrainAsync());
    });

    /// <summary>Joining under false pretences is refused at the call, by name.</summary>
    [Fact]
    public Task ABadRequestToJoin_IsRefused() => bed.BesideANeighbourAsync(async () =>
    {
        foreach (var (forge, word) in new (Func<StreamAttachRequest, StreamAttachRequest>, string)[]
                 {
                     (request => Like(request, observer: false), "Observer"),
                     (request => Like(request, bufferSize: -1), "BufferSize"),
                     (request => Like(request, bufferSize: int.MinValue), "BufferSize"),
                     (request => Like(request, subscriptionTimeout: TimeSpan.Zero), "SubscriptionTimeout"),
                     (request => Like(request, subscriptionTimeout: TimeSpan.MinValue), "SubscriptionTimeout"),
                     (request => Like(request, defaultBufferSize: -1), "BufferSize"),
                     (request => Like(request, end: Guid.Empty), "End"),
                 })
        {
            var error = await Assert.ThrowsAnyAsync<ArgumentException>(() => bed.WriterAsync(Cluster.Name("hostile"), forge));
            Assert.Contains(word, error.Message);
        }

        await Assert.ThrowsAnyAsync<ArgumentException>(() => bed.Client.GetGrain<IStreamProducerGrain<int>>(Cluster.Name("hostile")).AttachAsync(null!).Soon());
        await Assert.ThrowsAnyAsync<ArgumentException>(() => bed.WriterAsync(new string('n', 1_000_000)));
    });

    private static StreamAttachRequest Like(StreamAttachRequest request, bool observer = true, int? bufferSize = null, TimeSpan? subscriptionTimeout = null,
        int? defaultBufferSize = null, Guid? end = null) => new()
        {
            Process = request.Process,
            End = end ?? request.End,
            Observer = observer ? request.Observer : null!,
            BufferSize = bufferSize,
            SubscriptionTimeout = subscriptionTimeout,
            DefaultBufferSize = defaultBufferSize,
        };

    private static StreamFrame Ended(HostileWriter writer, long at, StreamEndInfo? end) => new()
    {
        To = writer.Joined.End,
        Stream = writer.Joined.Stream,
        Incarnation = writer.Joined.Incarnation,
        Peer = writer.Joined.Peer,
        EndAt = at,
        End = end,
    };

    private static StreamFrame With(HostileWriter writer, StreamRoster roster) => new()
    {
        To = writer.Joined.End,
        Stream = writer.Joined.Stream,
        Incarnation = writer.Joined.Incarnation,
        Peer = writer.Joined.Peer,
        Roster = roster,
    };

    /// <summary>Something that would count if it were of this stream: elements, and a completion.</summary>
    private static StreamFrame Of(HostileWriter writer, Guid? to = null, Guid? stream = null, long? incarnation = null, long? peer = null, bool leaving = false,
        StreamBatch[]? batches = null) => new()
        {
            To = to ?? writer.Joined.End,
            Stream = stream ?? writer.Joined.Stream,
            Incarnation = incarnation ?? writer.Joined.Incarnation,
            Peer = peer ?? writer.Joined.Peer,
            Batches = batches ?? [writer.Batch(0, 666)],
            EndAt = 1,
            End = new StreamEndInfo { Reason = StreamEndReason.Completed },
            Leaving = leaving,
        };

    private static StreamFrame Absurd(HostileWriter writer, long number) => new()
    {
        To = writer.Joined.End,
        Stream = writer.Joined.Stream,
        Incarnation = writer.Joined.Incarnation,
        Peer = writer.Joined.Peer,
        Wanted = number,
        Grant = number,
        Held = number,
        Number = number,
        RosterSeen = number,
        Roster = new StreamRoster
        {
            Version = number, Writers = [new StreamRosterEntry(number, number, (StreamEndReason)99)], Consumer = new string('c', 100_000), Epoch = number,
            BufferSize = int.MinValue, SubscriptionTimeout = TimeSpan.MinValue,
        },
    };
}
