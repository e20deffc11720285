using System.Diagnostics;

namespace Casty.Orleans.Packages.Tests;

/// <summary>Runs <c>dotnet</c> as a developer does, and never for ever.</summary>
internal static class DotNet
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>What it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    /// <exception cref="TimeoutException">It did not end; it was stopped, and what it had started as well.</exception>
    public static async Task<string> RunAsync(string folder, params string[] arguments)
    {
        using var process = Process.Start(Start(folder, arguments))!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        string command = $"dotnet {string.Join(' ', arguments)}";
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{command}' did not end within {Limit}.\n{await output}{await errors}");
        }

        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"'{command}' ended with {process.ExitCode}.\n{await output}{await errors}");
    }

    private static ProcessStartInfo Start(string folder, string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // These tests are run by the build of another folder, whose settings are not this one's.
        foreach (string variable in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(variable);
        }

        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        return start;
    }
}
