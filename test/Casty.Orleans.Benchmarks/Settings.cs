namespace Casty.Orleans.Benchmarks;

/// <summary>The arguments make no sense: the message is printed, and the exit code is 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>When a row is measured if nobody asks for it by name.</summary>
internal enum Effort
{
    /// <summary>Always.</summary>
    Quick,

    /// <summary>Unless the run is quick.</summary>
    Normal,

    /// <summary>With <c>--all</c>.</summary>
    Heavy,
}

/// <summary>What a run measures.</summary>
internal sealed record Settings
{
    public const string Help = """
        Casty.Orleans.Benchmarks: streams beside what one would otherwise take.

          Casty.Orleans.Benchmarks [options]
            --quick          less than a minute: the rows that matter most, medians of three short runs
            --all            the heavy rows too: 10,000 streams
            --only NAME      one table, or the rows whose scenario or system has NAME in its name; heavy ones included
            --markdown FILE  write the tables there. A file that has <!-- benchmark: TABLE … --> and <!-- /benchmark --> gets
                             those that were measured in between; any other gets all. May be given several times
            --list           the tables
            --curves DIR     instead: throughput and waiting time over demand, buffer and byte window, as SVG
            --help

        Exit codes: 0 it was measured, 2 the arguments make no sense. A system that loses an element ends the run.
        """;

    public Effort Effort { get; private set; } = Effort.Normal;

    public string Only { get; private set; } = "";

    public List<string> Markdown { get; } = [];

    public string? Curves { get; private set; }

    public bool IsList { get; private set; }

    public bool IsHelp { get; private set; }

    public bool IsQuick => Effort == Effort.Quick;

    /// <summary>Runs that count; the table has their median.</summary>
    public int Runs => IsQuick ? 3 : 5;

    /// <summary>Runs before those.</summary>
    public int WarmUps => IsQuick ? 1 : 3;

    public int Scaled(int count) => IsQuick ? count / 3 : count;

    /// <summary>Whether to measure a row.</summary>
    public bool Wants(Effort effort, string table, string row) =>
        Only.Length == 0 ? effort <= Effort
        : Scenarios.All.Any(one => one.Table == Only) ? Only == table
        : row.Contains(Only, StringComparison.OrdinalIgnoreCase);

    public static Settings Parse(string[] args)
    {
        var settings = new Settings();
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i];
            string Value() => ++i < args.Length ? args[i] : throw new UsageException($"'{name}' needs a value.");
            switch (name)
            {
                case "--quick": settings.Effort = Effort.Quick; break;
                case "--all": settings.Effort = Effort.Heavy; break;
                case "--only": settings.Only = Value(); break;
                case "--markdown": settings.Markdown.Add(Value()); break;
                case "--curves": settings.Curves = Value(); break;
                case "--list": settings.IsList = true; break;
                case "--help": settings.IsHelp = true; break;
                default: throw new UsageException($"There is no '{name}'. --help tells what there is.");
            }
        }

        return settings;
    }
}
