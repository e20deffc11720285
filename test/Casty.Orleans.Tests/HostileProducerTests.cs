using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// A producer that breaks the rules, or whoever speaks in its name, ends the sink or the source that it speaks to; that one says so
/// at once. What is not of the stream changes nothing.
/// </summary>
[Collection(nameof(HostileBed))]
public sealed class HostileProducerTests(HostileBed bed)
{
    private const int Window = 4;

    /// <summary>What no correct producer can send to a reader that has received one element and asked for four more.</summary>
    private static readonly Dictionary<string, Func<StreamFrame, StreamFrame>> BadFrames = new()
    {
        ["a position never asked for"] = real => Frame(real, [Batch(1_000, 1)]),
        ["more than was asked for"] = real => Frame(real, [Batch(1, 100)]),
        ["a negative position"] = real => Frame(real, [Batch(-1, 1)]),
        ["the smallest position"] = real => Frame(real, [Batch(long.MinValue, 1)]),
        ["the largest position"] = real => Frame(real, [Batch(long.MaxValue, 1)]),
        ["positions that overflow"] = real => Frame(real, [Batch(long.MaxValue - 1, 3)]),
        ["an empty batch"] = real => Frame(real, [Batch(1, 0)]),
        ["no batch where one should be"] = real => Frame(real, [null!]),
        ["fewer elements than none"] = real => Frame(real, [new StreamBatch { First = 1, Count = -1 }]),
        ["more elements than bytes"] = real => Frame(real, [new StreamBatch { First = 1, Count = int.MaxValue, Elements = new byte[4] }]),
        ["a length beyond the bytes"] = real => Frame(real, [new StreamBatch { First = 1, Count = 1, Elements = Bytes.Of(9, new byte[1]) }]),
        ["bytes behind the elements"] = real => Frame(real, [new StreamBatch { First = 1, Count = 1, Elements = new byte[9] }]),
        ["an end beyond what was asked for"] = real => Frame(real, null, 1_000, Completed),
        ["an end at the largest position"] = real => Frame(real, null, long.MaxValue, Completed),
        ["an end before what had arrived"] = real => Frame(real, null, 0, Completed),
        ["an end at a negative position"] = real => Frame(real, null, -2, Completed),
        ["an end at no position"] = real => Frame(real, null, -1, Completed),
        ["a position without an end"] = real => Frame(real, null, 1),
        ["an end without a reason"] = real => Frame(real, null, 1, new StreamEndInfo()),
        ["an end for an unknown reason"] = real => Frame(real, null, 1, new StreamEndInfo { Reason = (StreamEndReason)(-7) }),
        ["a cut that looks like completion"] = real => Cut(real, Completed),
        ["a cut without a reason"] = real => Cut(real, new StreamEndInfo()),
        ["a cut without an end"] = real => Cut(real, null),
        ["an end, and elements behind it"] = real => Frame(real, [Batch(1, 2), Batch(4, 1)], 3, Completed),
        ["a roster without writers"] = real => Frame(real, null, roster: new StreamRoster { Version = 1, Writers = null! }),
    };

    private static readonly Dictionary<string, Func<StreamFrame, StreamFrame>> HarmlessFrames = new()
    {
        ["an older lifetime"] = real => Frame(real, [Batch(1, 1)], 2, Completed, incarnation: real.Incarnation - 1),
        ["a newer lifetime"] = real => Frame(real, [Batch(1, 1)], 2, Completed, incarnation: long.MaxValue),
        ["another stream"] = real => Frame(real, [Batch(1, 1)], 2, Completed, stream: Guid.NewGuid()),
        ["an older epoch"] = real => Frame(real, [Batch(1, 1)], 2, Completed, peer: real.Peer - 1),
        ["a newer epoch"] = real => Frame(real, [Batch(1, 1)], 2, Completed, peer: long.MaxValue),
        ["an unknown end"] = real => Frame(real, [Batch(1, 1)], 2, Completed, to: Guid.NewGuid()),
        ["a cut of another stream"] = real => Cut(real, Failed, stream: Guid.NewGuid()),
        ["a cut of an older lifetime"] = real => Cut(real, Failed, incarnation: real.Incarnation - 1),
        ["a cut of an older epoch"] = real => Cut(real, Failed, peer: real.Peer - 1),
        ["garbage of another stream"] = real => Frame(real, [null!], stream: Guid.NewGuid()),
        ["garbage of an older epoch"] = real => Frame(real, [Batch(1, 0)], peer: real.Peer - 1),
        ["what had arrived"] = real => Frame(real, [Batch(0, 1)]),
        ["nothing"] = real => Frame(real, null),
        ["no batches"] = real => Frame(real, []),
    };

