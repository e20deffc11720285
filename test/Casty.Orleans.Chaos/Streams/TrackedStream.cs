using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>One run of one stream: its ends, and everything that was heard of it.</summary>
internal sealed class TrackedStream(StreamPlan plan)
{
    private readonly List<string> _history = [];
    private long _progress;

    public StreamPlan Plan => plan;

    public long StartedAt { get; } = Environment.TickCount64;

    public List<TrackedEnd> Writers { get; } = [];

    public List<TrackedConsumer> Consumers { get; } = [.. plan.Consumers.Select((one, i) => new TrackedConsumer(one, i))];

    /// <summary>The readers of all its consumers.</summary>
    public IReadOnlyList<TrackedEnd> Readers => [.. Consumers.SelectMany(consumer => consumer.Readers)];

    public IEnumerable<TrackedEnd> Ends => Writers.Concat(Readers);

    /// <summary>How long its reader waited for elements, where that was long.</summary>
    public List<(long Since, long Until)> Gaps { get; } = [];

    /// <summary>When anything was last heard of it, or an element last moved.</summary>
    public long LastChange { get; private set; } = Environment.TickCount64;

    /// <summary>When an element last moved.</summary>
    public long LastProgress { get; private set; } = Environment.TickCount64;

    /// <summary>When its writers were told to begin.</summary>
    public long? WentAt { get; set; }

    /// <summary>The number after the last element of a writer's that any of its readers was given; of a balanced stream, how many they were.</summary>
    public long Delivered(int writer) => Readers.Count == 0 ? 0
        : plan.Delivery == StreamDelivery.Balanced ? Readers.Sum(reader => reader.Next(writer)) : Readers.Max(reader => reader.Next(writer));

    public long DeliveredTo(TrackedEnd reader) => Enumerable.Range(0, plan.Counts.Length).Sum(reader.Next);

    /// <summary>How many elements its consumers were given.</summary>
    public long Elements => plan.Delivery == StreamDelivery.Broadcast
        ? Readers.Sum(reader => Enumerable.Range(0, plan.Counts.Length).Sum(writer => reader.Next(writer) - (reader.First(writer) ?? 0)))
        : Enumerable.Range(0, plan.Counts.Length).Sum(Delivered);

    public void Hear(TrackedEnd end, Report report)
    {
        end.Hear(report);
        if (report.What == Happened.Gap) Gaps.Add((report.Since, report.At));
        LastChange = Environment.TickCount64;
        Note($"{NameOf(end)} {report.What}{(report.Error is null ? "" : $" {report.Error}")}{(report.Text is null ? "" : $": {report.Text}")}"
            + (report.Since == 0 ? "" : $" of {report.At - report.Since} ms"), report.At);
    }

    public void Note(string what, long? at = null) => _history.Add($"{(at ?? Environment.TickCount64) - StartedAt,7} ms  {what}");

    public string NameOf(TrackedEnd end) => Consumers.Find(consumer => consumer.Readers.Contains(end)) is { } consumer
        ? $"reader {(plan.IsSingle ? "" : $"{consumer.Index}.")}{end.Index} ({end.Process.Name})"
        : $"writer {end.Index} ({end.Process.Name})";

    /// <summary>Looks whether elements have moved.</summary>
    public void Look()
    {
        long progress = Writers.Sum(writer => writer.Putting + writer.Put) + Readers.Sum(DeliveredTo);
        if (progress == _progress) return;
        _progress = progress;
        LastProgress = LastChange = Environment.TickCount64;
    }

    /// <summary>All that is known, for whoever has to find out what went wrong.</summary>
    public IEnumerable<string> Tell()
    {
        yield return plan.ToString();
        foreach (var writer in Writers)
        {
            yield return $"  {NameOf(writer)}: put {writer.Put} of {plan.Counts[writer.Index]}, delivered {Delivered(writer.Index)}; {End(writer)}";
        }

        foreach (var reader in Readers)
        {
            var given = plan.Counts.Select((_, writer) => reader.First(writer) is not { } first ? "none"
                : plan.Delivery == StreamDelivery.Balanced ? $"{reader.Next(writer)} from {first} on" : $"{first}..{reader.Next(writer) - 1}");
            yield return $"  {NameOf(reader)}: given {string.Join(", ", given)}; {End(reader)}";
        }

        foreach (string line in _history) yield return $"  {line}";
        yield return $"  {LastProgress - StartedAt,7} ms  the last element moved; looked at after {Environment.TickCount64 - StartedAt} ms";

        string End(TrackedEnd end) => (end.Outcome is { } outcome ? $"{outcome.What} {outcome.Error}" : end.IsOver ? "died" : "not over")
            + (end.Fate is { } fate ? $"; its process was {fate.What} at {fate.From - StartedAt} ms" : "");
    }
}
