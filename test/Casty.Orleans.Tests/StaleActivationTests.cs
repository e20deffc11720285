using Casty.Orleans.Protocol;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>An activation that has been replaced, and that Orleans still finds, answers whoever asks: that is no sign of life of the one in its place.</summary>
public sealed class StaleActivationTests
{
    private static readonly StreamTimings Timings = StreamTimings.For(TimeSpan.FromSeconds(8));
    private static readonly StreamKey Stream = new(Guid.NewGuid(), 10);

    private readonly ManualTime _time = new();
    private readonly StreamHost _host;
    private readonly Nobody _nobody = new();
    private int _asked;

    public StaleActivationTests() => _host = new StreamHost(new CastyStreamsOptions(), _time);

    [Fact]
    public async Task AReader_IsAnsweredByAnOlderActivationAlone_AndEndsWithItsLease()
    {
        var core = new ReaderCore<Element<int>>(Stream, 1, 0, 16, 16, Timings, _host.Clock.Now);
        var reader = new SourceEnd<int>(_host, Guid.NewGuid(), "p", "c", isNamed: false, core, _nobody, codec: null,
            rejoin: (_, _, _) => Task.FromResult(Older()));
        reader.Start();

        await PassLeaseAsync(reader.Completion);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => reader.Completion.Soon());
    }

    [Fact]
    public async Task AWriter_IsAnsweredByAnOlderActivationAlone_AndEndsWithItsLease()
    {
        var core = new WriterCore<Element<int>>(Stream, 1, Timings, _host.Clock.Now);
        var writer = new SinkEnd<int>(_host, Guid.NewGuid(), "p", core, _nobody, codec: null, rejoin: (_, _, _) => Task.FromResult(Older()));
        writer.Start();

        await PassLeaseAsync(writer.Completion);
        await Assert.ThrowsAsync<StreamAbandonedException>(() => writer.Completion.Soon());
    }

    /// <summary>Two leases pass, in steps that leave the answers time to come; and more, should an end have had no turn meanwhile.</summary>
    private async Task PassLeaseAsync(Task completion)
    {
        var until = _host.Clock.Now + 2 * Timings.Lease;
        while (_host.Clock.Now < until && !completion.IsCompleted)
        {
            int before = _asked;
            await Waiting.UntilAsync(() =>
            {
                _time.Advance(TimeSpan.FromMilliseconds(5));
                return completion.IsCompleted || _asked > before;
            });
        }

        await Waiting.UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(5));
            return completion.IsCompleted;
        });
    }

    private StreamJoined<int>? Older()
    {
        Interlocked.Increment(ref _asked);
        return new StreamJoined<int> { Stream = Stream.Id, Incarnation = Stream.Incarnation - 1, Elements = null!, Demand = null! };
    }

    /// <summary>Where the producer was.</summary>
    private sealed class Nobody : IDemandPort, IElementPort<int>
    {
        public bool IsLocal => false;

        public ValueTask<DemandReply> OnDemandAsync(Demand demand) => new(new DemandReply(null, IsUnknown: true));

        public ValueTask<FrameReply> OnFrameAsync(Frame<Element<int>> frame) => new(new FrameReply(null, IsUnknown: true));
    }
}
