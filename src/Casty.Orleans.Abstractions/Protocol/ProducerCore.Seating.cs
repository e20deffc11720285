namespace Casty.Orleans.Protocol;

/// <summary>How the reader comes to its place in a producer that was rebuilt: in time, late, or for the first time (P-15).</summary>
internal sealed partial class ProducerCore<T>
{
    /// <summary>The epoch of the newest reader that is known of: one before it was superseded.</summary>
    public long NewestEpoch
    {
        get
        {
            long newest = Math.Max(Epoch, Before.Reader?.Epoch ?? 0);
            foreach (var roster in Before.Rosters) newest = Math.Max(newest, roster.Epoch);
            return newest;
        }
    }

    /// <summary>The reader is waited for, or nobody has read yet where it would.</summary>
    public bool IsWelcome(ReaderReport report) => report.Epoch >= NewestEpoch
        && (IsRebuilding || (report.Epoch > _seatedEpoch && this is { IsOver: false, IsReaderAttached: false, Sent: 0, Confirmed: 0 }));

    /// <summary>
    /// That reader comes too late, and only one that it had superseded has read since: this producer gives up its place, and the stream
    /// is rebuilt once more with the reader.
    /// </summary>
    public bool MustYieldTo(ReaderReport report) => !IsRebuilding && !IsOver && report.Epoch > Epoch;

    /// <summary>That reader read here and has let go of its place: one that has not heard that this was heard says so again.</summary>
    public bool HasLeft(long epoch) => !IsRebuilding && !IsReaderAttached && epoch == Epoch && epoch == _seatedEpoch && !_isFenced;

    private ReaderReport? NewestReader => Before.Reader?.Epoch == NewestEpoch ? Before.Reader : null;

    /// <summary>
    /// A reader asks to join that has joined nothing. If it is the one that the roster names, the answer to its joining was lost with the
    /// producer: it has nothing, and is not missed. Only one that goes on asking is believed, as a question may be late. A subscription
    /// that has a name may have had another reader.
    /// </summary>
    public void OnAsking(string consumer, TimeSpan now)
    {
        if (!IsRebuilding) return;
        if (Before.Asking?.Consumer != consumer) Before.Asking = (consumer, now, false);
        else if (now - Before.Asking.Value.Since >= _timings.Retry) Before.Asking = Before.Asking.Value with { IsWaiting = true };
        OpenIfAllReported(now);
    }

    /// <summary>The roster names a reader that has not come.</summary>
    private bool IsReaderMissing => NewestReader is null && Before.Roster is { IsRead: true } roster
        && (roster.IsNamed || Before.Asking is not { IsWaiting: true } asking || asking.Consumer != roster.Consumer);

    /// <summary>The reader reports. Repeating a report changes nothing.</summary>
    public void Report(ReaderReport report, long maxBytes, Guid process, TimeSpan now)
    {
        if (!IsWelcome(report)) return;

        Before.Reader = report;
        Out.MaxBytes = maxBytes;
        _readerProcess = process;
        _isReaderEstablished = true;
        _isReaderSilent = false;
        if (IsRebuilding)
        {
            Learn(report.Opened, report.Roster);
            OpenIfAllReported(now);
        }
        else
        {
            SeatLate(report, now);
        }
    }

    /// <summary>
    /// The reader was not known of when this producer opened. Nothing has been sent, so what has come from the writers goes on behind what
    /// the reader has; what it has already had of them is dropped, now and when it comes.
    /// </summary>
    private void SeatLate(ReaderReport reader, TimeSpan now)
    {
        // Nobody has seen how it ended here; the reader may know better who belongs to the stream.
        if (End is { Reason: StreamEndReason.Completed }) End = null;
        LearnLate(reader.Roster);
        Epoch = reader.Epoch;
        var held = _leg.TakeHeld();
        Seat(reader, now);
        foreach (var slot in _writers.Values.ToArray())
        {
            if (IsForgottenBy(Before.Reader, slot.Number, slot.JoinedBefore))
            {
                Lose("A writer was away for so long that its reader was told to forget it.");
                Remove(slot);
                continue;
            }

            slot.ReaderHas = PositionOf(slot.Number) ?? 0;
            slot.Confirmed = Math.Max(slot.Confirmed, FinishedOf(slot.Number));
            MarkDirty(slot);
        }

        foreach (var batch in held)
        {
            if (reader.End is null && _writers.TryGetValue(batch.Writer, out var slot)) AppendNew(slot, batch);
        }

        if (reader.End is not null) End = reader.End;
        if (End is not null) Out.End();
        if (reader.End is not null) Out.TryTakeEnd();   // it has it
        OnRosterChanged();
        if (!IsCertain && now >= _openAt) BecomeCertain(now);
        EndAfterLastWriter(now);
        Recount(now);
        ShareCredit(now);
    }

    /// <summary>The reader that came late has all of this writer and the stream's end; the writer is about to send it again.</summary>
    private bool IsBehind(WriterSlot<T> slot) => End is { Reason: StreamEndReason.Completed } && !slot.IsEnded && slot.ReportedEnd >= 0 && slot.ReaderHas == slot.ReportedEnd;

    private void Seat(ReaderReport reader, TimeSpan now)
    {
        _leg.Seat(new Outbound<T>(reader.Received, _sizeOf, Out.MaxBytes, reader.Finished, _pool), reader.Unfinished);
        _seatedEpoch = reader.Epoch;
        _readerBefore = default;
        Consumer = reader.Consumer;
        IsNamed = reader.IsNamed;
        IsReaderAttached = true;
        _readerHeardAt = now;
    }
}
