namespace Casty.Orleans.Chaos.Processes;

/// <summary>What befell a process, and from when on its ends may not be counted upon. Times are milliseconds of the machine's clock.</summary>
/// <param name="What">Killed, stopped, paused, or died by itself.</param>
/// <param name="From">When it began.</param>
internal sealed record Fate(string What, long From)
{
    /// <summary>When what was begun since can be counted upon again: never, but for a pause.</summary>
    public long Until { get; set; } = long.MaxValue;

    /// <summary>When the membership had the silo dead; null if it has not, or is none.</summary>
    public long? DeclaredAt { get; set; }

    /// <summary>The process stood still, and may have gone on.</summary>
    public bool IsPause { get; init; }

    /// <summary>The process was asked: it had the time to say goodbye.</summary>
    public bool IsGraceful { get; init; }
}
