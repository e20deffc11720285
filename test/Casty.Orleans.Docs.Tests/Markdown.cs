using System.Text.RegularExpressions;

namespace Casty.Orleans.Docs.Tests;

/// <summary>A code block, and what the comment on the line above says it shows: <c>&lt;!-- snippet: file#region --&gt;</c>.</summary>
internal sealed partial record CodeBlock(string Language, string Text, string? Kind, string? Shows)
{
    public static IEnumerable<CodeBlock> In(string markdown) => Fence().Matches(markdown).Select(match => new CodeBlock(
        match.Groups["language"].Value, match.Groups["text"].Value,
        match.Groups["kind"] is { Success: true } kind ? kind.Value : null,
        match.Groups["shows"] is { Success: true } shows ? shows.Value : null));

    /// <summary>The lines between <c>#region</c> and <c>#endregion</c>, without their common indentation.</summary>
    public static string Region(string source, string name)
    {
        var lines = source.Split('\n').SkipWhile(line => line.Trim() != $"#region {name}").Skip(1)
            .TakeWhile(line => line.Trim() != "#endregion").ToArray();
        if (lines.Length == 0) throw new InvalidOperationException($"There is no region '{name}'.");

        int indentation = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Concat(lines.Select(line => line[Math.Min(indentation, line.Length)..] + '\n'));
    }

    [GeneratedRegex(@"(^<!-- (?<kind>\w+): (?<shows>\S+) -->\n)?^```(?<language>\w*)\n(?<text>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
