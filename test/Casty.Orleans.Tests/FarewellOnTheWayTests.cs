using Casty.Orleans.Protocol;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// A producer that gives up its place tells its ends, and leaves once all of them know. One that is only on its way to it does not: were the
/// producer gone when it comes, nobody would know any more who belonged to the stream, and the stream would not complete for a lease.
/// </summary>
public sealed class FarewellOnTheWayTests
{
    private static readonly StreamTimings Timings = StreamTimings.For(TimeSpan.FromSeconds(8));
    private static readonly StreamKey Stream = new(Guid.NewGuid(), 10);

    private readonly ManualTime _time = new();
    private readonly StreamHost _host;

    public FarewellOnTheWayTests() => _host = new(new CastyStreamsOptions(), _time);

    public static TheoryData<long, bool> Lifetimes => new() { { 9, false }, { 10, false }, { 11, true } };

    [Theory, MemberData(nameof(Lifetimes))]
    public async Task AReader_KnowsOnlyTheLifetimesThatItHasMet(long incarnation, bool isUnknown)
    {
        var core = new ReaderCore<Element<int>>(Stream, 1, 0, 16, 16, Timings, _host.Clock.Now);
        var reader = new SourceEnd<int>(_host, Guid.NewGuid(), "p", "c", isNamed: false, core, new Deaf(), codec: null);
        reader.Start();

        var reply = await reader.OnFrameAsync(new Frame<Element<int>>(Stream with { Incarnation = incarnation }, 1, [], IsMoved: true));
        Assert.Equal(isUnknown, reply.IsUnknown);
    }

    [Theory, MemberData(nameof(Lifetimes))]
    public async Task AWriter_KnowsOnlyTheLifetimesThatItHasMet(long incarnation, bool isUnknown)
    {
        var core = new WriterCore<Element<int>>(Stream, 1, Timings, _host.Clock.Now);
        var writer = new SinkEnd<int>(_host, Guid.NewGuid(), "p", core, new Deaf(), codec: null);
        writer.Start();

        var reply = await writer.OnDemandAsync(new Demand(Stream with { Incarnation = incarnation }, 1, 0, 0, 0, IsMoved: true));
        Assert.Equal(isUnknown, reply.IsUnknown);
    }

    /// <summary>
    /// A reader that leaves while its producer moves has its farewell answered by nobody: the one that it left knows it no more, and the next
    /// one was told of it before it left.
    /// </summary>
    [Theory, InlineData(false), InlineData(true)]
    public async Task AReaderThatLeavesWhileItsProducerMoves_LeavesTheNextOne(bool isFirstAnswerLate)
    {
        var (gone, next) = (new Producer(isThere: false), new Producer(isThere: true));
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource<StreamJoined<int>?>());
        bool isFirst = isFirstAnswerLate;
        var core = new ReaderCore<Element<int>>(Stream, 1, 0, 16, 16, Timings, _host.Clock.Now);
        var reader = new SourceEnd<int>(_host, Guid.NewGuid(), "p", "c", isNamed: true, core, new RemoteDemand(_host, gone, _host.Process, default), codec: null,
            rejoin: async (_, _, _) =>
            {
                asked.TrySetResult();
                await answer.Task;
                bool isLate = isFirst;
                isFirst = false;
                return isLate ? Joined(gone, Stream.Incarnation) : Joined(next, Stream.Incarnation + 1);
            });
        reader.Start();
        await asked.Task.Soon();   // nobody knows it
        if (isFirstAnswerLate) await reader.OnFrameAsync(new Frame<Element<int>>(Stream, 1, [], IsMoved: true));
        reader.Leave(Leave.Detach);
        await gone.Left.Task.Soon();
        answer.SetResult(null);

        Assert.Equal((Stream.Incarnation + 1, (int)Leave.Detach), await next.Left.Task.Soon());
        await reader.Released.Soon();
    }

    /// <summary>Else its process would be asked for ever whether it is there.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public async Task AnEndThatIsOverBeforeItIsAnswered_WatchesNobody(bool isWriter)
    {
        var (asked, answer) = (new TaskCompletionSource(), new TaskCompletionSource<StreamJoined<int>?>());
        var released = isWriter ? StartWriter() : StartReader();
        await asked.Task.Soon();
        _time.Advance(Timings.Lease);
        await released.Soon();

        var joined = new StreamJoined<int> { Stream = Stream.Id, Incarnation = Stream.Incarnation + 1, Peer = 1, Process = Guid.NewGuid(), Demand = new Producer(isThere: true), Elements = null! };
        await Task.Run(() => answer.SetResult(joined)).Soon();   // what follows it happens there
        Assert.Equal(0, _host.Peers.Count);

        Task StartWriter()
        {
            var end = new SinkEnd<int>(_host, Guid.NewGuid(), "p", new WriterCore<Element<int>>(Stream, 1, Timings, _host.Clock.Now), new Nobody(), codec: null, rejoin: (_, _, _) => AskAsync());
            end.Start();
            return end.Released;
        }

        Task StartReader()
        {
            var core = new ReaderCore<Element<int>>(Stream, 1, 0, 16, 16, Timings, _host.Clock.Now);
            var end = new SourceEnd<int>(_host, Guid.NewGuid(), "p", "c", isNamed: false, core, new Nobody(), codec: null, rejoin: (_, _, _) => AskAsync());
            end.Start();
            return end.Released;
        }

        Task<StreamJoined<int>?> AskAsync()
        {
            asked.TrySetResult();
            return answer.Task;
        }
    }

    private StreamJoined<int> Joined(Producer producer, long incarnation) =>
        new() { Stream = Stream.Id, Incarnation = incarnation, Peer = 1, Process = _host.Process, Demand = producer, Elements = null! };

    /// <summary>Where a reader's producer is, or was.</summary>
    private sealed class Producer(bool isThere) : IStreamDemandObserver
    {
        public TaskCompletionSource<(long Incarnation, int Leave)> Left { get; } = new();

        public ValueTask<StreamDemandReply> OnDemandAsync(StreamDemand demand)
        {
            if (demand.Leave != 0) Left.TrySetResult((demand.Incarnation, demand.Leave));
            return new(new StreamDemandReply { IsUnknown = !isThere });
        }

        public ValueTask ReplacedAsync(Guid to, Guid stream, long incarnation) => default;

        public ValueTask<bool> PingAsync(Guid process) => new(isThere);
    }

    /// <summary>There is no producer.</summary>
    private sealed class Nobody : IDemandPort, IElementPort<int>
    {
        public bool IsLocal => false;

        public ValueTask<DemandReply> OnDemandAsync(Demand demand) => new(new DemandReply(null, IsUnknown: true));

        public ValueTask<FrameReply> OnFrameAsync(Frame<Element<int>> frame) => new(new FrameReply(null, IsUnknown: true));
    }

    /// <summary>A producer that takes everything and says nothing.</summary>
    private sealed class Deaf : IDemandPort, IElementPort<int>
    {
        public bool IsLocal => false;

        public ValueTask<DemandReply> OnDemandAsync(Demand demand) => new(new DemandReply(null));

        public ValueTask<FrameReply> OnFrameAsync(Frame<Element<int>> frame) => new(new FrameReply(null));
    }
}
