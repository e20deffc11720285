using Microsoft.Extensions.Logging;

namespace PriceFeed.Commands;

internal static class Logs
{
    /// <summary>Shows what the streams warn of. What else goes wrong ends the command, and is told in one line.</summary>
    public static void ShowOnlyStreams(this ILoggingBuilder logging) => logging
        .SetMinimumLevel(LogLevel.Warning)
        .AddFilter("Orleans", LogLevel.None)
        .AddFilter("Microsoft", LogLevel.None);
}
