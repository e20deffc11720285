using System.Globalization;

namespace Casty.Orleans;

/// <summary>Checks of arguments that more than one call makes.</summary>
internal static class Require
{
    /// <summary>The longest name of a stream or a consumer, in characters.</summary>
    public const int MaxNameLength = 1000;

    public static void Name(string name, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(name, parameter);
        if (name.Length > MaxNameLength)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{parameter} has {name.Length:N0} characters; allowed are 1 to {MaxNameLength:N0}."), parameter);
        }
    }

    public static void Id(Guid id, string parameter)
    {
        if (id == Guid.Empty) throw new ArgumentException("An end needs an id of its own.", parameter);
    }

    /// <summary>What a timeout must be.</summary>
    public const string Timeout = "positive, or Timeout.InfiniteTimeSpan (-00:00:00.0010000)";

    /// <summary>A timeout as timers take it: longer than they can wait, which is 49 days, is for ever.</summary>
    public static TimeSpan Wait(TimeSpan timeout) =>
        timeout.TotalMilliseconds > uint.MaxValue - 2d ? System.Threading.Timeout.InfiniteTimeSpan : timeout;

    public static bool IsTimeout(TimeSpan? value) => value is not { } timeout || timeout > TimeSpan.Zero || timeout == System.Threading.Timeout.InfiniteTimeSpan;
}
