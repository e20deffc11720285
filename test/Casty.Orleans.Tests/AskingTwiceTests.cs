using Casty.Orleans.Protocol;
using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>
/// A reader whose consumer grain was lost asks again, while the producer still waits to hear where the reader before it stopped: it joins once,
/// and is not sent away for itself.
/// </summary>
public sealed class AskingTwiceTests
{
    private readonly StreamHost _host = new(new CastyStreamsOptions(), new ManualTime());

    [Theory, InlineData(StreamDelivery.Single), InlineData(StreamDelivery.Broadcast)]
    public async Task AReaderThatAsksTwice_JoinsOnce_WhereTheOneBeforeStopped(StreamDelivery delivery)
    {
        var producer = new ProducerEnd<int>(_host, "p", codec: null);
        var (before, next) = (new Reader(), new Reader());
        var old = await SubscribeAsync(Guid.NewGuid(), before);
        var end = Guid.NewGuid();
        var first = SubscribeAsync(end, next);
        var again = SubscribeAsync(end, next);
        Assert.False(first.IsCompleted || again.IsCompleted);

        before.StoppedAt.SetResult(0);
        Assert.Equal((await first.Soon())!.Epoch, (await again.Soon())!.Epoch);
        Assert.NotEqual(old!.Epoch, (await first)!.Epoch);
        Assert.Equal(0, next.Asked);

        Task<JoinedReader?> SubscribeAsync(Guid id, IReaderPort<int> port) =>
            producer.SubscribeAsync(id, "reader", isNamed: true, long.MaxValue, port, delivery: delivery);
    }

    /// <summary>A reader that is asked where it stopped.</summary>
    private sealed class Reader : IReaderPort<int>
    {
        public bool IsLocal => true;

        public Guid Process => Guid.Empty;

        public int Asked { get; private set; }

        public TaskCompletionSource<long?> StoppedAt { get; } = new();

        public ValueTask<FrameReply> OnFrameAsync(Frame<Element<int>> frame) => new(new FrameReply(null));

        public ValueTask<long?> YieldAsync(long epoch)
        {
            Asked++;
            return new(StoppedAt.Task);
        }
    }
}
