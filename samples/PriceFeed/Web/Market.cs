namespace PriceFeed.Web;

/// <summary>Prices that wander about their opening, one symbol after the other. They are made up.</summary>
internal sealed class Market
{
    /// <summary>How many prices it makes a second, if they are taken.</summary>
    public const int Rate = 200;

    public static readonly string[] Symbols = ["ASH", "ELM", "FIR", "OAK", "YEW"];

    public static readonly decimal[] Openings = [142.50m, 87.20m, 311.40m, 54.85m, 228.10m];

    private readonly Random _random = new();
    private readonly double[] _change = new double[Symbols.Length];
    private readonly double[] _drift = new double[Symbols.Length];
    private long _number;

    public Tick Next()
    {
        int symbol = (int)(_number++ % Symbols.Length);

        // A drift that comes and goes, a pull back to the opening, and a little noise.
        _drift[symbol] = 0.985 * _drift[symbol] + 0.000015 * Noise();
        _change[symbol] += _drift[symbol] - 0.0022 * _change[symbol] + 0.0001 * Noise();
        return new Tick(_number, symbol, Math.Round(Openings[symbol] * (decimal)(1 + _change[symbol]), 2), Environment.TickCount64);
    }

    /// <summary>About normal, with a variance of 1.</summary>
    private double Noise() => 2 * (_random.NextDouble() + _random.NextDouble() + _random.NextDouble() - 1.5);
}
