using System.Globalization;

namespace Casty.Orleans.Protocol.Tests.Simulation;

/// <summary>
/// The promises, over many worlds. CASTY_SEEDS says how many (default 10000); CASTY_SEED replays one.
/// </summary>
public abstract class SimulationTests
{
    protected const int Shards = 4;
    private const int MostFailures = 10;

    private protected static void Run(int shard, Func<Random, Scenario> plan, int defaultSeeds)
    {
        if (Number("CASTY_SEED") is { } one)
        {
            if (shard == 0) World.Run(one, plan, isTraced: true);
            return;
        }

        int seeds = Number("CASTY_SEEDS") ?? defaultSeeds;
        var failures = new List<string>();
        for (int seed = shard; seed < seeds && failures.Count < MostFailures; seed += Shards)
        {
            try
            {
                World.Run(seed, plan);
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

/// <summary>One consumer. One class for each shard, so that they run in parallel.</summary>
public abstract class SingleSimulationTests(int shard) : SimulationTests
{
    [Fact]
    public void OneConsumer_BadWiresAndSuddenEnds_PromisesHold() => Run(shard, Scenario.From, 10_000);
}

/// <summary>Several consumers.</summary>
public abstract class FanSimulationTests(int shard) : SimulationTests
{
    [Fact]
    public void SeveralConsumers_BadWiresAndSuddenEnds_PromisesHold() => Run(shard, Scenario.FanFrom, 10_000);
}

/// <summary>What a seed brings to light can be looked at again.</summary>
public sealed class SeedTests
{
    [Fact]
    public void ASeed_ReproducesItsRun()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Assert.Equal(World.Trace(seed, Scenario.From), World.Trace(seed, Scenario.From));
            Assert.Equal(World.Trace(seed, Scenario.FanFrom), World.Trace(seed, Scenario.FanFrom));
        }
    }
}

public sealed class SingleSimulationShard0Tests() : SingleSimulationTests(0);

public sealed class SingleSimulationShard1Tests() : SingleSimulationTests(1);

public sealed class SingleSimulationShard2Tests() : SingleSimulationTests(2);

public sealed class SingleSimulationShard3Tests() : SingleSimulationTests(3);

public sealed class FanSimulationShard0Tests() : FanSimulationTests(0);

public sealed class FanSimulationShard1Tests() : FanSimulationTests(1);

public sealed class FanSimulationShard2Tests() : FanSimulationTests(2);

public sealed class FanSimulationShard3Tests() : FanSimulationTests(3);
