namespace Casty.Orleans.Protocol;

/// <summary>How consumers go on with a producer that took the place of a lost one (P-15, P-19).</summary>
/// <remarks>
/// To the producer there is one reader, which is as far with each writer as the one of the consumers that is least far: the writers send
/// again from there, and each consumer is spared what it has (<see cref="Seat{T}"/>).
/// </remarks>
internal sealed partial class FanOut<T>
{
    private readonly Dictionary<string, (ReaderReport Report, long MaxBytes, Guid Process, Guid Reader)> _reports = [];
    private readonly Dictionary<string, TimeSpan> _asking = [];
    private readonly Dictionary<string, TimeSpan> _returning = [];
    private readonly Dictionary<long, Demand> _held = [];
    private TimeSpan _settledAt;
    private bool _isSeated;

    /// <summary>Nobody has been given anything, in this lifetime or before, as far as it is known.</summary>
    public bool IsProvisional => _reports.Values.All(one => one.Report.HasNothing);

    /// <summary>The epoch of the newest reader of that name that is known of.</summary>
    public long NewestEpochOf(string consumer)
    {
        long newest = Find(consumer)?.Epoch ?? 0;
        if (_reports.TryGetValue(consumer, out var one)) newest = Math.Max(newest, one.Report.Epoch);
        return Known.TryGetValue(consumer, out var entry) ? Math.Max(newest, entry.Epoch) : newest;
    }

    /// <summary>That reader read here and has let go of its place: one that has not heard that this was heard says so again.</summary>
    public bool HasLeft(long epoch) => _gone.TryGetValue(epoch, out var gone) && gone.End.Reason == StreamEndReason.Cancelled;

    /// <summary>That end was the reader of a consumer when that was last known, and has not come.</summary>
    public bool IsExpected(Guid reader) => reader != Guid.Empty && (_isSeated ? _all.Exists(one => one.IsExpected && one.Reader == reader) : Known.Values.Any(entry => entry.Reader == reader));

    /// <summary>A reader reports. Repeating a report changes nothing.</summary>
    /// <returns>False if the stream does not go on with it.</returns>
    public bool Report(ReaderReport report, long maxBytes, Guid process, Guid reader, TimeSpan now)
    {
        if (!_isSeated)
        {
            _reports[report.Consumer] = (report, maxBytes, process, reader);
            _producer.Learn(report);
            Settle(now);
            return true;
        }

        _producer.Learn(report);
        Settle(now);
        if (FindPlace(report.Consumer) is not { } one) return false;
        if (one.IsAttached) return one.Reader == reader && one.Epoch == report.Epoch;
        bool isWelcome = one.IsExpected || report.Epoch > one.Epoch;
        if (!isWelcome || !IsWholeStill(report)) return false;

        var held = one.Held().ToArray();
        one.Take(report, place: 0, hasPositions: true);
        foreach (var batch in held) Offer(one, one.Seat!, batch);
        if (_end is not null) one.End();
        one.Leg.Out.MaxBytes = maxBytes;
        Attach(one, report.Epoch, reader, process, now);
        one.IsEstablished = true;
        ChooseKeepers(now);
        Publish();
        Feed(now);
        return true;
    }

    /// <summary>
    /// That reader comes too late, and nobody knew of it: this producer gives up its place, and the stream is rebuilt once more with the
    /// reader. Not where others were given what it holds, or what it lacks is gone.
    /// </summary>
    /// <returns>It is to give up its place. The roster that its ends take along names the reader.</returns>
    public bool TryYieldTo(ReaderReport report, Guid reader, TimeSpan now)
    {
        bool mustYield = _isSeated && !_producer.IsOver && report.Stream.Incarnation < _producer.Stream.Incarnation
            && FindPlace(report.Consumer) is null && !_gone.ContainsKey(report.Epoch) && IsWholeStill(report)
            && (!IsBalanced || !_hasGiven || report.Unfinished.Length == 0);
        if (!mustYield) return false;

        // Else the next lifetime might hear of the one side only, open, and give way to the other one in turn, again and again. It goes by
        // this one's roster, so whom the late ones had named and nobody has seen since is on it as well.
        var known = Known;
        if (known.GetValueOrDefault(report.Consumer)?.Epoch != report.Epoch) Expect(report.Consumer, report.IsNamed, report.Epoch, reader, now);
        foreach (var entry in known.Values)
        {
            bool isMissing = entry.IsRead && FindPlace(entry.Consumer) is null && !_gone.ContainsKey(entry.Epoch);
            if (isMissing) Expect(entry.Consumer, entry.IsNamed, entry.Epoch, entry.Reader, now).Overtaken(entry);
        }

        Publish();
        return true;
    }

