namespace Casty.Orleans.Docs.Tests;

/// <summary>The files of the repository that these tests were built from.</summary>
internal static class Repository
{
    private static readonly string[] Generated = [".git", ".vs", ".idea", "bin", "obj", "TestResults", "BenchmarkDotNet.Artifacts"];

    public static string Root { get; } = FindRoot();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    /// <summary>Every file but those that tools made, by its path from the root.</summary>
    public static IEnumerable<string> Files(string folder = "", string pattern = "*")
    {
        string full = Path.Combine(Root, folder);
        return Directory.Exists(full) ? Walk(new DirectoryInfo(full)).Select(file => Path.GetRelativePath(Root, file.FullName)) : [];

        IEnumerable<FileInfo> Walk(DirectoryInfo directory) => directory.EnumerateFiles(pattern).Where(file => !Generated.Contains(file.Name))
            .Concat(directory.EnumerateDirectories().Where(child => !Generated.Contains(child.Name)).SelectMany(Walk));
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Casty.Orleans.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("Casty.Orleans.sln was not found in any folder above the tests.");
    }
}
