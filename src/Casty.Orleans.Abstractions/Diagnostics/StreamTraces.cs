using System.Diagnostics;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>The traces that an end belongs to.</summary>
/// <param name="Own">What opened it; empty where that was not traced.</param>
/// <param name="Stream">What opened the first end of its stream; empty where that was not traced.</param>
internal sealed record TraceLinks(ActivityContext Own, ActivityContext Stream)
{
    public static TraceLinks? To(string? id) => StreamTraces.Parse(id) is var context && context == default ? null : new TraceLinks(context, context);
}

/// <summary>
/// The activities of one process: that an end was opened, how it went on, and how it ended. Nothing of what happens in between is traced,
/// and nothing is looked at while nobody listens.
/// </summary>
internal sealed class StreamTraces(ActivitySource? source)
{
    public const string Open = "casty.stream.open";
    public const string Join = "casty.stream.join";
    public const string Resume = "casty.stream.resume";
    public const string Rebuild = "casty.stream.rebuild";
    public const string Over = "casty.stream.end";

    /// <summary>The process' own; null where there is no cluster.</summary>
    public ActivitySource? Source => source;

    public bool IsWanted => source is not null && source.HasListeners();

    /// <summary>When something begins that is told of when it is done.</summary>
    public DateTimeOffset Begin() => IsWanted ? DateTimeOffset.UtcNow : default;

    /// <summary>What goes along with a request, so that whoever answers it knows what it belongs to.</summary>
    public static string? IdOf(Activity? activity) => activity is { IdFormat: ActivityIdFormat.W3C } ? activity.Id : null;

    public static ActivityContext Parse(string? id) => ActivityContext.TryParse(id, null, isRemote: true, out var context) ? context : default;

    /// <summary>An end is being opened, as a part of whatever its caller does.</summary>
    public Activity? StartOpen(StreamRole role, string name, Type elementType, string? consumer)
    {
        if (source?.StartActivity(Open, ActivityKind.Client) is not { } activity) return null;
        Describe(activity, role, name, elementType.ToString());
        if (consumer is not null) activity.SetTag(StreamTags.Consumer, consumer);
        return activity;
    }

    /// <summary>An end is open: the activity that opened it is over, and linked to the one that opened the first end.</summary>
    /// <param name="opening">The end's own; null where it is not traced.</param>
    /// <param name="stream">What the producer said about the first.</param>
    public static TraceLinks? End(Activity? opening, string? stream)
    {
        var own = opening?.Context ?? default;
        var first = Parse(stream);
        foreach (var link in LinksTo(first, own) ?? []) opening?.AddLink(link);
        opening?.Dispose();
        return own == default && first == default ? null : new TraceLinks(own, first);
    }

    /// <summary>An end asks how its stream goes on. In no other trace than its own: what made it ask is nobody's doing.</summary>
    public Activity? StartResume(StreamRole role, string name, string elementType, TraceLinks? links)
    {
        if (!IsWanted) return null;

        Activity.Current = null;   // of an asynchronous method that does nothing else
        var own = links?.Own ?? default;
        var activity = source!.StartActivity(Resume, ActivityKind.Client, own, links: LinksTo(links?.Stream ?? default, own));
        if (activity is not null) Describe(activity, role, name, elementType);
        return activity;
    }

    /// <summary>An end has come to a producer, or gone on with it.</summary>
    public void OnJoined(string name, string elementType, StreamKey stream, StreamRole role, string? asker, string? first, DateTimeOffset since)
    {
        if (IsWanted) Tell(Join, ActivityKind.Server, Parse(asker), Parse(first), since, activity => Describe(activity, role, name, elementType, stream));
    }

    public void OnRebuilt(string name, string elementType, StreamKey stream, string? asker, DateTimeOffset since)
    {
        if (IsWanted) Tell(Rebuild, ActivityKind.Internal, Parse(asker), default, since, activity => Describe(activity, StreamRole.Producer, name, elementType, stream));
    }

    /// <summary>A stream is over for an end.</summary>
    public void OnEnded(StreamRole role, string name, string elementType, StreamKey stream, TraceLinks? links, string reason, StreamEnd end)
    {
        if (!IsWanted) return;
        Tell(Over, ActivityKind.Internal, links?.Own ?? default, links?.Stream ?? default, default, activity =>
        {
            Describe(activity, role, name, elementType, stream);
            activity.SetTag(StreamTags.Reason, reason);
            if (end.Reason is StreamEndReason.Completed or StreamEndReason.Cancelled) return;
            activity.SetStatus(ActivityStatusCode.Error, end.Message);
            if (end.Cause is { } cause) activity.SetTag(StreamTags.ErrorType, cause.GetType().FullName);
        });
    }

    /// <summary>What could not be done, and why.</summary>
    public static void Fail(Activity? activity, Exception exception)
    {
        activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
        activity?.SetTag(StreamTags.ErrorType, exception.GetType().FullName);
    }

    /// <summary>What is linked to, where that is another activity.</summary>
    public static ActivityLink[]? LinksTo(ActivityContext other, ActivityContext own) =>
        other == default || (other.TraceId == own.TraceId && other.SpanId == own.SpanId) ? null : [new ActivityLink(other)];

    /// <summary>Something has happened. It belongs to nothing that this thread happens to do.</summary>
    private void Tell(string name, ActivityKind kind, ActivityContext parent, ActivityContext other, DateTimeOffset since, Action<Activity> describe)
    {
        var current = Activity.Current;
        Activity.Current = null;
        try
        {
            using var activity = source!.StartActivity(name, kind, parent, links: LinksTo(other, parent), startTime: since);
            if (activity is not null) describe(activity);
        }
        finally
        {
            Activity.Current = current;
        }
    }

    private static void Describe(Activity activity, StreamRole role, string name, string elementType)
    {
        activity.SetTag(StreamTags.Name, name);
        activity.SetTag(StreamTags.ElementType, elementType);
        activity.SetTag(StreamTags.Role, StreamTags.Of(role));
    }

    private static void Describe(Activity activity, StreamRole role, string name, string elementType, StreamKey stream)
    {
        Describe(activity, role, name, elementType);
        if (stream == default) return;
        activity.SetTag(StreamTags.Id, stream.Id.ToString());
        activity.SetTag(StreamTags.Incarnation, stream.Incarnation);
    }
}