    /// <summary>A consumer is known by name only, and may still report.</summary>
    private Subscription<T> Expect(string consumer, bool isNamed, long epoch, Guid reader, TimeSpan now)
    {
        if (_byName.Remove(consumer, out var away)) _all.Remove(away);
        var one = new Subscription<T>(consumer, isNamed, _timings, _sizeOf, _pool) { Epoch = epoch, Reader = reader, IsExpected = true, UnreadSince = now };
        Add(one);
        return one;
    }

    /// <summary>A consumer of which more than its name is known.</summary>
    private Subscription<T>? FindPlace(string consumer) => Find(consumer) is { IsAway: false } one ? one : null;

    /// <summary>A reader asks to join that has joined nothing: the answer to its joining may have been lost with the producer.</summary>
    public void OnAsking(string consumer, TimeSpan now)
    {
        if (_isSeated) return;
        _asking.TryAdd(consumer, now);
        Settle(now);
    }

    /// <summary>
    /// A reader asks to join that had joined a run that gave way to this one: whatever is put since is for it as well, so nothing is given
    /// out in a broadcast before it is here. It asks again and again; one that does not is not waited for.
    /// </summary>
    public void OnReturning(string consumer, TimeSpan now)
    {
        if (!_isSeated && !IsBalanced) _returning[consumer] = now;
    }

    /// <summary>A reader that had joined a run that gave way to this one comes too late: it would miss what the others have been given.</summary>
    public bool WouldMiss(string consumer) => !IsBalanced && _hasGiven && Find(consumer) is null;

    /// <summary>Something was learnt, or time has passed: perhaps it is known now who the consumers are.</summary>
    public void Settle(TimeSpan now)
    {
        if (_isSeated)
        {
            if (IsBalanced && _producer.Known.Count > _rostersKnown) Publish();
            return;
        }

        _settledAt = now;
        if (_producer.IsRebuilding)
        {
            bool isLast = now >= _producer.OpenAt;
            if (!isLast && (_producer.Roster is null || !AreAllReported(now))) return;
            if (_reports.Count > 0)
            {
                var summary = Summary();
                _end = summary.End;
                _producer.Report(summary, long.MaxValue, Guid.Empty, now);
            }
        }

        if (!_producer.IsRebuilding || _producer.IsOver) SeatAll(now);
    }

    /// <summary>What a reader says meanwhile holds when the rest is known; above all, that it leaves.</summary>
    private Verdict Hold(Demand demand)
    {
        if (!_reports.Values.Any(one => one.Report.Epoch == demand.Peer)) return Verdict.Stale;
        _held[demand.Peer] = demand;
        return Verdict.Duplicate;
    }

    /// <summary>Who was there when that was last known.</summary>
    private Dictionary<string, SubscriptionEntry> Known
    {
        get
        {
            var known = new Dictionary<string, SubscriptionEntry>();
            foreach (var entry in _producer.Known.SelectMany(roster => roster.Fan?.Subscriptions ?? []))
            {
                if (!known.TryGetValue(entry.Consumer, out var other) || entry.Epoch > other.Epoch) known[entry.Consumer] = entry;
            }

            return known;
        }
    }

