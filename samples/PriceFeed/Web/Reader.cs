using System.Threading.Channels;
using Casty.Orleans;
using Orleans;

namespace PriceFeed.Web;

/// <summary>Reads the stream, as fast as it is told to, and checks that no price is missing and none comes twice.</summary>
internal sealed class Reader(Outages outages)
{
    /// <summary>From this on it reads as fast as prices come.</summary>
    public const int FullSpeed = Market.Rate;

    private readonly Pace _pace = new(Pace.Unlimited);
    private readonly decimal[] _prices = [.. Market.Openings];
    private ChannelReader<Tick>? _reader;
    private long _read;
    private long _last;
    private long _missing;
    private long _repeated;
    private long _age;
    private long _wantsSince = -1;

    /// <summary>How many prices it reads a second at most.</summary>
    public int Rate
    {
        get => Math.Min(_pace.Rate, FullSpeed);
        set => _pace.Rate = value >= FullSpeed ? Pace.Unlimited : value;
    }

    /// <summary>How many prices were read.</summary>
    public long Read => Volatile.Read(ref _read);

    /// <summary>How many prices have arrived and wait to be read.</summary>
    public int Waiting => _reader?.Count ?? 0;

    /// <summary>How many numbers were skipped.</summary>
    public long Missing => Volatile.Read(ref _missing);

    /// <summary>How many prices came that had come before, or out of turn.</summary>
    public long Repeated => Volatile.Read(ref _repeated);

    /// <summary>How many milliseconds before it was read the last price had been made.</summary>
    public long Age => Volatile.Read(ref _age);

    /// <summary>Since when it waits for a price; null where it does not.</summary>
    public long? WantsSince => Volatile.Read(ref _wantsSince) is >= 0 and var since ? since : null;

    /// <summary>The last price of each symbol.</summary>
    public decimal[] Prices
    {
        get
        {
            lock (_prices) return [.. _prices];
        }
    }

    public async Task RunAsync(IGrainFactory grains, CancellationToken stopping)
    {
        await using var source = await grains.GetSourceAsync<Tick>(Feed.Stream, options: new() { InitialDemand = Feed.Demand }, cancellationToken: stopping);
        _reader = source.Reader;
        while (true)
        {
            await _pace.TurnAsync(stopping);
            long wanted = Environment.TickCount64;
            Volatile.Write(ref _wantsSince, wanted);
            Take(await _reader.ReadAsync(stopping), wanted);
            Volatile.Write(ref _wantsSince, -1);
        }
    }

    private void Take(Tick tick, long wanted)
    {
        long now = Environment.TickCount64;
        if (tick.Number > _last)
        {
            Volatile.Write(ref _missing, _missing + tick.Number - _last - 1);
            _last = tick.Number;
        }
        else
        {
            Volatile.Write(ref _repeated, _repeated + 1);
        }

        lock (_prices) _prices[tick.Symbol] = tick.Price;
        Volatile.Write(ref _age, now - tick.PutAt);
        Volatile.Write(ref _read, _read + 1);
        outages.OnRead(tick.Number, wanted, now);
    }
}
