using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>What is measured, traced and told of a sink.</summary>
internal sealed partial class SinkEnd<T>
{
    private readonly EndMeter _meter;
    private DeliveryProbe _delivery = new();

    public StreamRole Role => StreamRole.Sink;

    public string ElementType => typeof(T).ToString();

    public bool IsLive => Outcome is null;

    /// <summary>The traces that it belongs to. Set before it starts.</summary>
    public TraceLinks? Traces { get; init; }

    /// <summary>Under the lock: one batch at a time is followed to the producer.</summary>
    private void Follow(in Frame<Element<T>> frame, TimeSpan now)
    {
        if (_meter.IsDeliveryWanted && !_delivery.IsOut && frame.Batches.Length > 0) _delivery.Begin(frame.Batches[^1].Next, now);
    }

    /// <summary>However the wait ends, it was one.</summary>
    private async Task MeasureAsync(Task wait)
    {
        var since = _host.Clock.Now;
        try
        {
            await wait.ConfigureAwait(false);
        }
        finally
        {
            _meter.OnWaited(_host.Clock.Now - since);
        }
    }

    private async Task<StreamJoined<T>?> AskAsync(Func<SinkEnd<T>, WriterReport, StreamHost, Task<StreamJoined<T>?>> rejoin, WriterReport report)
    {
        using var activity = _host.Traces.StartResume(Role, Producer, ElementType, Traces);
        try
        {
            return await Task.Run(() => rejoin(this, report, _host)).WaitAsync(_core.Timings.Patience).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            StreamTraces.Fail(activity, exception);
            throw;
        }
    }

    private void TellRejoined()
    {
        _meter.OnResumed(StreamTags.Rejoin);
        _host.Log.Rejoined("writer", Producer, _core.Stream.Incarnation);
    }

    private void TellEnded()
    {
        if (Outcome is not { } end) return;
        string reason = StreamTags.Of(end.Reason);
        _meter.OnEnded(reason);
        _host.Traces.OnEnded(Role, Producer, ElementType, _core.Stream, Traces, reason, end);
        _host.Log.Ended(Producer, ElementType, "sink", reason, end.Message);
    }
}
