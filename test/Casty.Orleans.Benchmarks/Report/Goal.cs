using System.Globalization;

namespace Casty.Orleans.Benchmarks;

/// <summary>What a row is to reach.</summary>
/// <param name="Text">The goal, as the table has it.</param>
/// <param name="Reached">What was reached of it, and whether that is enough; null where what it compares with was not measured.</param>
internal sealed record Goal(string Text, Func<Measured, Func<string, Measured?>, (string Value, bool IsEnough)?> Reached)
{
    /// <summary>So many times as fast as another row.</summary>
    public static Goal Rate(double times, string other, string name) => new(Invariant($"≥ {times:0.0#} × {name}"), (mine, find) =>
        find(other) is { } theirs ? (Invariant($"{mine.Rate / theirs.Rate:0.00}"), mine.Rate >= times * theirs.Rate) : null);

    /// <summary>So many bytes for an element.</summary>
    public static Goal Bytes(double most) => new(Invariant($"≤ {most:0} B"), (mine, _) => (Invariant($"{mine.Bytes:0}"), mine.Bytes < most + 0.5));

    /// <summary>No more bytes for an element than another row.</summary>
    public static Goal BytesOf(string other, string name) => new($"allocates no more than {name}", (mine, find) =>
        find(other) is { } theirs ? (Invariant($"{mine.Bytes / theirs.Bytes:0.00} of it"), mine.Bytes <= theirs.Bytes) : null);

    public static string Judge(string text, string value, bool isEnough) => $"{text}: {(isEnough ? "reached" : "**missed**")} ({value})";

    public static string Judge(IEnumerable<Goal> goals, Measured mine, Func<string, Measured?> find) => string.Join("; ", goals.Select(goal =>
        goal.Reached(mine, find) is var (value, isEnough) ? Judge(goal.Text, value, isEnough) : $"{goal.Text}: not measured"));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Medians of a system.</summary>
/// <param name="Rate">Elements per second.</param>
/// <param name="Bytes">Bytes allocated per element.</param>
internal sealed record Measured(double Rate, double Bytes);
