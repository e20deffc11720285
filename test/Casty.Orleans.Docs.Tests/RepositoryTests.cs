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

    [Fact]
    public void EveryProjectThatAMarkdownHasRun_Exists()
    {
        var named = Repository.Files(pattern: "*.md").SelectMany(file => Project().Matches(Repository.Read(file)).Select(run => (File: file, Path: run.Groups["path"].Value))).ToArray();
        Assert.NotEmpty(named);
        Assert.All(named, run => Assert.True(Directory.Exists(Path.Combine(Repository.Root, run.Path)), $"{run.File} runs {run.Path}, which does not exist."));
    }

    [Fact]
    public void Workflow_RunsWhatCiRuns_AndTellsTheCounts()
    {
        string workflow = Repository.Read(".github/workflows/ci.yml");
        Assert.Contains("run: bash .ci/run | tee ci.log\n", workflow, StringComparison.Ordinal);
        Assert.Contains("tail -n 1 ci.log", workflow, StringComparison.Ordinal);
        Assert.Contains("echo \"$passed passed, $failed failed\"", Repository.Read(".ci/run"), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"dotnet (run|test|pack|build)[^\n|]*?\s(?<path>(src|test|samples)/[\w./]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex Project();

    [GeneratedRegex(@"\]\((?!\w+:)(?<path>[^)#]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<![\w.~])(/(home|Users|root|tmp|work|mnt)/|[A-Z]:\\\\?(Users|Temp|src)\\)\w+", RegexOptions.ExplicitCapture)]
    private static partial Regex MachinePath();
}
