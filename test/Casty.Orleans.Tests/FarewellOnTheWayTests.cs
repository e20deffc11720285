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

    private readonly StreamHost _host = new(new CastyStreamsOptions(), new ManualTime());

    public static TheoryData<long, bool> Lifetimes => new() { { 9, false }, { 10, false }, { 11, true } };

    [Theory, MemberData(nameof(Lifetimes))]
    public async Task AReader_KnowsOnlyTheLifetimesThatItHasMet(long incarnation, bool isUnknown)
    {
        var core = new ReaderCore<Element<int>>(Stream, 1, 0, 16, 16, Timings, _host.Clock.Now);
        var reader = new SourceEnd<int>(_host, Guid.NewGuid(), "p", "c", isNamed: false, core, new Deaf(), codec: null, onReleased: null);
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

    /// <summary>A producer that takes everything and says nothing.</summary>
    private sealed class Deaf : IDemandPort, IElementPort<int>
    {
        public bool IsLocal => false;

        public ValueTask<DemandReply> OnDemandAsync(Demand demand) => new(new DemandReply(null));

        public ValueTask<FrameReply> OnFrameAsync(Frame<Element<int>> frame) => new(new FrameReply(null));
    }
}
