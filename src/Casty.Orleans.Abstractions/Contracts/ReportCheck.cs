using System.Diagnostics.CodeAnalysis;

namespace Casty.Orleans;

/// <summary>Checks what an end reports to a producer that does not know it: no correct end can say what is refused here.</summary>
internal static class ReportCheck
{
    /// <summary>Lifetimes are numbered by the clock, and each goes beyond the one before.</summary>
    private static readonly long LastIncarnation = DateTime.MaxValue.Ticks;

    /// <exception cref="ArgumentException">It cannot be true.</exception>
    public static void Validate(this StreamWriterReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Key(report.Stream, report.Incarnation, report.Opened);
        Refuse(report.Writer <= 0, $"A writer reports {report.Writer} as its number.");
        Refuse(report.Confirmed < 0 || report.Put < report.Confirmed || report.Held < report.Put || report.Put == long.MaxValue,
            $"A writer reports {report.Put} elements put, {report.Confirmed} finished and credit up to {report.Held}.");
        Refuse(report.End is { Reason: not (StreamEndReason.Completed or StreamEndReason.Failed or StreamEndReason.Abandoned) } end,
            $"A writer reports that it ended as {report.End?.Reason}, which is no way for a writer to end.");
        Roster(report.Roster);
    }

    /// <exception cref="ArgumentException">It cannot be true.</exception>
    public static void Validate(this StreamReaderReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Key(report.Stream, report.Incarnation, report.Opened);
        Refuse(report.Epoch is <= 0 or long.MaxValue, $"A reader reports {report.Epoch} as its epoch.");
        Refuse(report.Finished < 0 || report.Received < report.Finished || report.Received == long.MaxValue,
            $"A reader reports {report.Received} elements received and {report.Finished} finished.");
        Refuse(report.Unfinished is null || report.Positions is null, "A reader reports without saying how far it is with its writers.");

        // The runs tile what is received and not finished; the first may begin before.
        long next = report.Unfinished is [var first, ..] ? first.First : report.Received;
        Refuse(next < 0 || next > report.Finished, "A reader reports elements that are nobody's.");
        foreach (var run in report.Unfinished)
        {
            Refuse(run.First != next || run.Count <= 0 || run.Count > report.Received - next || run.Writer <= 0 || run.WriterFirst < 0 || run.WriterFirst > long.MaxValue - run.Count,
                $"A reader reports {run.Count} elements of writer {run.Writer} at {run.First}.");
            next += run.Count;
        }

        Refuse(next != report.Received, "A reader reports elements that are nobody's.");
        foreach (var position in report.Positions)
        {
            Refuse(position.Writer <= 0 || position.Next < 0, $"A reader reports that it is at {position.Next} with writer {position.Writer}.");
        }

        Refuse(report.End is { } end && (end.Reason == StreamEndReason.None || !Enum.IsDefined(end.Reason)), $"A reader reports {report.End?.Reason} as the stream's end.");
        Refuse(!Enum.IsDefined(report.Delivery), $"A reader reports {report.Delivery} as the stream's delivery.");
        Roster(report.Roster);
    }

    private static void Key(Guid stream, long incarnation, long opened)
    {
        Refuse(stream == Guid.Empty, "An end reports to no stream.");
        Refuse(incarnation < 0 || incarnation > LastIncarnation || opened < 0 || opened > LastIncarnation, $"An end reports that it belonged to lifetimes {opened} and {incarnation}.");
    }

    private static void Roster(StreamRoster? roster)
    {
        if (roster is null) return;
        Refuse(roster.Writers is null || roster.Basis is null, "A roster has no list of writers, or of what went into it.");
        Refuse(roster.Incarnation < 0 || roster.Incarnation > LastIncarnation || roster.Version < 0 || roster.Epoch < 0 || roster.Epoch == long.MaxValue,
            $"A roster is number {roster.Version} of lifetime {roster.Incarnation}, with reader {roster.Epoch}.");
        Refuse(roster.BufferSize < 0 || (roster.SubscriptionTimeout <= TimeSpan.Zero && roster.SubscriptionTimeout != Timeout.InfiniteTimeSpan),
            $"A roster gives a buffer of {roster.BufferSize} and a subscription timeout of {roster.SubscriptionTimeout}.");
        Refuse(roster.UnreadFor < TimeSpan.Zero, $"A roster says that nobody has read for {roster.UnreadFor}.");
        Refuse(roster.Delivery is not (null or StreamDelivery.Broadcast or StreamDelivery.Balanced) || !Enum.IsDefined(roster.SlowConsumer) || roster.Subscriptions is null,
            $"A roster says that the stream has delivery {roster.Delivery}, and {roster.SlowConsumer} for slow consumers.");
        foreach (var entry in roster.Subscriptions)
        {
            Refuse(string.IsNullOrEmpty(entry?.Consumer) || entry.Epoch is < 0 or long.MaxValue || entry.Positions is null || Array.Exists(entry.Positions, one => one.Writer <= 0 || one.Next < 0),
                $"A roster says that consumer '{entry?.Consumer}' has reader {entry?.Epoch}.");
        }

        foreach (var entry in roster.Writers)
        {
            Refuse(entry.Writer < 0 || entry.EndAt < -1 || entry.Finished < 0 || !Enum.IsDefined(entry.Outcome),
                $"A roster says that writer {entry.Writer} ended at {entry.EndAt} as {entry.Outcome}, with {entry.Finished} finished.");
        }
    }

    private static void Refuse([DoesNotReturnIf(true)] bool isWrong, string why)
    {
        if (isWrong) throw new ArgumentException(why, "report");
    }
}
