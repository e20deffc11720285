using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>
/// What the ends of one role and one type of elements in a process add to its instruments. Called once per batch at most, and outside of
/// locks: whoever listens runs its own code.
/// </summary>
internal sealed class EndMeter(StreamMetrics metrics, string elementType, StreamRole role)
{
    private readonly KeyValuePair<string, object?> _type = new(StreamTags.ElementType, elementType);
    private readonly KeyValuePair<string, object?> _role = new(StreamTags.Role, StreamTags.Of(role));

    /// <summary>Somebody wants to know how elements came: those that came twice or early have to be looked for.</summary>
    public bool IsRepairWanted => metrics.ElementsDropped.Enabled || metrics.BatchesReordered.Enabled;

    public bool IsWaitWanted => metrics.Wait.Enabled;

    public bool IsDeliveryWanted => metrics.Delivery.Enabled;

    /// <param name="batches">What the message carried.</param>
    /// <param name="resent">How many of the elements had been sent before.</param>
    public void OnSent<T>(Batch<T>[] batches, long resent)
    {
        if (batches.Length == 0) return;
        if (metrics.ElementsSent.Enabled)
        {
            long elements = -resent;
            foreach (var batch in batches) elements += batch.Elements.Count;
            if (elements > 0) metrics.ElementsSent.Add(elements, _type, _role);
        }

        if (resent > 0) metrics.ElementsResent.Add(resent, _type, _role);
        if (metrics.BatchesSent.Enabled) metrics.BatchesSent.Add(1, _type, _role);
    }

    public void OnReceived(in Arrival arrival)
    {
        if (!arrival.HasElements) return;
        if (arrival.Elements > 0 && metrics.ElementsReceived.Enabled) metrics.ElementsReceived.Add(arrival.Elements, _type, _role);
        if (metrics.BatchesReceived.Enabled) metrics.BatchesReceived.Add(1, _type, _role);
        if (arrival.Dropped > 0) metrics.ElementsDropped.Add(arrival.Dropped, _type, _role);
        if (arrival.IsEarly) metrics.BatchesReordered.Add(1, _type, _role);
    }

    public void OnWaited(TimeSpan time) => metrics.Wait.Record(time.TotalSeconds, _type);

    public void OnDelivered(TimeSpan time) => metrics.Delivery.Record(time.TotalSeconds, _type, _role);

    public void OnResumed(string how) => metrics.Resumes.Add(1, _type, _role, new(StreamTags.Resume, how));

    public void OnEnded(string reason) => metrics.Ended.Add(1, _type, _role, new(StreamTags.Reason, reason));
}

/// <summary>What a message with elements brought.</summary>
/// <param name="HasElements">It carried some, and it was of the stream.</param>
/// <param name="Elements">How many are in order now that were not before.</param>
/// <param name="Dropped">How many had come before.</param>
/// <param name="IsEarly">Some of it waits for what comes before it.</param>
internal readonly record struct Arrival(bool HasElements, long Elements, long Dropped, bool IsEarly);

/// <summary>Follows one batch at a time from one side of a leg to the other. Guarded by its owner's lock.</summary>
internal struct DeliveryProbe()
{
    private long _position = long.MaxValue;
    private TimeSpan _since;

    public readonly bool IsOut => _position != long.MaxValue;

    /// <summary>The elements before <paramref name="position"/> are on their way.</summary>
    public void Begin(long position, TimeSpan now) => (_position, _since) = (position, now);

    /// <summary>How long they took, if they are all there now.</summary>
    public TimeSpan? End(long received, TimeSpan now)
    {
        if (received < _position) return null;
        _position = long.MaxValue;
        return now - _since;
    }

    /// <summary>Positions mean something else from now on.</summary>
    public void Forget() => _position = long.MaxValue;
}