    /// <summary>What no correct producer can say to a writer that has put two elements of which one is finished.</summary>
    private static readonly Dictionary<string, Func<StreamDemand, StreamDemand>> BadDemands = new()
    {
        ["more than was sent"] = real => Demand(real, 3, 1, 10),
        ["the largest position"] = real => Demand(real, long.MaxValue, long.MaxValue, long.MaxValue),
        ["more finished than received"] = real => Demand(real, 1, 2, 10),
        ["a negative number finished"] = real => Demand(real, 2, -1, 10),
        ["the smallest position"] = real => Demand(real, long.MinValue, long.MinValue, long.MinValue),
        ["completion of what is not finished"] = real => Demand(real, 2, 1, 10, end: Completed),
        ["an end without a reason"] = real => Demand(real, 2, 1, 10, end: new StreamEndInfo()),
        ["an end for an unknown reason"] = real => Demand(real, 2, 1, 10, end: new StreamEndInfo { Reason = (StreamEndReason)99 }),
        ["a way to leave that there is not"] = real => Demand(real, 2, 1, 10, leave: 77),
        ["a roster without writers"] = real => Demand(real, 2, 1, 10, roster: new StreamRoster { Version = 1, Writers = null! }),
    };

    private static readonly Dictionary<string, Func<StreamDemand, StreamDemand>> HarmlessDemands = new()
    {
        ["an older lifetime"] = real => Demand(real, 99, 99, 99, incarnation: real.Incarnation - 1, end: Completed),
        ["a newer lifetime"] = real => Demand(real, 99, 99, 99, incarnation: long.MaxValue, end: Completed),
        ["another stream"] = real => Demand(real, 99, 99, 99, stream: Guid.NewGuid(), end: Completed),
        ["another writer"] = real => Demand(real, 99, 99, 99, peer: real.Peer + 1, end: Completed),
        ["an unknown end"] = real => Demand(real, 99, 99, 99, to: Guid.NewGuid(), end: Completed),
        ["garbage of another stream"] = real => Demand(real, 0, 0, 0, stream: Guid.NewGuid(), leave: 77),
        ["garbage of an older lifetime"] = real => Demand(real, 0, 0, 0, incarnation: 0, leave: 77),
        ["a lower limit"] = real => Demand(real, 0, 0, 0),
        ["a negative limit"] = real => Demand(real, 0, 0, long.MinValue),
        ["an older grant"] = real => Demand(real, 0, 0, 1_000, grant: long.MinValue),
    };

    private static StreamEndInfo Completed => new() { Reason = StreamEndReason.Completed };

    private static StreamEndInfo Failed => new() { Reason = StreamEndReason.Failed };

    public static TheoryData<string> NamesOfBadFrames => [.. BadFrames.Keys];

    public static TheoryData<string> NamesOfHarmlessFrames => [.. HarmlessFrames.Keys];

    public static TheoryData<string> NamesOfBadDemands => [.. BadDemands.Keys];

    public static TheoryData<string> NamesOfHarmlessDemands => [.. HarmlessDemands.Keys];

