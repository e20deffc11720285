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
}
