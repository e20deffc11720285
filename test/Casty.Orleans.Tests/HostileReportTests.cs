using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>An end that reports what cannot be true is refused, and nothing is rebuilt from it; a stream's neighbours notice nothing.</summary>
[Collection(nameof(HostileBed))]
public sealed class HostileReportTests(HostileBed bed)
{
    private static readonly Guid Stream = Guid.NewGuid();

    private static readonly Dictionary<string, StreamWriterReport> Writers = new()
    {
        ["no stream"] = new() { Writer = 1 },
        ["a negative lifetime"] = new() { Stream = Stream, Incarnation = -1, Writer = 1 },
        ["the last lifetime"] = new() { Stream = Stream, Incarnation = long.MaxValue, Writer = 1 },
        ["a negative lifetime that opened"] = new() { Stream = Stream, Opened = -1, Writer = 1 },
        ["no number"] = new() { Stream = Stream },
        ["a negative number"] = new() { Stream = Stream, Writer = -1 },
        ["negative positions"] = new() { Stream = Stream, Writer = 1, Confirmed = -2, Put = -1, Held = 0 },
        ["more finished than put"] = new() { Stream = Stream, Writer = 1, Confirmed = 2, Put = 1, Held = 3 },
        ["more put than granted"] = new() { Stream = Stream, Writer = 1, Put = 2, Held = 1 },
        ["the largest position"] = new() { Stream = Stream, Writer = 1, Put = long.MaxValue, Held = long.MaxValue },
        ["a reader's end"] = new() { Stream = Stream, Writer = 1, End = new() { Reason = StreamEndReason.Cancelled } },
        ["an unknown end"] = new() { Stream = Stream, Writer = 1, End = new() { Reason = (StreamEndReason)99 } },
        ["a roster without writers"] = new() { Stream = Stream, Writer = 1, Roster = new() { Writers = null! } },
        ["a roster without its basis"] = new() { Stream = Stream, Writer = 1, Roster = new() { Writers = [], Basis = null! } },
        ["a roster of the last lifetime"] = new() { Stream = Stream, Writer = 1, Roster = Roster(incarnation: long.MaxValue) },
        ["a roster with the last reader"] = new() { Stream = Stream, Writer = 1, Roster = Roster(epoch: long.MaxValue) },
        ["a roster with a negative buffer"] = new() { Stream = Stream, Writer = 1, Roster = Roster(bufferSize: -1) },
        ["a roster with a negative timeout"] = new() { Stream = Stream, Writer = 1, Roster = Roster(subscriptionTimeout: TimeSpan.FromSeconds(-5)) },
        ["a roster with a negative writer"] = new() { Stream = Stream, Writer = 1, Roster = Roster(entry: new StreamRosterEntry(-1, 0, StreamEndReason.None, 0)) },
        ["a roster with an end nowhere"] = new() { Stream = Stream, Writer = 1, Roster = Roster(entry: new StreamRosterEntry(1, -2, StreamEndReason.Completed, 0)) },
        ["a roster with an unknown end"] = new() { Stream = Stream, Writer = 1, Roster = Roster(entry: new StreamRosterEntry(1, 0, (StreamEndReason)99, 0)) },
    };

