namespace Casty.Orleans.Approval.Tests;

/// <summary>What somebody has looked at and agreed to, in <c>Approved/</c> beside these tests.</summary>
internal static class Approved
{
    /// <summary>Has the files written anew instead of compared.</summary>
    private const string Accept = "CASTY_APPROVE";

    private const string Folder = "test/Casty.Orleans.Approval.Tests/Approved";

    public static string Read(string name) => Repository.Read($"{Folder}/{name}");

    /// <summary>Fails where <paramref name="actual"/> is not what was approved, and says how to accept it.</summary>
    public static void Is(string name, string actual)
    {
        AcceptIfAsked(name, actual);
        string approved = File.Exists(PathOf(name)) ? Read(name) : "";
        actual = AsFile(actual);
        if (actual != approved) Assert.Fail(Difference(name, approved.Split('\n'), actual.Split('\n')));
    }

    /// <summary>Writes the file where that was asked for.</summary>
    public static void AcceptIfAsked(string name, string actual)
    {
        if (Environment.GetEnvironmentVariable(Accept) == "1") File.WriteAllText(PathOf(name), AsFile(actual));
    }

    private static string PathOf(string name) => Path.Combine(Repository.Root, Folder, name);

    private static string AsFile(string text) => text.ReplaceLineEndings("\n").TrimEnd('\n') + '\n';

    private static string Difference(string name, string[] approved, string[] actual) => $"""
        This is not what {Folder}/{name} has:

        {string.Join('\n', approved.Except(actual).Select(line => $"- {line}").Concat(actual.Except(approved).Select(line => $"+ {line}")).DefaultIfEmpty("  the same lines, in another order or number"))}

        Is it meant? Then accept it, and commit the file with the change:

            {Accept}=1 dotnet test test/Casty.Orleans.Approval.Tests
        """;
}
