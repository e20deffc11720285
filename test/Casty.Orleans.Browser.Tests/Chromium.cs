using System.Runtime.CompilerServices;
using Xunit;

namespace Casty.Orleans.Browser.Tests;

/// <summary>The Chromium, or one of its kin, that this machine has. Nothing is ever downloaded.</summary>
internal static class Chromium
{
    /// <summary>Names a browser that is not found by itself.</summary>
    public const string Variable = "CASTY_CHROMIUM";

    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge"];

    private static readonly string[] Elsewhere =
    [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "Google", "Chrome", "Application", "chrome.exe"),
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFilesX86), "Microsoft", "Edge", "Application", "msedge.exe"),
    ];

    public static string? File { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
        ? System.IO.File.Exists(named) ? named : throw new InvalidOperationException($"{Variable} is '{named}', and there is no such file.")
        : Candidates().FirstOrDefault(System.IO.File.Exists);

    private static IEnumerable<string> Candidates()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        string suffix = OperatingSystem.IsWindows() ? ".exe" : "";
        return Names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name + suffix))).Concat(Elsewhere);
    }
}

/// <summary>A test in a browser. Where there is none it is skipped, and says so in its name, which is all that most runners show.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute([CallerMemberName] string test = "")
    {
        if (Chromium.File is not null) return;
        Skip = $"NO BROWSER: no Chromium, Chrome or Edge was found. Install one, or name it with {Chromium.Variable}.";
        DisplayName = $"{test} – {Skip}";
    }
}
