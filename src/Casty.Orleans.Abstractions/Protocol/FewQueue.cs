using System.Collections;

namespace Casty.Orleans.Protocol;

/// <summary>A queue in which nearly always one item waits, or none: that costs no object. A field that is one must not be readonly.</summary>
internal struct FewQueue<T> : IEnumerable<T>
{
    private Queue<T>? _rest;   // empty where there is no first
    private T _first;
    private bool _hasFirst;

    public readonly int Count => _hasFirst ? 1 + (_rest?.Count ?? 0) : 0;

    public void Enqueue(T item)
    {
        if (_hasFirst) (_rest ??= new Queue<T>()).Enqueue(item);
        else (_first, _hasFirst) = (item, true);
    }

    public readonly bool TryPeek(out T item)
    {
        item = _first;
        return _hasFirst;
    }

    public readonly T Peek() => _hasFirst ? _first : throw new InvalidOperationException("The queue is empty.");

    public T Dequeue()
    {
        var item = Peek();
        if (_rest is { Count: > 0 }) _first = _rest.Dequeue();
        else (_first, _hasFirst) = (default!, false);
        return item;
    }

    public bool TryDequeue(out T item)
    {
        bool isThere = _hasFirst;
        item = isThere ? Dequeue() : default!;
        return isThere;
    }

    /// <summary>Forgets everything and gives the memory back.</summary>
    public void Clear() => this = default;

    /// <summary>Gives memory back that a burst took; to be called now and then.</summary>
    public void Trim()
    {
        if (_rest is { Count: 0 }) _rest = null;
    }

    public readonly IEnumerator<T> GetEnumerator()
    {
        IEnumerable<T> all = !_hasFirst ? [] : _rest is null ? [_first] : _rest.Prepend(_first);
        return all.GetEnumerator();
    }

    readonly IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
