using System.Text.RegularExpressions;
using Xunit;

namespace Casty.Orleans.Docs.Tests;

/// <summary>The table of the Reactive Streams rules leaves none out and names tests that exist.</summary>
public sealed partial class ReactiveStreamsTableTests
{
    private static readonly string[] Rows = [.. Repository.Read("test/Casty.Orleans.Tests/README.md").Split('\n').Where(line => Rule().IsMatch(line))];

    [Fact]
    public void EveryRule_HasARow() => Assert.Equal(
        [.. Numbers(1, 11), .. Numbers(2, 13), .. Numbers(3, 17)],
        Rows.SelectMany(row => Number().Matches(row.Split('|')[1]).Select(number => number.Value)));

    [Fact]
    public void EveryRow_NamesATestThatExists() => Assert.All(Rows, row =>
    {
        var named = Test().Matches(row);
        Assert.NotEmpty(named);
        Assert.All(named, test =>
        {
            string file = Assert.Single(Repository.Files("test", $"{test.Groups["class"].Value}.cs"));
            if (test.Groups["method"] is { Success: true } method) Assert.Matches($@"\b{method.Value}\w*\(", Repository.Read(file));
        });
    });

    private static IEnumerable<string> Numbers(int part, int last) => Enumerable.Range(1, last).Select(number => $"{part}.{number:00}");

    [GeneratedRegex(@"^\| [123]\.\d\d")]
    private static partial Regex Rule();

    [GeneratedRegex(@"[123]\.\d\d")]
    private static partial Regex Number();

    [GeneratedRegex(@"`(?<class>\w+Tests)(\.(?<method>\w+))?`")]
    private static partial Regex Test();
}
