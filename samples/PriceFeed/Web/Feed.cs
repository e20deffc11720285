using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;

namespace PriceFeed.Web;

/// <summary>What the page is told: takes stock twenty times a second, and passes it on to whoever looks.</summary>
internal sealed class Feed(Cluster cluster, Outages outages, Writer writer, Reader reader)
{
    public const string Stream = "prices";
    public const int BufferSize = 256;
    public const int Demand = 32;

    private const int FramesPerSecond = 20;
    private const int FramesKept = 30 * FramesPerSecond;
    private const int FramesBehind = 4;   // a page that is slower misses frames

    private readonly Lock _lock = new();
    private readonly Queue<Moment> _past = [];
    private readonly Queue<Totals> _lastSecond = [];
    private readonly HashSet<Channel<SseItem<string>>> _pages = [];
    private readonly long _start = Environment.TickCount64;
    private bool _isOver;

    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1) / FramesPerSecond);
            while (await timer.WaitForNextTickAsync(stopping)) Tell(TakeStock());
        }
        finally
        {
            lock (_lock)
            {
                _isOver = true;
                foreach (var page in _pages) page.Writer.Complete();
            }
        }
    }

    /// <summary>What one page is told, until it is closed or the sample ends.</summary>
    public async IAsyncEnumerable<SseItem<string>> FollowAsync([EnumeratorCancellation] CancellationToken closed)
    {
        var page = Channel.CreateBounded<SseItem<string>>(new BoundedChannelOptions(FramesBehind) { FullMode = BoundedChannelFullMode.DropOldest });
        Moment[] past;
        lock (_lock)
        {
            past = [.. _past];
            _pages.Add(page);
            if (_isOver) page.Writer.Complete();
        }

        try
        {
            yield return Item("hello", new Hello(Market.Symbols, Market.Openings, Market.Rate, BufferSize, Demand, past));
            await foreach (var item in page.Reader.ReadAllAsync(closed)) yield return item;
        }
        finally
        {
            lock (_lock) _pages.Remove(page);
        }
    }

    private void Tell(Frame frame)
    {
        var item = Item("frame", frame);
        lock (_lock)
        {
            _past.Enqueue(new Moment(frame.At, frame.Prices));
            if (_past.Count > FramesKept) _past.Dequeue();
            foreach (var page in _pages) page.Writer.TryWrite(item);
        }
    }

    /// <summary>
    /// The flow as its two ends see it: what was put and did not arrive is in the buffer or in between, and what the reader has room for
    /// it asks for. The producer knows that as well, but not while its silo is dead, which is when the page is looked at most closely.
    /// </summary>
    private Frame TakeStock()
    {
        long now = Environment.TickCount64;
        var totals = new Totals(now, writer.Put, reader.Read, writer.Waited);
        int arrived = reader.Waiting;
        if (_lastSecond.Count == FramesPerSecond) _lastSecond.Dequeue();
        _lastSecond.Enqueue(totals);
        var before = _lastSecond.Peek();
        double seconds = Math.Max(1, now - before.At) / 1000.0;

        return new Frame(
            now - _start, reader.Prices,
            totals.Put, (totals.Put - before.Put) / seconds, Math.Clamp((totals.Waited - before.Waited) / seconds / 1000, 0, 1),
            Math.Max(0, totals.Put - totals.Read - arrived), arrived, Math.Max(0, Demand - arrived),
            totals.Read, (totals.Read - before.Read) / seconds, reader.Rate, reader.Age, reader.Missing, reader.Repeated,
            cluster.Silos,
            outages.Last.Select(one => new OutageState(one.Silo, one.At - _start, one.Until - _start, one.Pause(reader.WantsSince, now))));
    }

    private static SseItem<string> Item(string type, object data) => new(JsonSerializer.Serialize(data, JsonSerializerOptions.Web), type);

    private readonly record struct Totals(long At, long Put, long Read, long Waited);
}
