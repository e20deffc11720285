using System.Collections.Concurrent;
using Orleans;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// A name is used again right after its stream ended, while messages of the old stream are still on their way, in both directions
/// of both legs. None of them touches the new stream, wherever they end up.
/// </summary>
public sealed class NameReuseTests(NameReuseTests.Fixture fixture) : IClassFixture<NameReuseTests.Fixture>
{
    private readonly ClusterBed _bed = fixture.Bed;

    public enum Ending
    {
        ReaderLeft,
        WriterFailed,
        Completed,
    }

    [Theory]
    [InlineData(Ending.ReaderLeft, false), InlineData(Ending.ReaderLeft, true)]
    [InlineData(Ending.WriterFailed, false), InlineData(Ending.WriterFailed, true)]
    [InlineData(Ending.Completed, false), InlineData(Ending.Completed, true)]
    public async Task OldMessages_DoNotTouchTheNewStream(Ending ending, bool isNamed)
    {
        string name = Cluster.Name();
        string? reader = isNamed ? "reader" : null;
        var old = new ConcurrentBag<Old>();

        // The old stream: what it says is kept, to be said again. Its writer and its reader are in other processes
        // than its producer, and so are those of the new one.
        _bed.Wire.Tap = call => old.Add(new Old(call.Grain, call.Request.GetArgument(0)));
        await RunOldAsync();
        await _bed.RoundTripAsync();
        _bed.Wire.Tap = null;
        Assert.Contains(old, one => one.Message is StreamFrame { Batches: not null });
        Assert.Contains(old, one => one.Message is StreamFrame { End: not null } or StreamFrame { Leaving: true });
        Assert.Contains(old, one => one.Message is StreamDemand { Limit: > 0 });

        // The new one gets them all, again and again: as they were sent, and at its own ends.
        var ends = new ConcurrentBag<Old>();
        await using var anchor = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
        _bed.Wire.Tap = call => ends.Add(new Old(call.Grain, call.Request.GetArgument(0)));
        await using var sink = await _bed[Place.Client].GetSinkAsync<int>(name).Soon();
        await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name, reader, new() { InitialDemand = 2, MaxDemand = 2 }).Soon();
        await using var loop = source.GetAsyncEnumerator();
        await sink.PutAllAsync([100, 101]).Soon();
        Assert.Equal([100, 101], await loop.NextAsync(2));
        _bed.Wire.Tap = null;

        for (int i = 0; i < 5; i++)
        {
            await SendAsync(old);
            await SendAsync(from one in old from end in ends.DistinctBy(end => end.To) let sent = one.At(end) where sent is not null select sent);
            await sink.PutAsync(200 + i).Soon();
            await anchor.PutAsync(300 + i).Soon();
            Assert.Equal([200 + i, 300 + i], (await loop.NextAsync(2)).Order());
        }

        await anchor.CompleteAsync().Soon();
        await sink.CompleteAsync().Soon();
        Assert.False(await loop.MoveNextAsync().Soon());
        await sink.Completion.Soon();
        await anchor.Completion.Soon();
        await source.Completion.Soon();

