using Xunit;

namespace Casty.Orleans.Docs.Tests;

public sealed class SnippetTests
{
    public static TheoryData<string> Documents() => [.. Repository.Files(pattern: "*.md")];

    [Theory, MemberData(nameof(Documents))]
    public void MarkedBlock_EqualsItsCompiledRegion(string document)
    {
        foreach (var block in CodeBlock.In(Repository.Read(document)).Where(block => block.Kind == "snippet"))
        {
            string[] where = block.Shows!.Split('#');
            Assert.Equal(CodeBlock.Region(Repository.Read(where[0]), where[1]), block.Text);
        }
    }

    [Theory, MemberData(nameof(Documents))]
    public void Document_ShowsNoCodeThatIsNotCompiled(string document) =>
        Assert.All(CodeBlock.In(Repository.Read(document)).Where(block => block.Language == "csharp"), block => Assert.Equal("snippet", block.Kind));

    [Fact]
    public void Hello_HasAtMostTwentyLines()
    {
        var hello = Assert.Single(CodeBlock.In(Repository.Read("README.md")), block => block.Shows?.EndsWith("#hello", StringComparison.Ordinal) == true);
        Assert.InRange(hello.Text.Count(letter => letter == '\n'), 1, 20);
    }
}
