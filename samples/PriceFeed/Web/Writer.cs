using Casty.Orleans;
using Orleans;

namespace PriceFeed.Web;

/// <summary>Puts the market's prices into the stream, and counts.</summary>
internal sealed class Writer
{
    private long _put;
    private long _waited;
    private long _waitsSince = -1;

    /// <summary>How many prices were put.</summary>
    public long Put => Volatile.Read(ref _put);

    /// <summary>For how many milliseconds puts have waited, with the one that waits now.</summary>
    public long Waited
    {
        get
        {
            long since = Volatile.Read(ref _waitsSince);
            return Volatile.Read(ref _waited) + (since < 0 ? 0 : Environment.TickCount64 - since);
        }
    }

    public async Task RunAsync(IGrainFactory grains, CancellationToken stopping)
    {
        await using var sink = await grains.GetSinkAsync<Tick>(Feed.Stream, new() { BufferSize = Feed.BufferSize }, stopping);
        var market = new Market();
        var pace = new Pace(Market.Rate);
        while (true)
        {
            await pace.TurnAsync(stopping);
            var put = sink.PutAsync(market.Next(), stopping);
            if (!put.IsCompleted) await WaitAsync(put);
            else await put;
            Volatile.Write(ref _put, _put + 1);
        }
    }

    /// <summary>The buffer is full, and so the market waits for its readers.</summary>
    private async ValueTask WaitAsync(ValueTask put)
    {
        long since = Environment.TickCount64;
        Volatile.Write(ref _waitsSince, since);
        await put;
        Volatile.Write(ref _waitsSince, -1);
        Volatile.Write(ref _waited, _waited + Environment.TickCount64 - since);
    }
}
