namespace Casty.Orleans.Protocol;

/// <summary>What a named reader is given again at most, if its process is lost and the producer with it (P-16).</summary>
/// <remarks>
/// Where they share a process, only writers elsewhere outlive both, and each goes on after what it knows to be finished. So what they do
/// not know yet counts against the reader's window, as if it were not finished.
/// </remarks>
internal sealed partial class ProducerCore<T>
{
    private List<WriterSlot<T>>? _withNews;
    private HashSet<WriterSlot<T>>? _asked;
    private TimeSpan _askAgainAt = TimeSpan.MaxValue;
    private long _untold;
    private long _news;

    /// <summary>The subscription outlives its reader, and this producer would not.</summary>
    private bool IsResumedByWriters => IsNamed && IsReaderAttached && !IsReaderRemote && (Fan is null || _isResumedInFan);

    /// <summary>The reader has finished a writer's elements before <paramref name="position"/>.</summary>
    private void OnConfirmed(WriterSlot<T> slot, long position)
    {
        long more = position - slot.Confirmed;
        slot.Confirmed = position;
        Recount(slot);
        if (slot.Untold == 0) return;

        AddNews(slot, more);
    }

    private void AddNews(WriterSlot<T> slot, long more)
    {
        _news += more;
        if (slot.HasNews) return;
        slot.HasNews = true;
        (_withNews ??= []).Add(slot);
    }

    /// <summary>A writer says how far it knows its elements to be finished. Nobody minds what it claims: it can only spoil its own part.</summary>
    private void OnWriterKnows(WriterSlot<T> slot, long finished, TimeSpan now)
    {
        if (finished <= slot.KnownConfirmed && !slot.IsDeaf) return;
        slot.KnownConfirmed = Math.Max(slot.KnownConfirmed, Math.Min(finished, slot.Confirmed));
        if (slot.KnownConfirmed >= slot.AskedConfirmed) slot.AskedAt = TimeSpan.MaxValue;
        else if (slot.IsDeaf) Ask(slot, now);
        slot.IsDeaf = false;
        Recount(slot);
    }

    /// <summary>Another reader reads, or the first one of a lifetime.</summary>
    private void Recount(TimeSpan now)
    {
        foreach (var slot in _writers.Values)
        {
            Recount(slot);
            if (slot.Untold > 0) AddNews(slot, slot.Untold);
        }

        AskWriters(now);
    }

    private void Recount(WriterSlot<T> slot)
    {
        bool isAwaited = IsResumedByWriters && slot is { IsRemote: true, IsDeaf: false, IsAbsent: false } && _writers.ContainsKey(slot.Number);
        long untold = isAwaited ? slot.Confirmed - slot.KnownConfirmed : 0;
        _untold += untold - slot.Untold;
        slot.Untold = untold;
        if (untold == 0 && !slot.IsDeaf) slot.AskedAt = TimeSpan.MaxValue;   // what it is asked next is a question of its own
        Out.Withheld = _untold;
    }

    /// <summary>At half a window, so that the reader need not wait for the answers.</summary>
    private void AskWriters(TimeSpan now)
    {
        if (_withNews is not { Count: > 0 } || _news < Math.Max(1, (Out.Limit - Out.Confirmed) / 2)) return;

        foreach (var slot in _withNews)
        {
            slot.HasNews = false;
            if (slot.Untold == 0) continue;
            slot.AskedConfirmed = slot.Confirmed;
            if (slot.AskedAt == TimeSpan.MaxValue) Ask(slot, now);
            MarkDirty(slot);
        }

        _withNews.Clear();
        _news = 0;
    }

    private void Ask(WriterSlot<T> slot, TimeSpan now)
    {
        slot.AskedAt = now;
        (_asked ??= []).Add(slot);
        if (_askAgainAt == TimeSpan.MaxValue) _askAgainAt = now + _timings.Retry;
    }

    /// <summary>The question or its answer was lost, or the writer is: then its lease will tell, and the reader does not wait for it.</summary>
    private void AskAgain(TimeSpan now)
    {
        if (_asked is null) return;
        _asked.RemoveWhere(slot => slot.AskedAt == TimeSpan.MaxValue || slot.Untold == 0);
        foreach (var slot in _asked)
        {
            slot.IsDeaf = now - slot.AskedAt >= _timings.Suspicion;
            if (slot.IsDeaf) Recount(slot);
            else MarkDirty(slot);
        }

        _askAgainAt = _asked.Count > 0 ? now + _timings.Retry : TimeSpan.MaxValue;
    }
}
