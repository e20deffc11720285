using System.Reflection;
using System.Text.RegularExpressions;

namespace Casty.Orleans.Protocol.Tests.Rules;

public sealed partial class RulesDocumentTests
{
    [Fact]
    public void Rules_InTheDocument_EachHaveATest()
    {
        var listed = Listed();
        Assert.NotEmpty(listed);
        Assert.Empty(listed.Except(Tested()));
    }

    [Fact]
    public void Rules_ThatTestsName_AreAllInTheDocument() => Assert.Empty(Tested().Except(Listed()));

    private static HashSet<string> Listed() =>
        [.. Rule().Matches(File.ReadAllText(Path.Combine(Root(), "docs", "protocol.md"))).Select(match => match.Groups[1].Value)];

    private static HashSet<string> Tested() => [.. typeof(RulesDocumentTests).Assembly.GetTypes()
        .SelectMany(type => type.GetMethods())
        .SelectMany(method => method.GetCustomAttributesData())
        .Where(attribute => attribute.AttributeType == typeof(TraitAttribute) && attribute.ConstructorArguments[0].Value is "Rule")
        .Select(attribute => (string)attribute.ConstructorArguments[1].Value!)];

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "docs", "protocol.md"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("docs/protocol.md was not found in any folder above the tests.");
    }

    [GeneratedRegex(@"^\*\*(P-\d\d)\*\*", RegexOptions.Multiline)]
    private static partial Regex Rule();
}
