using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>What is measured, traced and told of a source.</summary>
internal sealed partial class SourceEnd<T>
{
    private readonly EndMeter _meter;

    public StreamRole Role => StreamRole.Source;

    public string ElementType => typeof(T).ToString();

    public bool IsLive => End is null;

    /// <summary>The traces that it belongs to. Set before it starts.</summary>
    public TraceLinks? Traces { get; init; }

    /// <summary>Under the lock.</summary>
    private Verdict Take(in Frame<Element<T>> frame, TimeSpan now, out string? violation, out Arrival arrival)
    {
        long before = _core.Arrived;
        bool isRepairWanted = _meter.IsRepairWanted;
        var repairs = isRepairWanted ? _core.Repairs : default;
        var verdict = _core.OnFrame(frame, now, out violation);
        bool isTaken = verdict is Verdict.Accepted or Verdict.Duplicate && !_core.IsReported;
        var (dropped, early) = isRepairWanted ? _core.Repairs : default;
        arrival = new Arrival(isTaken && frame.Batches.Length > 0, _core.Arrived - before, dropped - repairs.Dropped, early > repairs.Early);
        return verdict;
    }

    private async Task<StreamJoined<T>?> AskAsync(Func<SourceEnd<T>, ReaderReport, StreamHost, Task<StreamJoined<T>?>> rejoin, ReaderReport report)
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
        _host.Log.Rejoined("reader", Producer, _core.Stream.Incarnation);
    }

    private void TellEnded()
    {
        if (End is not { } end) return;
        string reason = _core.IsDetached ? StreamTags.Detached : StreamTags.Of(end.Reason);
        _meter.OnEnded(reason);
        _host.Traces.OnEnded(Role, Producer, ElementType, _core.Stream, Traces, reason, end);
        _host.Log.Ended(Producer, ElementType, "source", reason, end.Message);
    }
}