        async Task RunOldAsync()
        {
            await using var anchor = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 4 }).Soon();
            await using var sink = await _bed[Place.Client].GetSinkAsync<int>(name).Soon();
            await using var source = await _bed[Place.SiloB].GetSourceAsync<int>(name, reader, new() { InitialDemand = 2, MaxDemand = 2 }).Soon();
            await using var loop = source.GetAsyncEnumerator();
            await sink.PutAllAsync([1, 2, 3]).Soon();
            Assert.Equal([1, 2], await loop.NextAsync(2));
            if (ending == Ending.ReaderLeft) return;

            if (ending == Ending.WriterFailed)
            {
                await sink.FailAsync(new SensorException("Boom.", 1)).Soon();
                Assert.Equal([3], await loop.NextAsync(1));
                await Assert.ThrowsAsync<SensorException>(() => loop.MoveNextAsync().Soon());
                return;
            }

            await sink.CompleteAsync().Soon();
            await anchor.CompleteAsync().Soon();
            Assert.Equal([3], await loop.NextAsync(1));
            Assert.False(await loop.MoveNextAsync().Soon());
        }
    }

    /// <summary>What is held on its way, rather than said again, comes to a name that is another stream's by now.</summary>
    [Theory, NearAndFar]
    public async Task HeldMessages_ComeTooLate(Place writer, Place reader)
    {
        for (int round = 0; round < 20; round++)
        {
            string name = $"held/{writer}/{reader}/{round / 10}";   // ten after another have the same
            var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var first = await _bed[Place.SiloA].GetSinkAsync<int>(name, new() { BufferSize = 8 }).Soon();
            await using (var sink = await _bed[writer].GetSinkAsync<int>(name).Soon())
            await using (var source = await _bed[reader].GetSourceAsync<int>(name).Soon())
            await using (var loop = source.GetAsyncEnumerator())
            {
                await sink.PutAsync(1).Soon();
                Assert.Equal([1], await loop.NextAsync(1));

                // Everything that carries elements or demand is held from here on; farewells pass, or nothing would end.
                _bed.Wire.Gate = call => call.Request.GetArgumentCount() == 1
                    && call.Request.GetArgument(0) is StreamFrame { Leaving: false, End: null } or StreamDemand { Leave: 0, End: null } ? held.Task : null;
                await sink.PutAllAsync([-2, -3]).Soon();
            }

            _bed.Wire.Gate = null;
            await using var next = await (_bed[writer], _bed[reader]).OpenAsync<int>(name: name);
            var writing = next.Sink.WriteAsync(Enumerable.Range(0, 100));
            held.SetResult();
            Assert.Equal(Enumerable.Range(0, 100), await next.Source.DrainAsync());
            await writing;
            await next.Sink.Completion.Soon();
        }
    }

    private static Task SendAsync(IEnumerable<Old> messages) => Task.WhenAll(messages.Select(one => one.SendAsync())).Soon();

    /// <summary>A message of a stream that is over, or of one that is not: to whom, and what.</summary>
    private sealed record Old(object Observer, object? Message)
    {
        public Guid To => Message is StreamFrame frame ? frame.To : ((StreamDemand)Message!).To;

        /// <summary>The same message, sent to an end of another stream; null where that end does not take such messages.</summary>
        public Old? At(Old other) => (Message, other.Message) switch
        {
            (StreamFrame frame, StreamFrame end) => new Old(other.Observer, Like(frame, end.To)),
            (StreamDemand demand, StreamDemand end) => new Old(other.Observer, Like(demand, end.To)),
            _ => null,
        };

        public async Task SendAsync()
        {
            if (Message is StreamFrame frame) await ((IStreamElementObserver<int>)Observer).OnNextAsync(frame);
            else await ((IStreamDemandObserver)Observer).OnDemandAsync((StreamDemand)Message!);
        }

        private static StreamFrame Like(StreamFrame frame, Guid to) => new()
        {
            To = to, Stream = frame.Stream, Incarnation = frame.Incarnation, Peer = frame.Peer, Batches = frame.Batches, EndAt = frame.EndAt, End = frame.End,
            Wanted = frame.Wanted, Grant = frame.Grant, Held = frame.Held, Leaving = frame.Leaving, IsHeldBack = frame.IsHeldBack, Number = frame.Number,
            Roster = frame.Roster, RosterSeen = frame.RosterSeen,
        };

        private static StreamDemand Like(StreamDemand demand, Guid to) => new()
        {
            To = to, Stream = demand.Stream, Incarnation = demand.Incarnation, Peer = demand.Peer, Received = demand.Received, Confirmed = demand.Confirmed,
            Limit = demand.Limit, Grant = demand.Grant, End = demand.End, Leave = demand.Leave, Roster = demand.Roster, RosterSeen = demand.RosterSeen,
        };
    }

    public sealed class Fixture : IAsyncLifetime
    {
        public ClusterBed Bed { get; } = new() { Time = new ManualTime() };

        public Task InitializeAsync() => Bed.DeployAsync();

        public async Task DisposeAsync() => await Bed.DisposeAsync();
    }
}
