using System.Globalization;

namespace PriceFeed.Commands;

/// <summary>The options of one command, as <c>--name value</c>.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _values = [];

    public Arguments(ReadOnlySpan<string> args, string command, params string[] known)
    {
        for (int i = 0; i < args.Length; i += 2)
        {
            if (!known.Contains(args[i])) throw new UsageException($"'{command}' knows no '{args[i]}'.");
            if (i + 1 == args.Length) throw new UsageException($"'{args[i]}' needs a value.");
            if (!_values.TryAdd(args[i], args[i + 1])) throw new UsageException($"'{args[i]}' is given twice.");
        }
    }

    public string? Text(string name)
    {
        if (!_values.TryGetValue(name, out string? value)) return null;
        return value.Length is > 0 and <= 1000 ? value : throw new UsageException($"'{name}' must have 1 to 1,000 characters.");
    }

    public int Port(string name, int otherwise) => (int)(Number(name, 1, 65535) ?? otherwise);

    public long? Number(string name, long min, long max)
    {
        if (!_values.TryGetValue(name, out string? text)) return null;
        bool isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value);
        return isNumber && value >= min && value <= max
            ? value
            : throw new UsageException($"'{name}' must be a whole number from {min} to {max}, not '{text}'.");
    }

    /// <summary>A number per second, or null for as fast as can be.</summary>
    public int? Rate(string name, int otherwise) =>
        _values.GetValueOrDefault(name) == "max" ? null : (int)(Number(name, 1, 1000) ?? otherwise);
}
