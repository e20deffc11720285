using System.Reflection;
using System.Text.RegularExpressions;
using Xunit;

namespace Casty.Orleans.Docs.Tests;

public sealed partial class ReadmeTests
{
    private static readonly string Readme = Repository.Read("README.md");

    /// <summary>What the guide prints; C#'s words stand where the original has Python's.</summary>
    private const string GuideOutput = """
        ── Pushing 5 prices into producer ──
        ── Consuming via await foreach (InitialDemand = 2) ──
          #1 AAPL: $142.50
          #2 AAPL: $143.10
          #3 AAPL: $141.80
          #4 AAPL: $144.20
          #5 AAPL: $145.00

        ── Stream complete: 5 prices received ──

        ── Early break: take 5 from 20 ──
          Took: [0, 1, 2, 3, 4]
          Stream cancelled — producer stopped via StreamCancel

        """;

    [Fact]
    public void SampleOutput_IsTheGuides_AndWhatCiCompares()
    {
        var block = Assert.Single(CodeBlock.In(Readme), block => block.Kind == "output");
        Assert.Equal(GuideOutput.ReplaceLineEndings("\n"), block.Text);
        Assert.Contains($"<!-- output: {block.Shows} -->", Repository.Read(".ci/run"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dotnet run --project samples/PriceFeed")]
    [InlineData("dotnet run --project samples/PriceFeed -- web")]
    [InlineData("dotnet test")]
    public void Command_IsWhatCiRuns(string command)
    {
        Assert.Contains(CodeBlock.In(Readme), block => block.Language == "bash" && block.Text.Split('\n').Contains(command));
        Assert.Contains(command, Repository.Read(".ci/run"), StringComparison.Ordinal);
    }

    [Fact]
    public void EveryTestNamed_Exists()
    {
        var named = TestName().Matches(Readme).Select(match => (Class: match.Groups[1].Value, Method: match.Groups[2].Value)).Distinct().ToArray();
        Assert.NotEmpty(named);
        Assert.All(named, test =>
        {
            string file = Assert.Single(Repository.Files("test", $"{test.Class}.cs"));
            Assert.Matches($@"\b{test.Method}\(", Repository.Read(file));
        });
    }

    [Theory]
    [InlineData(typeof(StreamProducerOptions))]
    [InlineData(typeof(StreamConsumerOptions))]
    [InlineData(typeof(StreamHandlerOptions))]
    public void EveryOption_IsInTheTable(Type options) => Assert.All(
        options.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly),
        option => Assert.Contains($"| `{option.Name}` |", Readme, StringComparison.Ordinal));

    [GeneratedRegex(@"`(\w+Tests)\.(\w+)`")]
    private static partial Regex TestName();
}
