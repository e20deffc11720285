using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Roles;

namespace Casty.Orleans.Chaos.Faults;

/// <summary>Lets things go wrong, one after the other and sometimes at once, for a bounded time.</summary>
internal sealed class FaultDriver(Settings settings, Scenario scenario, ProcessGroup processes, Tally tally)
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    private readonly Random _dice = new(settings.Seed + 1);
    private readonly long _start = Environment.TickCount64;

    /// <summary>Places that are being rolled are filled again at once.</summary>
    private volatile bool _isRolling;

    /// <summary>Until the time is over, or enough was killed.</summary>
    public async Task RunAsync()
    {
        if (scenario.Weight == 0)
        {
            await Task.Delay(settings.Duration);
            return;
        }

        using var over = new CancellationTokenSource(settings.Duration);
        var ending = new List<Task>();
        while (!over.IsCancellationRequested && tally.Killed < settings.Kills)
        {
            await Task.Delay(Interval());
            var fault = scenario.Roll(_dice);
            while (!over.IsCancellationRequested && !CanAct(fault)) await Task.Delay(100);
            if (!over.IsCancellationRequested) ending.Add(await ActAsync(fault));
        }

        await Task.WhenAll(ending);
    }

    /// <summary>Fills every place again whose process has died, after a while.</summary>
    public async Task KeepAsync(CancellationToken stop)
    {
        var filling = new List<Task>();
        var empty = new HashSet<Place>();
        while (!stop.IsCancellationRequested)
        {
            foreach (var place in processes.Silos.Concat(processes.Clients))
            {
                if (!place.Current!.IsDead || !empty.Add(place)) continue;
                var wait = TimeSpan.FromSeconds(_isRolling ? 0 : 4 * Random.Shared.NextDouble());
                filling.Add(FillAsync(place, wait));
            }

            await Task.Delay(100, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(filling);

        async Task FillAsync(Place place, TimeSpan wait)
        {
            await Task.Delay(wait);
            try
            {
                await processes.StartAsync(place);
                tally.Add("restarted");
            }
            catch (InvalidOperationException exception)
            {
                tally.Problem($"{exception.Message}\n{string.Join('\n', place.Current!.Logs)}");
            }

            lock (empty) empty.Remove(place);
        }
    }

    /// <summary>As many kills as are asked for, well within the time; where nothing is killed, something twice a lease.</summary>
    private TimeSpan Interval()
    {
        double left = settings.Duration.TotalSeconds - (Environment.TickCount64 - _start) / 1000.0;
        double mean = scenario.KillShare == 0
            ? settings.Lease.TotalSeconds / 2
            : Math.Clamp(0.7 * left * scenario.KillShare / Math.Max(1, settings.Kills - tally.Killed), 0.2, 20);
        return TimeSpan.FromSeconds(mean * (0.3 + 1.4 * _dice.NextDouble()));
    }

    /// <summary>A cluster without silos, and streams without ends, would prove little.</summary>
    private bool CanAct(Fault fault) => KindOf(fault) == RoleKind.Silo
        ? processes.Well(RoleKind.Silo).Count > settings.Silos / 2
        : processes.Well(RoleKind.Client).Count > 0;

    private static RoleKind KindOf(Fault fault) =>
        fault is Fault.KillClient or Fault.StopClient or Fault.PauseClient ? RoleKind.Client : RoleKind.Silo;

    /// <returns>What the fault goes on with meanwhile.</returns>
    private async Task<Task> ActAsync(Fault fault)
    {
        if (fault == Fault.RollSilos)
        {
            await RollAsync();
            return Task.CompletedTask;
        }

        var well = processes.Well(KindOf(fault));
        if (well.Count == 0) return Task.CompletedTask;   // it has died meanwhile
        var victim = well[_dice.Next(well.Count)];
        tally.Say($"{fault} {victim.Name}");
        switch (fault)
        {
            case Fault.KillSilo or Fault.KillClient:
                tally.Kill();
                victim.Kill();
                return Task.CompletedTask;

            case Fault.StopSilo or Fault.StopClient:
                tally.Add("stopped");
                victim.Stop();
                return StoppedAsync(victim);

            default:
                tally.Add("paused");
                return victim.PauseAsync(settings.Lease * (1.2 + 1.8 * _dice.NextDouble()), recovery: settings.Lease);
        }
    }

    private async Task RollAsync()
    {
        tally.Say("RollSilos");
        tally.Add("rolls");
        _isRolling = true;
        foreach (var place in processes.Silos)
        {
            var victim = place.Current!;
            if (!victim.IsWell) continue;
            victim.Stop();
            tally.Add("stopped");
            await StoppedAsync(victim);
            while (!place.Current!.IsWell) await Task.Delay(100);
        }

        _isRolling = false;
    }

    private async Task StoppedAsync(ChildProcess victim)
    {
        try
        {
            await victim.Exited.WaitAsync(StopLimit);
        }
        catch (TimeoutException)
        {
            tally.Problem($"{victim.Name} was asked to stop and had not after {StopLimit.TotalSeconds} s:\n{string.Join('\n', victim.Logs)}");
            victim.Kill();
        }
    }
}
