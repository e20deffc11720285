using System.Globalization;

namespace Casty.Orleans.Chaos;

/// <summary>The arguments make no sense: the message is printed, and the exit code is 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What a run does, as <c>--name value</c>.</summary>
internal sealed record Settings
{
    public const string Help = """
        Casty.Orleans.Chaos: streams between processes that are killed, stopped, paused and restarted, checked element by element.

          Casty.Orleans.Chaos [options]
            --scenario S   what goes wrong (mix): none, reader-dies, writer-dies, client-restart, kill-silo, stop-silo, roll,
                           pause, pause-silo, mix
            --seed N       decides the streams and the faults, though not the moments in which they meet
            --seconds N    for how long things go wrong (900)
            --kills N      ... or until so many processes were killed (100)
            --silos N      silos beside the one that keeps the membership (4)
            --clients N    (2)
            --streams N    how many streams live at a time (24)
            --lease N      CastyStreamsOptions.LeaseDuration, in seconds (10)
            --logs DIR     keep what each process logs
            --verbose      tell of every fault and every stream
            --quick        less than a minute: 3 silos, 12 streams, 15 seconds, 4 kills, a lease of 4

          Casty.Orleans.Chaos soak [--minutes 30]
            streams opened and ended in every way, all the time, in one process: nothing may grow

        Exit codes: 0 all is well, 1 something was violated, 2 the arguments make no sense.
        """;

    public string Scenario { get; private init; } = "mix";

    public int Seed { get; private init; }

    public TimeSpan Duration { get; private init; }

    public int Kills { get; private init; }

    public int Silos { get; private init; }

    public int Clients { get; private init; }

    public int Streams { get; private init; }

    public TimeSpan Lease { get; private init; }

    public string? Logs { get; private init; }

    public bool IsVerbose { get; private init; }

    public static Settings Parse(string[] args)
    {
        var values = new Dictionary<string, string>();
        bool quick = false, verbose = false;
        for (int i = 0; i < args.Length; i++)
        {
            if (args[i] == "--quick") quick = true;
            else if (args[i] == "--verbose") verbose = true;
            else if (args[i] is not ("--scenario" or "--seed" or "--seconds" or "--kills" or "--silos" or "--clients" or "--streams" or "--lease" or "--logs"))
            {
                throw new UsageException($"There is no '{args[i]}'. --help tells what there is.");
            }
            else if (i + 1 == args.Length) throw new UsageException($"'{args[i]}' needs a value.");
            else values[args[i]] = args[++i];
        }

        int Number(string name, int otherwise, int min) => !values.TryGetValue(name, out string? text) ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= min ? value
            : throw new UsageException($"'{name}' must be a whole number from {min}, not '{text}'.");

        return new Settings
        {
            Scenario = values.GetValueOrDefault("--scenario", "mix"),
            Seed = Number("--seed", Random.Shared.Next(1, 1_000_000), 0),
            Duration = TimeSpan.FromSeconds(Number("--seconds", quick ? 15 : 900, 1)),
            Kills = Number("--kills", quick ? 4 : 100, 1),
            Silos = Number("--silos", quick ? 3 : 4, 1),
            Clients = Number("--clients", 2, 0),
            Streams = Number("--streams", quick ? 12 : 24, 1),
            Lease = TimeSpan.FromSeconds(Number("--lease", quick ? 4 : 10, 1)),
            Logs = values.GetValueOrDefault("--logs"),
            IsVerbose = verbose,
        };
    }
}