    /// <summary>The same of a reader that comes late: writers may have gone meanwhile that others have finished, and it has not.</summary>
    private bool IsWholeStill(ReaderReport report) =>
        IsWhole(report) && (IsBalanced || SlowConsumer == StreamSlowConsumer.DropOldest || !_producer.HasLost(report));

    /// <summary>Nothing that this reader lacks is gone.</summary>
    private bool IsWhole(ReaderReport report) => IsBalanced || _producer.Has(report, mayLack: SlowConsumer == StreamSlowConsumer.DropOldest);

    private bool AreAllReported(TimeSpan now) => Known.Values.All(entry => !entry.IsRead || IsReported(entry) || IsAsking(entry, now));

    private bool IsReported(SubscriptionEntry entry) => _reports.TryGetValue(entry.Consumer, out var one) && one.Report.Epoch >= entry.Epoch;

    private bool IsAsking(SubscriptionEntry entry, TimeSpan now) => !entry.IsNamed && _asking.TryGetValue(entry.Consumer, out var since) && now - since >= _timings.Retry;

    /// <summary>What the one reader reports that all of them are to the producer.</summary>
    private ReaderReport Summary()
    {
        var reports = _reports.Values.Select(one => one.Report).ToArray();
        var newest = reports.Select(one => one.Roster).Aggregate((Roster?)null, (best, one) => one is not null && one.IsNewerThan(best) ? one : best);
        return new ReaderReport(_producer.Stream, _producer.NewestEpoch, Consumer, IsNamed: true, Received: 0, Finished: 0, Unfinished: [],
            IsBalanced ? [] : LeastPositions(reports), EndOf(reports), newest, reports.Max(one => one.Opened), Delivery);
    }

    /// <summary>The end, where everything before it is finished. Balanced consumers were not told of it before.</summary>
    private StreamEnd? EndOf(ReaderReport[] reports)
    {
        if (IsBalanced) return Array.Find(reports, one => one.End is not null)?.End;

        var known = Known;
        var staying = Array.FindAll(reports, one => !(known.TryGetValue(one.Consumer, out var entry) && entry.IsDismissed));
        bool areAll = Array.TrueForAll(staying, one => one.End is not null && one.Finished >= one.Received) && known.Values.All(entry => IsReported(entry) || !entry.IsNamed);
        return areAll ? staying.FirstOrDefault()?.End : null;
    }

    /// <summary>How far all are with each writer. Where one of them cannot be asked, the writers know what all had finished.</summary>
    private WriterPosition[] LeastPositions(ReaderReport[] reports)
    {
        var all = reports.Select(FinishedOf).ToList();
        foreach (var entry in Known.Values)
        {
            if (!IsReported(entry) && entry.IsNamed) all.Add(entry.IsRead ? FinishedWith(entry) : entry.Positions.ToDictionary(one => one.Writer, one => one.Next));
        }

        return [.. all[0].Keys.Where(writer => all.TrueForAll(one => one.ContainsKey(writer))).Select(writer => new WriterPosition(writer, all.Min(one => one[writer])))];
    }

    /// <summary>How far all were with each writer where that consumer was one of them: in another half of a split cluster they may have been further.</summary>
    private Dictionary<long, long> FinishedWith(SubscriptionEntry entry)
    {
        var finished = new Dictionary<long, long>();
        foreach (var roster in _producer.Known)
        {
            if (roster.Fan?.Subscriptions.Any(one => one.Consumer == entry.Consumer && one.Epoch == entry.Epoch) != true) continue;
            foreach (var one in roster.Writers) finished[one.Writer] = Math.Max(finished.GetValueOrDefault(one.Writer), one.Finished);
        }

        return finished;
    }

    private static Dictionary<long, long> FinishedOf(ReaderReport report)
    {
        var finished = report.Positions.ToDictionary(one => one.Writer, one => one.Next);
        foreach (var run in report.Unfinished)
        {
            if (run.End <= report.Finished) continue;
            long first = run.WriterFirst + Math.Max(0, report.Finished - run.First);
            finished[run.Writer] = Math.Min(finished.GetValueOrDefault(run.Writer, long.MaxValue), first);
        }

        return finished;
    }