    [Theory, MemberData(nameof(NamesOfBadFrames))]
    public Task ASource_EndsAndSaysWhyAtOnce(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        await using var stream = await (bed[Place.SiloA], bed[Place.SiloB]).OpenAsync<int>(new() { BufferSize = 8 }, new() { InitialDemand = Window, MaxDemand = Window });
        await using var loop = stream.Source.GetAsyncEnumerator();
        var (source, real) = await CaptureAsync<IStreamElementObserver<int>, StreamFrame>(frame => frame.Batches is not null, async () =>
        {
            await stream.Sink.PutAsync(42).Soon();
            Assert.Equal([42], await loop.NextAsync(1));
        });

        await source.OnNextAsync(BadFrames[attack](real)).Soon();

        Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamException>(() => loop.MoveNextAsync().Soon())).Reason);
        Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamException>(() => stream.Source.Completion.Soon())).Reason);

        // The clock stands still: its producer has it from the source itself, and not from its lease.
        Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.Completion.Soon())).Reason);
        Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamClosedException>(() => stream.Sink.PutAsync(1).Soon())).Reason);
    });

    [Theory, MemberData(nameof(NamesOfHarmlessFrames))]
    public Task ASource_GoesOn(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        await using var stream = await (bed[Place.SiloA], bed[Place.SiloB]).OpenAsync<int>(new() { BufferSize = 8 }, new() { InitialDemand = Window, MaxDemand = Window });
        await using var loop = stream.Source.GetAsyncEnumerator();
        var (source, real) = await CaptureAsync<IStreamElementObserver<int>, StreamFrame>(frame => frame.Batches is not null, async () =>
        {
            await stream.Sink.PutAsync(42).Soon();
            Assert.Equal([42], await loop.NextAsync(1));
        });

        for (int i = 0; i < 20; i++)
        {
            await source.OnNextAsync(HarmlessFrames[attack](real)).Soon();
            await stream.Sink.PutAsync(i).Soon();
            Assert.Equal([i], await loop.NextAsync(1));
        }

        await stream.Sink.CompleteAsync().Soon();
        Assert.False(await loop.MoveNextAsync().Soon());
        await stream.Sink.Completion.Soon();
    });

    [Theory, MemberData(nameof(NamesOfBadDemands))]
    public Task ASink_EndsAndSaysSoAtOnce(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name, options: new() { InitialDemand = 1, MaxDemand = 1 }).Soon();
        await using var sink = await bed[Place.Client].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();
        await using var loop = source.GetAsyncEnumerator();
        var (writer, real) = await CaptureAsync<IStreamDemandObserver, StreamDemand>(_ => true, async () =>
        {
            // The writer waits for credit and has nothing on its way that could be answered with it: it goes by itself.
            await sink.PutAllAsync([1, 2]).Soon();
            var room = sink.WaitToPutAsync();
            await bed.RoundTripAsync();
            Assert.Equal([1, 2], await loop.NextAsync(2));
            Assert.True(await room.Soon());
        });

        await writer.OnDemandAsync(BadDemands[attack](real)).Soon();

        Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon())).Reason);
        Assert.Equal(StreamEndReason.ProtocolViolation, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.PutAsync(3).Soon())).Reason);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => loop.MoveNextAsync().Soon());
    });

    [Theory, MemberData(nameof(NamesOfHarmlessDemands))]
    public Task ASink_GoesOn(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var source = await bed[Place.SiloA].GetSourceAsync<int>(name, options: new() { InitialDemand = 1, MaxDemand = 1 }).Soon();
        await using var sink = await bed[Place.Client].GetSinkAsync<int>(name, new() { BufferSize = 1 }).Soon();
        await using var loop = source.GetAsyncEnumerator();
        var (writer, real) = await CaptureAsync<IStreamDemandObserver, StreamDemand>(_ => true, async () =>
        {
            // The writer waits for credit and has nothing on its way that could be answered with it: it goes by itself.
            await sink.PutAllAsync([1, 2]).Soon();
            var room = sink.WaitToPutAsync();
            await bed.RoundTripAsync();
            Assert.Equal([1, 2], await loop.NextAsync(2));
            Assert.True(await room.Soon());
        });

        for (int i = 0; i < 20; i++)
        {
            await writer.OnDemandAsync(HarmlessDemands[attack](real)).Soon();
            await sink.PutAsync(i).Soon();
            Assert.Equal([i], await loop.NextAsync(1));
        }

        await sink.CompleteAsync().Soon();
        Assert.False(await loop.MoveNextAsync().Soon());
        await sink.Completion.Soon();
    });

    /// <summary>Whom a message went to while something was done, and what it said.</summary>
    private async Task<(TObserver To, TMessage Message)> CaptureAsync<TObserver, TMessage>(Func<TMessage, bool> isIt, Func<Task> act)
    {
        var captured = new TaskCompletionSource<(TObserver, TMessage)>(TaskCreationOptions.RunContinuationsAsynchronously);
        bed.Wire.Tap = call =>
        {
            if (call.Request.GetArgument(0) is TMessage one && call.Grain is TObserver observer && isIt(one)) captured.TrySetResult((observer, one));
        };
        await act();
        var result = await captured.Task.Soon();
        bed.Wire.Tap = null;
        return result;
    }

    private static StreamBatch Batch(long first, int count) =>
        new() { First = first, Writer = 1, WriterFirst = first, Count = count, Elements = new byte[count * (sizeof(int) + 1)].Select((_, i) => (byte)(i % 5 == 0 ? 1 : 0)).ToArray() };

    private static StreamFrame Frame(StreamFrame real, StreamBatch[]? batches, long endAt = -1, StreamEndInfo? end = null, Guid? to = null, Guid? stream = null,
        long? incarnation = null, long? peer = null, StreamRoster? roster = null) => new()
        {
            To = to ?? real.To,
            Stream = stream ?? real.Stream,
            Incarnation = incarnation ?? real.Incarnation,
            Peer = peer ?? real.Peer,
            Batches = batches,
            EndAt = endAt,
            End = end,
            Roster = roster,
        };

    private static StreamFrame Cut(StreamFrame real, StreamEndInfo? end, Guid? stream = null, long? incarnation = null, long? peer = null) => new()
    {
        To = real.To,
        Stream = stream ?? real.Stream,
        Incarnation = incarnation ?? real.Incarnation,
        Peer = peer ?? real.Peer,
        End = end,
        IsOver = true,
    };

    private static StreamDemand Demand(StreamDemand real, long received, long confirmed, long limit, long? grant = null, StreamEndInfo? end = null, int leave = 0,
        Guid? to = null, Guid? stream = null, long? incarnation = null, long? peer = null, StreamRoster? roster = null) => new()
        {
            To = to ?? real.To,
            Stream = stream ?? real.Stream,
            Incarnation = incarnation ?? real.Incarnation,
            Peer = peer ?? real.Peer,
            Received = received,
            Confirmed = confirmed,
            Limit = limit,
            Grant = grant ?? real.Grant,
            End = end,
            Leave = leave,
            Roster = roster,
        };
}
