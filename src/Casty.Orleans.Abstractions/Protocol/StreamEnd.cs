namespace Casty.Orleans.Protocol;

/// <summary>How a stream, or a writer's part of it, ended. Ends are data: they are never thrown across the wire.</summary>
/// <param name="Reason">The kind of end.</param>
/// <param name="Message">What happened, with the numbers; null where the reason says it all.</param>
/// <param name="Cause">The exception that a writer or a reader gave, or null.</param>
internal sealed record StreamEnd(StreamEndReason Reason, string? Message = null, Exception? Cause = null)
{
    public static readonly StreamEnd Completed = new(StreamEndReason.Completed);

    public static readonly StreamEnd Cancelled = new(StreamEndReason.Cancelled, "The reader left the stream.");

    /// <summary>What goes in an exception's place where it cannot go itself.</summary>
    public static string NameOf(Exception cause) => $"{cause.GetType()}: {cause.Message}";
}
