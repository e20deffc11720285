namespace Casty.Orleans.Tests;

/// <summary>docs/observability.md, which is to tell of all that can be seen.</summary>
internal static class ObservabilityDocument
{
    public static string Text { get; } = File.ReadAllText(Path.Combine(Root(), "docs", "observability.md")).ReplaceLineEndings("\n");

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "docs", "observability.md"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("docs/observability.md was not found in any folder above the tests.");
    }
}