    private static readonly Dictionary<string, StreamReaderReport> Readers = new()
    {
        ["no stream"] = Reader(stream: Guid.Empty),
        ["the last lifetime"] = Reader(incarnation: long.MaxValue),
        ["no epoch"] = Reader(epoch: 0),
        ["the last epoch"] = Reader(epoch: long.MaxValue),
        ["negative positions"] = Reader(received: -1, finished: -2),
        ["more finished than received"] = Reader(finished: 2, received: 1),
        ["the largest position"] = Reader(finished: long.MaxValue, received: long.MaxValue),
        ["no runs"] = Reader(isWithoutRuns: true),
        ["no positions"] = Reader(isWithoutPositions: true),
        ["nobody's elements"] = Reader(received: 1),
        ["runs with a hole"] = Reader(received: 4, unfinished: [new StreamRun(0, 1, 1, 0), new StreamRun(2, 2, 1, 2)]),
        ["runs that overlap"] = Reader(received: 3, unfinished: [new StreamRun(0, 2, 1, 0), new StreamRun(1, 2, 1, 1)]),
        ["an empty run"] = Reader(received: 1, unfinished: [new StreamRun(0, 0, 1, 0), new StreamRun(0, 1, 1, 0)]),
        ["a negative run"] = Reader(received: 1, unfinished: [new StreamRun(0, -5, 1, 0)]),
        ["the largest run"] = Reader(received: 1, unfinished: [new StreamRun(0, long.MaxValue, 1, 0)]),
        ["nobody's run"] = Reader(received: 1, unfinished: [new StreamRun(0, 1, 0, 0)]),
        ["a run at a negative position"] = Reader(received: 1, unfinished: [new StreamRun(0, 1, 1, -1)]),
        ["a run that overflows"] = Reader(received: 1, unfinished: [new StreamRun(0, 1, 1, long.MaxValue)]),
        ["nobody's position"] = Reader(positions: [new StreamWriterPosition(0, 1)]),
        ["a negative position"] = Reader(positions: [new StreamWriterPosition(1, -1)]),
        ["an end without a reason"] = Reader(end: new StreamEndInfo()),
        ["an unknown end"] = Reader(end: new StreamEndInfo { Reason = (StreamEndReason)99 }),
    };

    public static TheoryData<string> NamesOfWriters => [.. Writers.Keys];

    public static TheoryData<string> NamesOfReaders => [.. Readers.Keys];

    [Theory, MemberData(nameof(NamesOfWriters))]
    public Task WhatNoWriterCanReport_IsRefused(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        await using var source = await bed[Place.SiloB].GetSourceAsync<int>(name).Soon();
        var writer = await bed.WriterAsync(name);
        var request = new StreamAttachRequest { Process = Guid.NewGuid(), End = Guid.NewGuid(), Observer = writer.Self };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => Producer(name).RejoinWriterAsync(request, Writers[attack]).Soon());
        Assert.False(string.IsNullOrEmpty(error.Message));
        await AssertUntouchedAsync(name, writer.Joined.Stream);
    });

    [Theory, MemberData(nameof(NamesOfReaders))]
    public Task WhatNoReaderCanReport_IsRefused(string attack) => bed.BesideANeighbourAsync(async () =>
    {
        string name = Cluster.Name("hostile");
        var reader = await bed.ReaderAsync(name);
        var request = new StreamSubscribeRequest<int>
        {
            Process = Guid.NewGuid(), End = Guid.NewGuid(), Observer = reader.Self, Producer = name, Consumer = "hostile", MaxDemandBytes = 1024,
        };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => Producer(name).RejoinReaderAsync(request, Readers[attack]).Soon());
        Assert.False(string.IsNullOrEmpty(error.Message));
        await AssertUntouchedAsync(name, reader.Joined.Stream);
    });

    /// <summary>It is the same run of the stream, in the same lifetime, that takes another writer.</summary>
    private async Task AssertUntouchedAsync(string name, Guid stream)
    {
        var other = await bed.WriterAsync(name);
        Assert.Equal(stream, other.Joined.Stream);
        await other.SayAsync(other.Completed(0));
    }

    private IStreamProducerGrain<int> Producer(string name) => bed.Client.GetGrain<IStreamProducerGrain<int>>(name);

    private static StreamRoster Roster(long incarnation = 0, long epoch = 0, int bufferSize = 16, TimeSpan? subscriptionTimeout = null, StreamRosterEntry? entry = null) => new()
    {
        Version = 1,
        Incarnation = incarnation,
        Epoch = epoch,
        BufferSize = bufferSize,
        SubscriptionTimeout = subscriptionTimeout ?? TimeSpan.FromMinutes(5),
        Writers = entry is { } one ? [one] : [],
    };

    private static StreamReaderReport Reader(Guid? stream = null, long incarnation = 0, long epoch = 1, long received = 0, long finished = 0,
        StreamRun[]? unfinished = null, StreamWriterPosition[]? positions = null, StreamEndInfo? end = null, bool isWithoutRuns = false, bool isWithoutPositions = false) => new()
    {
        Stream = stream ?? Stream,
        Incarnation = incarnation,
        Epoch = epoch,
        Received = received,
        Finished = finished,
        Unfinished = isWithoutRuns ? null! : unfinished ?? [],
        Positions = isWithoutPositions ? null! : positions ?? [],
        End = end,
    };
}
