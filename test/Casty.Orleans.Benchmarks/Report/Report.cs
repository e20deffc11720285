using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Casty.Orleans.Benchmarks;

/// <summary>Rows of Markdown. Each is shown as soon as it is there.</summary>
internal sealed class Table(string name, string header)
{
    private readonly List<string> _rows = [];

    public string Name => name;

    public bool IsEmpty => _rows.Count == 0;

    public string Markdown => $"{header}\n{string.Join('\n', _rows)}\n";

    public void Add(string row)
    {
        if (IsEmpty) Console.Error.WriteLine($"\n{header}");
        _rows.Add(row);
        Console.Error.WriteLine(row);
    }
}

/// <summary>The tables of a run, as Markdown.</summary>
internal sealed partial class Report(Settings settings)
{
    private readonly List<Table> _tables = [];

    public bool IsEmpty => _tables.All(table => table.IsEmpty);

    public Table Table(string name, params string[] header)
    {
        var table = new Table(name, string.Join('\n', header));
        _tables.Add(table);
        return table;
    }

    /// <summary>Finds out before anything is measured what could not be written afterwards.</summary>
    public static void Check(string file)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        if (!Directory.Exists(folder)) throw new UsageException($"'{file}' cannot be written: there is no folder '{folder}'.");
        if (!File.Exists(file)) return;

        var unknown = Place().Matches(File.ReadAllText(file)).SelectMany(place => place.Groups["table"].Captures)
            .FirstOrDefault(name => Scenarios.All.All(one => one.Table != name.Value));
        if (unknown is not null) throw new UsageException($"'{file}' has a place for '{unknown.Value}', which is no table. --list names them.");
    }

    public override string ToString() =>
        $"{Preface}\n{string.Concat(_tables.Where(table => !table.IsEmpty).Select(table => $"\n## {table.Name}\n\n{table.Markdown}"))}";

    /// <summary>Writes all tables, or those that the file has a place for.</summary>
    public void Write(string file)
    {
        string? old = File.Exists(file) ? File.ReadAllText(file) : null;
        File.WriteAllText(file, old is not null && Place().IsMatch(old) ? Place().Replace(old, Fill) : ToString());
    }

    private string Fill(Match place)
    {
        var tables = place.Groups["table"].Captures.Select(name => _tables.Find(table => table.Name == name.Value)!).Where(table => !table.IsEmpty).ToArray();
        return tables.Length == 0
            ? place.Value
            : $"{place.Groups["begin"].Value}\n{Preface}\n\n{string.Join('\n', tables.Select(table => table.Markdown))}<!-- /benchmark -->";
    }

    private string Preface => string.Create(CultureInfo.InvariantCulture,
        $"Rates are medians of {settings.Runs} runs, with {Environment.ProcessorCount} cores and {RuntimeInformation.FrameworkDescription}, all in one process, over TCP sockets.");

    [GeneratedRegex(@"(?<begin><!-- benchmark:( (?<table>[\w-]+))+ -->)\n.*?<!-- /benchmark -->", RegexOptions.Singleline)]
    private static partial Regex Place();
}
