using Casty.Orleans.Chaos.Faults;
using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos;

/// <summary>A run: starts the cluster, lets streams flow and things go wrong, waits until every stream is decided, and tells.</summary>
internal static class Orchestrator
{
    public static async Task<bool> RunAsync(Settings settings)
    {
        var scenario = Scenario.Of(settings.Scenario);
        var tally = new Tally(settings.IsVerbose);
        tally.Print($"seed {settings.Seed}, scenario {settings.Scenario}, {settings.Silos} silos and {settings.Clients} clients, "
            + $"{settings.Streams} streams at a time, a lease of {settings.Lease.TotalSeconds} s");

        await using var processes = new ProcessGroup(settings);
        await processes.StartAsync();
        tally.Print("The cluster has started.");

        var conductor = new Conductor(settings, scenario, processes, tally);
        var driver = new FaultDriver(settings, scenario, processes, tally);
        using var stop = new CancellationTokenSource();
        var keeping = driver.KeepAsync(stop.Token);
        var faults = driver.RunAsync();
        for (int tick = 1; !faults.IsCompleted || conductor.Live > 0; tick++)
        {
            conductor.IsOpening = !faults.IsCompleted;
            conductor.Tick();
            if (tick % 100 == 0) tally.Print($"{conductor.Live} streams live, {tally.Decided} decided, {conductor.CountElements():N0} elements; {tally.Done}");
            await Task.Delay(100);
        }

        await faults;
        await stop.CancelAsync();
        await keeping;
        Tell(settings, processes, conductor, tally);
        return tally.Problems.Count == 0;
    }

    private static void Tell(Settings settings, ProcessGroup processes, Conductor conductor, Tally tally)
    {
        var fates = processes.All.SelectMany(process => process.Fates).ToArray();
        int unasked = fates.Count(fate => fate.What.StartsWith("died", StringComparison.Ordinal));
        Console.WriteLine();
        Console.WriteLine($"seed      {settings.Seed}, scenario {settings.Scenario}");
        Console.WriteLine($"done      {tally.Done}; {unasked} died by themselves");
        Console.WriteLine($"streams   {tally.Decided}: {tally.Verdicts}");
        Console.WriteLine($"elements  {tally.Elements:N0}");
        Console.WriteLine($"opens that had to be repeated  {tally.FailedOpens}");
        long[] declared = [.. fates.Where(fate => fate is { What: "killed", DeclaredAt: not null }).Select(fate => fate.DeclaredAt!.Value - fate.From).Order()];
        if (declared.Length > 0) Console.WriteLine($"membership  had a killed silo dead: median {declared[declared.Length / 2]} ms, worst {declared[^1]} ms, over {declared.Length} kills");
        foreach (string line in conductor.Pauses.Tell(fates.Where(fate => fate.What == "killed").Select(fate => fate.From))) Console.WriteLine(line);
        if (tally.Decided == 0) tally.Problem("No stream was decided.");
        Console.WriteLine(tally.Problems.Count == 0 ? "chaos: OK" : $"chaos: {tally.Problems.Count} violations");
    }
}
