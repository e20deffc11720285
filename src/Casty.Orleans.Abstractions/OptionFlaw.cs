using System.Globalization;

namespace Casty.Orleans;

/// <summary>An option that is out of its range.</summary>
/// <param name="Key">Its name, behind those of the options that it is in, as a configuration names it: <c>Producer:BufferSize</c>.</param>
/// <param name="Value">What it is.</param>
/// <param name="Allowed">What it must be, to be read after "must be" and after "allowed is".</param>
internal readonly record struct OptionFlaw(string Key, object? Value, string Allowed)
{
    /// <summary>The same, seen from the options that contain these.</summary>
    public OptionFlaw Under(string key) => this with { Key = $"{key}:{Key}" };

    /// <summary>For whoever set it in a configuration, where <paramref name="path"/> is its whole key.</summary>
    public string ToString(string path) => $"{path} is {(Value is null ? "null" : Convert.ToString(Value, CultureInfo.InvariantCulture))}; allowed is {Allowed}.";

    /// <summary>For whoever gave it to a call.</summary>
    public ArgumentOutOfRangeException ToException(string parameter) => new(parameter, Value, $"{Key.Split(':')[^1]} must be {Allowed}.");
}
