namespace Casty.Orleans.Protocol;

/// <summary>
/// A list for the length of one call, so that not each of thousands of idle streams keeps one. Whoever uses it empties it again; who could not,
/// as something threw, has left nothing to the next.
/// </summary>
internal static class Scratch<T>
{
    [ThreadStatic]
    private static List<T>? _list;

    public static List<T> List
    {
        get
        {
            var list = _list ??= [];
            list.Clear();
            return list;
        }
    }
}
