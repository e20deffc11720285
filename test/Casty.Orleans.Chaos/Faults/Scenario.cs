using Casty.Orleans.Chaos.Roles;

namespace Casty.Orleans.Chaos.Faults;

internal enum Fault
{
    KillSilo,
    StopSilo,
    PauseSilo,
    KillClient,
    StopClient,
    PauseClient,
    RollSilos,
}

/// <summary>What goes wrong, and where the ends live meanwhile.</summary>
/// <param name="Faults">What goes wrong, and how often each in proportion to the others.</param>
/// <param name="Writers">Where writers live; null is anywhere.</param>
/// <param name="Readers">Where readers live; null is anywhere.</param>
internal sealed record Scenario((Fault Fault, int Weight)[] Faults, RoleKind? Writers = null, RoleKind? Readers = null)
{
    public static Scenario Of(string name) => name switch
    {
        "none" => new([]),
        "reader-dies" => new([(Fault.KillClient, 1)], Writers: RoleKind.Silo, Readers: RoleKind.Client),
        "writer-dies" => new([(Fault.KillClient, 1)], Writers: RoleKind.Client, Readers: RoleKind.Silo),
        "client-restart" => new([(Fault.StopClient, 1)]),
        "kill-silo" => new([(Fault.KillSilo, 1)]),
        "stop-silo" => new([(Fault.StopSilo, 1)]),
        "roll" => new([(Fault.RollSilos, 1)]),
        "pause" => new([(Fault.PauseClient, 1)]),
        "pause-silo" => new([(Fault.PauseSilo, 1)]),
        "mix" => new([(Fault.KillSilo, 55), (Fault.StopSilo, 15), (Fault.PauseSilo, 4), (Fault.KillClient, 10), (Fault.StopClient, 6), (Fault.PauseClient, 6), (Fault.RollSilos, 4)]),
        _ => throw new UsageException($"There is no scenario '{name}'. --help tells what there is."),
    };

    public int Weight => Faults.Sum(one => one.Weight);

    /// <summary>Which part of the faults kills.</summary>
    public double KillShare => Weight == 0 ? 0 : (double)Faults.Where(one => one.Fault is Fault.KillSilo or Fault.KillClient).Sum(one => one.Weight) / Weight;

    public Fault Roll(Random dice)
    {
        int roll = dice.Next(Weight);
        foreach (var (fault, weight) in Faults)
        {
            if (roll < weight) return fault;
            roll -= weight;
        }

        throw new InvalidOperationException("The dice rolled beyond the weights.");
    }
}