    /// <summary>
    /// The writers were told to be finished what a balanced consumer still held, as others were far ahead: with it, that is gone; so is,
    /// even if it comes, what it had not received.
    /// </summary>
    private string? WhatIsLost() => Lost.Select(entry => HowIsLost(entry.Consumer)).FirstOrDefault();

    private IEnumerable<SubscriptionEntry> Lost => !IsBalanced ? [] : _producer.Known.SelectMany(roster => roster.Fan?.Subscriptions ?? [])
        .Where(entry => entry.IsDismissed || (entry.IsOvertaken && !HasCome(entry)));

    private bool HasCome(SubscriptionEntry entry) => IsReported(entry) || NewestSeated(entry.Consumer) >= entry.Epoch || _gone.ContainsKey(entry.Epoch);

    private long NewestSeated(string consumer) => Find(consumer) is { IsExpected: false, IsAway: false } one ? one.Epoch : -1;

    private static string HowIsLost(string consumer) => $"Consumer '{consumer}' was lost, or left, after the producer was lost or with it, and held elements that nobody else has.";

    /// <summary>What a consumer of an earlier lifetime held, nobody else has: not the writers, which were told that it is finished.</summary>
    private void Lose(string consumer, TimeSpan now)
    {
        _producer.LoseElements(HowIsLost(consumer), now);
        if (_end is not null) _end = _producer.End;
    }

    private void SeatAll(TimeSpan now)
    {
        var known = Known;
        _isSeated = true;
        _producer.MayOpen = null;
        _isReading = _producer.IsReaderAttached;
        foreach (var (report, maxBytes, process, reader) in _reports.Values)
        {
            if (!IsWhole(report))
            {
                SetGone(report.Epoch, new StreamEnd(StreamEndReason.Abandoned, "The stream went on without this reader, and what it lacks is gone."), now);
                continue;
            }

            var one = new Subscription<T>(report.Consumer, report.IsNamed, _timings, _sizeOf, _pool);
            one.Take(report, place: 0, hasPositions: !IsBalanced);
            one.Leg.Out.MaxBytes = maxBytes;
            _epoch = Math.Max(_epoch, report.Epoch);
            Add(one);
            Attach(one, report.Epoch, reader, process, now);
            one.IsEstablished = true;
            TakeConfirmed(one);
            if (!IsBalanced && known.TryGetValue(one.Consumer, out var before) && before.IsDismissed) Dismiss(one);
        }

        foreach (var entry in known.Values)
        {
            _epoch = Math.Max(_epoch, entry.Epoch);
            if (IsReported(entry) || !entry.IsNamed || _byName.ContainsKey(entry.Consumer)) continue;
            if (IsBalanced)
            {
                if (!IsHandler(entry.Consumer)) continue;
                var away = Expect(entry.Consumer, isNamed: true, entry.Epoch, reader: default, now);
                (away.IsExpected, away.IsAway) = (false, true);
            }
            else
            {
                var one = Expect(entry.Consumer, isNamed: true, entry.Epoch, entry.Reader, now);
                one.IsExpected = entry.IsRead;
                if (!entry.IsRead) one.Take(entry.Positions, place: 0);
                if (entry.IsDismissed) Dismiss(one);
            }
        }

        foreach (var (consumer, askedAt) in _returning)
        {
            if (now - askedAt < _timings.Suspicion && !_byName.ContainsKey(consumer)) Add(new Subscription<T>(consumer, isNamed: false, _timings, _sizeOf, _pool) { IsReserved = true, UnreadSince = now });
        }

        var held = _held.Values.ToArray();
        _reports.Clear();
        _asking.Clear();
        _returning.Clear();
        _held.Clear();
        ChooseKeepers(now);
        Publish();
        Feed(now);
        foreach (var demand in held) OnDemand(demand, now, out _);
    }
}
