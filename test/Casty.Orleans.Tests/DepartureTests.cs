using Casty.Orleans.Protocol;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A reader detaches just as its producer is looked for, or gives up its place: where it stopped is known, and the reader knows that.</summary>
public sealed class DepartureTests
{
    private readonly StreamHost _host = new(new CastyStreamsOptions(), new ManualTime());
    private readonly Peer _peer = new();

    [Theory]
    [InlineData(StreamDelivery.Single)]
    [InlineData(StreamDelivery.Broadcast)]
    [InlineData(StreamDelivery.Balanced)]
    public async Task WhoHasDetached_AndAsksWhereItsProducerIs_IsNotToldThatItWasMissed(StreamDelivery delivery)
    {
        var producer = new ProducerEnd<int>(_host, "p", codec: null);
        var end = Guid.NewGuid();
        var joined = await producer.SubscribeAsync(end, "reader", isNamed: true, long.MaxValue, _peer, delivery: delivery).Soon();
        var farewell = new Demand(joined!.Stream, joined.Epoch, 0, 0, 0, Leave: Leave.Detach);
        await producer.OnDemandAsync(farewell).Soon();

        // Its answer was lost, or was late: it asks, and says so again.
        var report = new ReaderReport(joined.Stream, joined.Epoch, "reader", true, 0, 0, [], [], null, null);
        Assert.Equal(joined.Stream, producer.Rejoin(end, _peer, report, long.MaxValue));
        var reply = await producer.OnDemandAsync(farewell).Soon();
        Assert.False(reply.IsUnknown);
        Assert.Null(reply.End);
    }

    [Fact]
    public async Task AProducerThatGivesUp_BeforeOthersKnowWhereItsReaderStopped_SendsTheReaderToTheNext()
    {
        var producer = new ProducerEnd<int>(_host, "p", codec: null);
        var (demand, _, _) = producer.Attach(Guid.NewGuid(), _peer, new StreamProducerOptions())!.Value;
        await HearAsync();
        var joining = producer.SubscribeAsync(Guid.NewGuid(), "reader", isNamed: true, long.MaxValue, _peer);
        await HearAsync();
        var joined = (await joining.Soon())!;

        var leaving = producer.OnDemandAsync(new Demand(joined.Stream, joined.Epoch, 0, 0, 0, Leave: Leave.Detach));
        Assert.False(leaving.IsCompleted);   // the writer is to know of it
        Assert.True(producer.Close());
        Assert.True((await leaving.Soon()).IsMoved);

        // The writer speaks, and knows who belongs to the stream.
        async Task HearAsync() => await producer.OnFrameAsync(new Frame<Element<int>>(demand.Stream, demand.Peer, [], RosterSeen: producer.Roster!.Version)).Soon();
    }

    /// <summary>An end in another process, which takes whatever it is told.</summary>
    private sealed class Peer : IReaderPort<int>, IWriterPort
    {
        public bool IsLocal => false;

        public Guid Process { get; } = Guid.NewGuid();

        public ValueTask<FrameReply> OnFrameAsync(Frame<Element<int>> frame) => new(new FrameReply(null));

        public ValueTask<DemandReply> OnDemandAsync(Demand demand) => new(new DemandReply(null));

        public ValueTask<long?> YieldAsync(long epoch) => new((long?)null);
    }
}
