using System.Text.RegularExpressions;
using Xunit;

namespace Casty.Orleans.Docs.Tests;

public sealed partial class RepositoryTests
{
    [Fact]
    public void NoFile_NamesAFolderOfSomeonesMachine() => Assert.All(
        Repository.Files().Select(path => (Path: path, Text: Repository.Read(path))).Where(file => !file.Text.Contains('\0')),
        file => Assert.False(MachinePath().IsMatch(file.Text), $"{file.Path}: {MachinePath().Match(file.Text).Value}"));

    [Fact]
    public void Changelog_HasAnUnreleasedSection() => Assert.Contains("\n## [Unreleased]\n", Repository.Read("CHANGELOG.md"), StringComparison.Ordinal);

    [Fact]
    public void EveryFileThatAMarkdownLinksTo_Exists()
    {
        var links = Repository.Files(pattern: "*.md").SelectMany(file => Link().Matches(Repository.Read(file))
            .Select(link => (File: file, Target: Path.GetFullPath(Path.Combine(Repository.Root, Path.GetDirectoryName(file)!, link.Groups["path"].Value))))).ToArray();
        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(File.Exists(link.Target), $"{link.File} links to {link.Target}, which does not exist."));
    }

    [GeneratedRegex(@"\]\((?!\w+:)(?<path>[^)#]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<![\w.~])(/(home|Users|root|tmp|work|mnt)/|[A-Z]:\\\\?(Users|Temp|src)\\)\w+", RegexOptions.ExplicitCapture)]
    private static partial Regex MachinePath();
}
