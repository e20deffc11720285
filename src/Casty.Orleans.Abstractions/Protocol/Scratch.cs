namespace Casty.Orleans.Protocol;

/// <summary>A list for the length of one call, so that not each of thousands of idle streams keeps one. Whoever uses it empties it again.</summary>
internal static class Scratch<T>
{
    [ThreadStatic]
    private static List<T>? _list;

    public static List<T> List => _list ??= [];
}
