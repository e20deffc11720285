namespace Casty.Orleans.Chaos.Roles;

internal enum RoleKind
{
    /// <summary>A silo that keeps the membership and hosts no stream.</summary>
    Membership,
    Silo,
    Client,
}

/// <summary>What a process is to be: the one argument behind the hidden command.</summary>
internal sealed record RoleSettings
{
    public const string Command = "role";

    public required RoleKind Kind { get; init; }

    public required string Recorder { get; init; }

    public required int MembershipPort { get; init; }

    public int Port { get; init; }

    public int Gateway { get; init; }

    /// <summary>Where a client finds silos.</summary>
    public int[] Gateways { get; init; } = [];

    public TimeSpan Lease { get; init; }

    public bool LogsEverything { get; init; }
}
