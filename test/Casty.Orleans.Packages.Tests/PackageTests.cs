using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Casty.Orleans.Packages.Tests;

/// <summary>What is in the packages, and that a program with nothing but them streams.</summary>
public sealed partial class PackageTests(Packed packed) : IClassFixture<Packed>
{
    private const string Abstractions = "Casty.Orleans.Abstractions";
    private const string Grains = "Casty.Orleans.Grains";

    public static TheoryData<string> Packages => [Abstractions, Grains];

    [Fact]
    public void Pack_MakesTwoPackagesAndTheirSymbols_AndNoMore() => Assert.Equal(
        new[] { Abstractions, Grains }.SelectMany(package => new[] { $"{package}.{Packed.Version}.nupkg", $"{package}.{Packed.Version}.snupkg" }),
        Directory.EnumerateFileSystemEntries(packed.Feed).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Packages))]
    public void Package_HasWhatItNeeds_AndNoMore(string package)
    {
        using var main = packed.Open(package);
        Assert.Equal([$"{package}.nuspec", "LICENSE", "README.md", $"lib/net10.0/{package}.dll", $"lib/net10.0/{package}.xml"], Files(main).Order(StringComparer.Ordinal));
        Assert.Equal(Repository.Read("LICENSE"), Text(main, "LICENSE"));
        Assert.Equal(Repository.Read("src/README.md"), Text(main, "README.md"));

        using var symbols = packed.Open(package, "snupkg");
        Assert.Equal([$"{package}.nuspec", $"lib/net10.0/{package}.pdb"], Files(symbols).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(Abstractions, "T:Casty.Orleans.SinkRef`1", "Microsoft.Orleans.Client")]
    [InlineData(Grains, "T:Orleans.Hosting.CastyStreamsSiloBuilderExtensions", Abstractions, "Microsoft.Orleans.Server")]
    public void Package_SaysWhatItIs(string package, string documented, params string[] dependencies)
    {
        using var archive = packed.Open(package);
        var metadata = XDocument.Parse(Text(archive, $"{package}.nuspec")).Root!.Elements().Single();
        Assert.Equal((package, Packed.Version), (Value("id"), Value("version")));
        Assert.Equal(("MIT", "README.md"), (Value("license"), Value("readme")));
        Assert.Equal(("The Casty.Orleans authors", "git"), (Value("authors"), (string?)One("repository").Attribute("type")));
        Assert.StartsWith("Demand-gated streams for Microsoft Orleans", Value("description"), StringComparison.Ordinal);
        Assert.Contains("orleans", Value("tags").Split(' '));

        var group = Assert.Single(One("dependencies").Elements());
        Assert.Equal("net10.0", (string?)group.Attribute("targetFramework"));
        Assert.Equal(
            dependencies.Select(name => (name, name == Abstractions ? Packed.Version : Packed.OrleansVersion)),
            group.Elements().Select(one => ((string)one.Attribute("id")!, (string)one.Attribute("version")!)));

        var members = XDocument.Parse(Text(archive, $"lib/net10.0/{package}.xml")).Descendants("member");
        Assert.NotEmpty(members.Single(member => (string?)member.Attribute("name") == documented).Element("summary")!.Value.Trim());

        XElement One(string name) => metadata.Elements().Single(element => element.Name.LocalName == name);
        string Value(string name) => One(name).Value;
    }

    [Theory, MemberData(nameof(Packages))]
    public void Assembly_IsBuiltReproducibly_AndItsSymbolsAreItsOwn(string package)
    {
        using var main = packed.Open(package);
        using var assembly = new PEReader(Bytes(main, $"lib/net10.0/{package}.dll"));
        var entries = assembly.ReadDebugDirectory();
        Assert.Contains(entries, entry => entry.Type == DebugDirectoryEntryType.Reproducible);
        var codeView = entries.Single(entry => entry.Type == DebugDirectoryEntryType.CodeView);
        Assert.StartsWith("/_/src/", assembly.ReadCodeViewDebugDirectoryData(codeView).Path, StringComparison.Ordinal);

        using var archive = packed.Open(package, "snupkg");
        using var provider = MetadataReaderProvider.FromPortablePdbStream(Bytes(archive, $"lib/net10.0/{package}.pdb"));
        var symbols = provider.GetMetadataReader();
        Assert.Equal(new BlobContentId(assembly.ReadCodeViewDebugDirectoryData(codeView).Guid, codeView.Stamp), new BlobContentId(symbols.DebugMetadataHeader!.Id));
        Assert.All(symbols.Documents, document => Assert.StartsWith("/_/", symbols.GetString(symbols.GetDocument(document).Name), StringComparison.Ordinal));
    }

    /// <summary>It is read where the repository's files are not.</summary>
    [Fact]
    public void Readme_LinksToNoFile() => Assert.DoesNotMatch(RelativeLink(), Repository.Read("src/README.md"));

    [Fact]
    public async Task Hello_StreamsWithThePackagesAlone()
    {
        Assert.Equal($"""
            1: hello
            2: hello
            3: hello
            4: hello
            5: hello
            {Abstractions} {Packed.Version}
            {Grains} {Packed.Version}

            """.ReplaceLineEndings("\n"), (await packed.RunAsync("Consumer")).ReplaceLineEndings("\n"));
        Assert.All([Abstractions, Grains], package => Assert.False(Directory.Exists(Path.Combine(Packed.PackagesFolder, package.ToLowerInvariant(), Packed.Version))));
    }

    /// <summary>The silo that the README has a newcomer write. On ports of its own: others may be at the usual ones.</summary>
    [Fact]
    public async Task NewcomersSilo_PrintsWhatTheReadmeSays()
    {
        const string Folder = "MySilo", Clustering = "UseLocalhostClustering()";
        using var first = PriceFeed.Ports.Reserve(out int port);
        using var second = PriceFeed.Ports.Reserve(out int gateway);
        string printed = await packed.RunAsync(Folder, source =>
        {
            Assert.Contains(Clustering, source, StringComparison.Ordinal);
            return source.Replace(Clustering, $"UseLocalhostClustering({port}, {gateway})", StringComparison.Ordinal);
        });
        Assert.Equal(CodeBlock.In(Repository.Read("README.md")).Single(block => block is { Kind: "prints", Shows: Folder }).Text, printed.ReplaceLineEndings("\n"));
    }

    /// <summary>The files but those that hold every package together.</summary>
    private static IEnumerable<string> Files(ZipArchive archive) => archive.Entries.Select(entry => entry.FullName)
        .Where(name => name != "[Content_Types].xml" && !name.StartsWith("_rels/", StringComparison.Ordinal) && !name.StartsWith("package/", StringComparison.Ordinal));

    private static MemoryStream Bytes(ZipArchive archive, string file)
    {
        using var content = archive.GetEntry(file)!.Open();
        var bytes = new MemoryStream();
        content.CopyTo(bytes);
        bytes.Position = 0;
        return bytes;
    }

    private static string Text(ZipArchive archive, string file)
    {
        using var reader = new StreamReader(archive.GetEntry(file)!.Open());
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    [GeneratedRegex(@"\]\((?!https?:)")]
    private static partial Regex RelativeLink();
}
