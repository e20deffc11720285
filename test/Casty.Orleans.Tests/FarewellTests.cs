using Xunit;

namespace Casty.Orleans.Tests;

/// <summary>A reader that is done is let go at once: it must not take a retry, so these pass while the clock stands still.</summary>
public sealed class FarewellTests
{
    [Fact]
    public async Task Complete_WhileReaderWaits_EndsLoopAtOnce()
    {
        var (sink, source) = StreamPipe.Create<int>(time: new StandingClock());
        var loop = source.GetAsyncEnumerator();
        await sink.PutAsync(1);
        Assert.True(await loop.MoveNextAsync());
        var next = loop.MoveNextAsync();
        await sink.CompleteAsync();

        Assert.False(await next);
        await loop.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        await sink.Completion.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Break_WhileElementsArrive_LeavesAtOnce()
    {
        for (int i = 0; i < 1_000; i++)
        {
            var (sink, source) = StreamPipe.Create<int>(new() { BufferSize = 4 }, new() { InitialDemand = 4 }, new StandingClock());
            var putting = Assert.ThrowsAsync<StreamClosedException>(() => sink.PutAllAsync(Enumerable.Range(0, 20)));
            await TakeFiveAsync(source).WaitAsync(TimeSpan.FromSeconds(30));
            await putting;
        }

        static async Task TakeFiveAsync(SourceRef<int> source)
        {
            await foreach (int element in source)
            {
                if (element == 4) break;
            }
        }
    }

    private sealed class StandingClock : TimeProvider
    {
        public override long GetTimestamp() => 0;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Timer();

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
