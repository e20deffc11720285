using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Casty.Orleans.Protocol;

/// <summary>
/// A dictionary for what nearly always has one entry, as most streams have one writer: that costs no object. A field that is one must not
/// be readonly.
/// </summary>
internal struct FewMap<TKey, TValue> : IEnumerable<KeyValuePair<TKey, TValue>>
    where TKey : struct, IEquatable<TKey>
{
    private Dictionary<TKey, TValue>? _many;   // all of them, once there was more than one
    private TKey _key;
    private TValue _value;
    private bool _hasOne;

    public readonly int Count => _many?.Count ?? (_hasOne ? 1 : 0);

    public readonly IEnumerable<TValue> Values => _many is { } many ? many.Values : _hasOne ? [_value] : [];

    public readonly IEnumerable<TKey> Keys => _many is { } many ? many.Keys : _hasOne ? [_key] : [];

    public TValue this[TKey key]
    {
        readonly get => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException();
        set
        {
            if (_many is null && (!_hasOne || _key.Equals(key))) (_key, _value, _hasOne) = (key, value, true);
            else Many()[key] = value;
        }
    }

    public readonly bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_many is not null) return _many.TryGetValue(key, out value);

        bool isIt = _hasOne && _key.Equals(key);
        value = isIt ? _value : default;
        return isIt;
    }

    public readonly bool ContainsKey(TKey key) => TryGetValue(key, out _);

    public void Add(TKey key, TValue value)
    {
        if (_many is null && !_hasOne) (_key, _value, _hasOne) = (key, value, true);
        else Many().Add(key, value);
    }

    public bool Remove(TKey key) => Remove(key, out _);

    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_many is not null) return _many.Remove(key, out value);
        if (!TryGetValue(key, out value)) return false;
        Clear();
        return true;
    }

    public void Clear() => this = default;

    public readonly IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator()
    {
        IEnumerable<KeyValuePair<TKey, TValue>> all = _many is { } many ? many : _hasOne ? [new(_key, _value)] : [];
        return all.GetEnumerator();
    }

    readonly IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private Dictionary<TKey, TValue> Many()
    {
        if (_many is null)
        {
            _many = [];
            if (_hasOne) _many.Add(_key, _value);
            (_key, _value, _hasOne) = (default, default!, false);
        }

        return _many;
    }
}
