namespace Casty.Orleans.Protocol;

/// <summary>How the writers share the buffer (P-07, P-08).</summary>
internal sealed partial class ProducerCore<T>
{
    /// <summary>
    /// Hands out what the buffer and the demand allow: what was put and not received never exceeds both together (P-07),
    /// whoever holds the credit. Claims are served in turn; credit that lies unused while another writer starves is recalled (P-08).
    /// </summary>
    private void ShareCredit(TimeSpan now)
    {
        if (_turn.Count == 0 || End is not null || IsRebuilding) return;

        if (_bufferSize == 0)
        {
            foreach (var slot in _turn) Raise(slot, long.MaxValue);
            return;
        }

        long total = Saturate(Out.Limit, _bufferSize) - Out.Next;
        long free = total;
        foreach (var slot in _turn) free -= slot.Unused;
        long share = Math.Max(1, total / _turn.Count);

        // First those who want, or what was recalled for them might go round among those who do not. One that starves may have to
        // answer a recall before it can be served: what is free waits for it.
        Serve(hungry: true);
        bool isStarving = _turn.Exists(slot => slot.IsHungry && slot.Unused == 0);
        if (!isStarving) Serve(hungry: false);
        else if (free <= 0 && _turn.Count > 1) RecallForHungry(share, now);
        if (free < 0 && Fan is not null) RecallForHungry(share, now);   // a consumer has come that asks for less

        void Serve(bool hungry)
        {
            for (int i = 0; i < _turn.Count && free > 0; i++)
            {
                _served = (_served + 1) % _turn.Count;
                var slot = _turn[_served];
                if (slot.IsHungry != hungry || slot.IsRecalled || slot.Unused > share / 2) continue;

                long more = Math.Min(free, share - slot.Unused);
                Raise(slot, slot.Limit + more);
                free -= more;
            }
        }
    }

    private void Raise(WriterSlot<T> slot, long limit)
    {
        if (limit <= slot.Limit) return;
        slot.Limit = slot.Ceiling = limit;
        slot.In.Grant(limit);
        MarkDirty(slot);
    }

    private void RecallForHungry(long share, TimeSpan now)
    {
        WriterSlot<T>? richest = null;
        foreach (var slot in _turn)
        {
            if (slot.IsRecalled)
            {
                // The recall, or its answer, may have been lost: it is repeated when who is hungry asks again, but not at every turn.
                if (now - slot.RecalledAt < _timings.Retry) continue;
                slot.RecalledAt = now;
                MarkDirty(slot);
            }
            else if (slot.SurplusOver(share) > (richest?.SurplusOver(share) ?? 0)) richest = slot;
        }

        if (richest is null) return;
        richest.Grant++;
        richest.RecalledAt = now;
        richest.Limit -= richest.SurplusOver(share);
        MarkDirty(richest);
    }
}
