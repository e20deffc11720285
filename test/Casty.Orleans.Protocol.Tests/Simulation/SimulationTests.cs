using System.Globalization;

namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>
/// The promises, over many worlds. CASTY_SEEDS says how many (default 10000); CASTY_SEED replays one.
/// </summary>
public abstract class SimulationTests(int shard)
{
    private const int Shards = 4;
    private const int MostFailures = 10;

    [Fact]
    public void World_BadWiresAndSuddenEnds_PromisesHold()
    {
        if (Number("CASTY_SEED") is { } one)
        {
            if (shard == 0) World.Run(one, isTraced: true);
            return;
        }

        int seeds = Number("CASTY_SEEDS") ?? 10_000;
        var failures = new List<string>();
        for (int seed = shard; seed < seeds && failures.Count < MostFailures; seed += Shards)
        {
            try
            {
                World.Run(seed);
            }
            catch (Exception exception)
            {
                failures.Add($"CASTY_SEED={seed}: {exception.Message}");
            }
        }

        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Integer, CultureInfo.InvariantCulture, out int number) ? number : null;
}

// One class each, so that they run in parallel.
public sealed class SimulationShard0Tests() : SimulationTests(0);

public sealed class SimulationShard1Tests() : SimulationTests(1);

public sealed class SimulationShard2Tests() : SimulationTests(2);

public sealed class SimulationShard3Tests() : SimulationTests(3);
