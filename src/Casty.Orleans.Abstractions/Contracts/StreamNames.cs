using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>How the names of streams and consumers become grain keys.</summary>
internal static class StreamNames
{
    /// <summary>
    /// The key of the grain that is the home of a subscription. The length in front keeps two pairs of names apart
    /// whatever characters they contain.
    /// </summary>
    public static string ConsumerKey(string producer, string consumer) => $"{producer.Length}:{producer}{consumer}";

    /// <summary>A name that nobody else has, for a consumer that did not give one.</summary>
    public static string Anonymous() => $"~{Guid.NewGuid():N}";

    private const string HandlerPrefix = "~grain:";

    /// <summary>The consumer's name where a grain handles the stream: it tells which.</summary>
    public static string Handler(GrainId grain) => $"{HandlerPrefix}{grain}";

    public static bool IsHandler([NotNullWhen(true)] string? consumer) => consumer?.StartsWith(HandlerPrefix, StringComparison.Ordinal) == true;

    /// <summary>What the key of a subscription says that a grain handles.</summary>
    public static bool TryParseHandler(string consumerKey, [NotNullWhen(true)] out string? producer, [NotNullWhen(true)] out string? consumer, out GrainId grain)
    {
        (producer, consumer, grain) = (null, null, default);
        int colon = consumerKey.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || !int.TryParse(consumerKey.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out int length)) return false;
        if (length > consumerKey.Length - colon - 1) return false;

        (producer, consumer) = (consumerKey.Substring(colon + 1, length), consumerKey[(colon + 1 + length)..]);
        return IsHandler(consumer) && GrainId.TryParse(consumer[HandlerPrefix.Length..], CultureInfo.InvariantCulture, out grain);
    }
}
