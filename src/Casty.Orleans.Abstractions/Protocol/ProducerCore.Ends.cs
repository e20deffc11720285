namespace Casty.Orleans.Protocol;

/// <summary>How a stream ends: by its writers, its reader, its leases, or its subscription timeout (P-10, P-11, P-13).</summary>
internal sealed partial class ProducerCore<T>
{
    /// <summary>A stream without a reader fails then.</summary>
    public TimeSpan UnreadDeadline => IsReaderAttached || _subscriptionTimeout < TimeSpan.Zero || IsUnused
        ? TimeSpan.MaxValue
        : Later(_unreadSince, _subscriptionTimeout);

    /// <summary>The stream takes no more; the reader still gets what it holds, and then the end. The first end counts (P-11).</summary>
    public void EndStream(StreamEnd end, TimeSpan now)
    {
        if (End is not null) return;

        End = end;
        _endedAt = now;
        if (!IsReaderAttached) _unreadSince = now;
        Out.End();
        foreach (var slot in _writers.Values) MarkDirty(slot);
    }

    /// <summary>What the stream holds turned out to be spoilt: it must not look complete, however its writers ended.</summary>
    public void Spoil(StreamEnd end, TimeSpan now)
    {
        EndStream(end, now);
        if (IsOver || End is { Reason: StreamEndReason.Failed or StreamEndReason.ProtocolViolation }) return;

        End = end;
        foreach (var slot in _writers.Values) MarkDirty(slot);
    }

    /// <summary>The stream is over at once, whatever it holds.</summary>
    public void Terminate(StreamEnd end, TimeSpan now)
    {
        if (IsOver) return;
        if (End is not { Reason: StreamEndReason.Failed or StreamEndReason.ProtocolViolation }) End = end;
        Finish(now);
    }

    private void OnWriterEnded(WriterSlot<T> slot, StreamEnd end, TimeSpan now)
    {
        _turn.Remove(slot);
        KeepEnd(slot, now);
        _someEnded = true;
        if (end.Reason == StreamEndReason.Abandoned) _loss ??= end.Message ?? "A writer let go of the stream without completing it.";

        if (end.Reason is StreamEndReason.Failed) EndStream(end, now);
        else EndAfterLastWriter(now);
    }

    /// <summary>A stream ends with its last writer, once it is certain who its writers are.</summary>
    private void EndAfterLastWriter(TimeSpan now)
    {
        if (_turn.Count > 0 || !_someEnded) return;
        if (_loss is { } loss) EndStream(new StreamEnd(StreamEndReason.Abandoned, loss), now);
        else if (IsCertain) EndStream(StreamEnd.Completed, now);
    }

    /// <summary>Looked at when the first may be lost, and not more than four times a lease: who was lost is noticed before two leases are over (P-10).</summary>
    private void CheckLeases(TimeSpan now)
    {
        bool hasRoom = _leg.Trim();
        _dirty.Trim();
        var patience = 1.75 * _timings.Lease;
        foreach (var slot in _writers.Values.Where(slot => now - slot.HeardAt >= patience).ToArray())
        {
            if (!slot.IsEnded) Lose(slot, $"A writer was not heard of for {2 * _timings.Lease}.", now);
            else if (slot.IsFinished) Remove(slot);
            else if (!slot.HasLeft)
            {
                SetLeft(slot);   // what it put is held here alone now
                OnRosterChanged();
            }
        }

        if (IsReaderAttached && now - _readerHeardAt >= patience) LoseReader(now);

        var heardAt = IsReaderAttached ? _readerHeardAt : now;
        foreach (var slot in _writers.Values) heardAt = Min(heardAt, slot.HeardAt);
        var soon = now + _timings.Lease / 4;
        _leaseCheckAt = _timings.StepAfter(hasRoom || heardAt + patience < soon ? soon : heardAt + patience);
    }

    private void Lose(WriterSlot<T> slot, string how, TimeSpan now)
    {
        Remove(slot);
        _loss ??= how;
        _someEnded = true;
        EndAfterLastWriter(now);
        ShareCredit(now);
    }

    private void LoseReader(TimeSpan now)
    {
        if (IsNamed)
        {
            Detach(now);
            return;
        }

        Terminate(new StreamEnd(StreamEndReason.Abandoned, $"The reader was not heard of for {2 * _timings.Lease}."), now);
    }

    private void Detach(TimeSpan now)
    {
        IsReaderAttached = false;
        Reader = default;
        _isFenced = false;
        _unreadSince = now;
        IsTorn = !_leg.TryRestart(Out.Confirmed);
        OnRosterChanged();

        // The writers know how far the subscription is, for the case that this producer does not live to tell its next reader.
        foreach (var slot in _writers.Values) MarkDirty(slot);
    }

    private void Finish(TimeSpan now)
    {
        IsOver = true;
        IsReaderAttached = false;
        _endedAt = now;
        _leg.Clear();
        foreach (var slot in _writers.Values.ToArray())
        {
            slot.In.Clear();
            if (slot.HasLeft) _writers.Remove(slot.Number);   // nobody will ask how it came out
            else MarkDirty(slot);
        }
    }

    private void SetLeft(WriterSlot<T> slot)
    {
        slot.HasLeft = true;
        Recount(slot);
    }
}
