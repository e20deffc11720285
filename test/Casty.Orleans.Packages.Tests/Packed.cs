using System.IO.Compression;
using System.Reflection;
using System.Xml.Linq;

namespace Casty.Orleans.Packages.Tests;

/// <summary>
/// What <c>dotnet pack</c> makes of a copy of the repository, in a folder that is gone afterwards. The copy is no clone, as an archive
/// that somebody downloaded is none.
/// </summary>
public sealed class Packed : IAsyncLifetime
{
    /// <summary>Kept apart from anything that is ever published.</summary>
    private const string Suffix = "packed";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("casty-packages-");

    /// <summary>The packages that whoever builds here has already; they are read and not added to.</summary>
    public static string PackagesFolder { get; } = typeof(Packed).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "PackagesFolder").Value!;

    public static string Version { get; } = $"{Property("Directory.Build.props", "VersionPrefix")}-{Suffix}";

    public static string OrleansVersion { get; } = XDocument.Parse(Repository.Read("Directory.Packages.props")).Descendants("PackageVersion")
        .Single(one => (string?)one.Attribute("Include") == "Microsoft.Orleans.Server").Attribute("Version")!.Value;

    public string Feed => Path.Combine(_folder.FullName, "feed");

    public async Task InitializeAsync()
    {
        Copy("", "repository");
        await DotNet.RunAsync(Path.Combine(_folder.FullName, "repository"), "pack", "--output", Feed, "--version-suffix", Suffix, "--disable-build-servers");
    }

    /// <summary>Builds and runs a program which knows of the packages alone.</summary>
    /// <param name="program">Its folder among these tests.</param>
    /// <param name="edit">Changes its source.</param>
    public async Task<string> RunAsync(string program, Func<string, string>? edit = null)
    {
        Copy($"test/Casty.Orleans.Packages.Tests/{program}", program);
        string folder = Path.Combine(_folder.FullName, program), packages = Path.Combine(_folder.FullName, "packages");
        string source = Path.Combine(folder, "Program.cs");
        if (edit is not null) await File.WriteAllTextAsync(source, edit(await File.ReadAllTextAsync(source)));
        return await DotNet.RunAsync(folder, "run", "--configuration", "Release", "--disable-build-servers",
            $"-p:CastyVersion={Version}", $"-p:OrleansVersion={OrleansVersion}", $"-p:RestoreAdditionalProjectSources={Feed}",
            $"-p:RestorePackagesPath={packages}", $"-p:RestoreFallbackFolders={PackagesFolder}");
    }

    public ZipArchive Open(string package, string extension = "nupkg") => ZipFile.OpenRead(Path.Combine(Feed, $"{package}.{Version}.{extension}"));

    public Task DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return Task.CompletedTask;
    }

    private void Copy(string from, string to)
    {
        foreach (string file in Repository.Files(from))
        {
            string copy = Path.Combine(_folder.FullName, to, Path.GetRelativePath(from.Length == 0 ? "." : from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(Path.Combine(Repository.Root, file), copy);
        }
    }

    private static string Property(string file, string name) => XDocument.Parse(Repository.Read(file)).Descendants(name).Single().Value;
}
