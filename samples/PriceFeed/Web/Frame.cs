namespace PriceFeed.Web;

/// <summary>What the page needs to know before the first frame.</summary>
/// <param name="Symbols">What is traded.</param>
/// <param name="Openings">The price of each at the beginning.</param>
/// <param name="MarketRate">How many prices are made a second, if they are taken.</param>
/// <param name="BufferSize">How many prices the stream's buffer holds.</param>
/// <param name="Demand">How many prices the reader asks for at a time.</param>
/// <param name="Past">The prices of the last half minute.</param>
internal sealed record Hello(string[] Symbols, decimal[] Openings, int MarketRate, int BufferSize, int Demand, IReadOnlyList<Moment> Past);

/// <summary>The prices at a time, in milliseconds since the sample began.</summary>
internal sealed record Moment(long At, decimal[] Prices);

/// <summary>Everything that moves on the page. Times are in milliseconds since the sample began, lengths in milliseconds.</summary>
/// <param name="At">When it was taken.</param>
/// <param name="Prices">The last price of each symbol that the reader has read.</param>
/// <param name="Put">How many prices were put.</param>
/// <param name="PutRate">How many a second, over the last second.</param>
/// <param name="Waits">Which part of the last second the writer waited, 0 to 1.</param>
/// <param name="Buffered">How many prices were put and have not reached the reader.</param>
/// <param name="Arrived">How many have reached the reader and are not read.</param>
/// <param name="Asked">How many more the reader asks for: what it has room for.</param>
/// <param name="Read">How many prices were read.</param>
/// <param name="ReadRate">How many a second, over the last second.</param>
/// <param name="ReaderRate">How many a second the reader takes at most.</param>
/// <param name="Age">How old the last price was when it was read.</param>
/// <param name="Missing">How many prices the reader has missed.</param>
/// <param name="Repeated">How many it was given twice, or out of turn.</param>
/// <param name="Silos">The two silos.</param>
/// <param name="Outages">The last losses of a silo, the newest last.</param>
internal sealed record Frame(
    long At, decimal[] Prices, long Put, double PutRate, double Waits, long Buffered, int Arrived, int Asked, long Read, double ReadRate,
    int ReaderRate, long Age, long Missing, long Repeated, IReadOnlyList<SiloState> Silos, IEnumerable<OutageState> Outages);

/// <summary>A silo.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ProcessId">Its process; null while it has none.</param>
/// <param name="IsUp">It has joined the cluster.</param>
/// <param name="HasStream">The stream's producer lives in it.</param>
internal sealed record SiloState(string Name, int? ProcessId, bool IsUp, bool HasStream);

/// <summary>The loss of a silo.</summary>
/// <param name="Silo">Its name.</param>
/// <param name="At">When it was dead.</param>
/// <param name="Until">When the reader had the first price that never was in it; null until then.</param>
/// <param name="Pause">The longest that the reader wanted a price and had none.</param>
internal sealed record OutageState(string Silo, long At, long? Until, long Pause);
