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

    [GeneratedRegex(@"(?<![\w.~])(/(home|Users|root|tmp|work|mnt)/|[A-Z]:\\\\?(Users|Temp|src)\\)\w+", RegexOptions.ExplicitCapture)]
    private static partial Regex MachinePath();
}
