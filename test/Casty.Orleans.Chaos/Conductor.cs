using Casty.Orleans.Chaos.Faults;
using Casty.Orleans.Chaos.Processes;
using Casty.Orleans.Chaos.Roles;
using Casty.Orleans.Chaos.Streams;

namespace Casty.Orleans.Chaos;

/// <summary>
/// Keeps a number of streams going: rolls them, places their ends, replaces named readers that are gone, and has each stream judged
/// when its ends are over. Everything happens under one lock.
/// </summary>
internal sealed class Conductor
{
    private readonly Lock _gate = new();
    private readonly Settings _settings;
    private readonly Scenario _scenario;
    private readonly ProcessGroup _processes;
    private readonly Tally _tally;
    private readonly Random _dice;
    private readonly List<TrackedStream> _runs = [];
    private readonly Dictionary<(ChildProcess, int), (TrackedStream Run, TrackedEnd End)> _ends = [];
    private readonly Queue<string> _freeNames = [];
    private readonly TimeSpan _hangLimit;
    private long _nextRun;
    private int _names;

    public Conductor(Settings settings, Scenario scenario, ProcessGroup processes, Tally tally)
    {
        _settings = settings;
        _scenario = scenario;
        _processes = processes;
        _tally = tally;
        _dice = new Random(settings.Seed);
        _hangLimit = 3 * settings.Lease + TimeSpan.FromSeconds(60);
        processes.Reported += Hear;
    }

    public Pauses Pauses { get; } = new();

    public bool IsOpening { get; set; } = true;

    public int Live
    {
        get
        {
            lock (_gate) return _runs.Count;
        }
    }

    public void Tick()
    {
        lock (_gate)
        {
            while (IsOpening && _runs.Count < _settings.Streams && Begin())
            {
            }

            foreach (var run in _runs.ToArray()) Drive(run);
        }
    }

    /// <summary>How many elements have been delivered by now.</summary>
    public long CountElements()
    {
        lock (_gate) return _tally.Elements + _runs.Sum(run => run.Elements);
    }

    private void Hear(ChildProcess process, Report report)
    {
        lock (_gate)
        {
            if (!_ends.TryGetValue((process, report.End), out var known)) return;
            if (report.What == Happened.OpenFailed) _tally.FailOpen(report.Error!);
            known.Run.Hear(known.End, report);
        }
    }

    private bool Begin()
    {
        if (Pick(_scenario.Writers) is null || Pick(_scenario.Readers) is null) return false;

        // A name is used again as soon as its last stream has ended.
        string name = _freeNames.Count > 0 ? _freeNames.Dequeue() : $"stream-{++_names}";
        var run = new TrackedStream(StreamPlan.Roll(_dice, ++_nextRun, name, Math.Min(40, _settings.Duration.TotalSeconds / 2)));
        _runs.Add(run);
        foreach (var consumer in run.Consumers) consumer.NextReaderAt = run.StartedAt + (_dice.Next(3) == 0 ? _dice.Next(3_000) : 0);
        if (_dice.Next(2) == 0) Drive(run);   // readers are asked to open first
        for (int writer = 0; writer < run.Plan.Counts.Length; writer++)
        {
            if (Pick(_scenario.Writers) is not { } process) break;
            var end = Open(run, run.Writers, process);
            process.Send(new OpenSink(end.Id, run.Plan, writer));
        }

        return true;
    }

    private void Drive(TrackedStream run)
    {
        run.Look();
        long now = Environment.TickCount64;
        if (run.WentAt is null && run.Writers.Count > 0 && run.Writers.TrueForAll(IsThere)
            && (!run.Plan.IsTogether || run.Consumers.TrueForAll(consumer => consumer.Reader is { } reader && IsThere(reader))))
        {
            run.WentAt = now;
            foreach (var writer in run.Writers) writer.Process.Send(new Go(writer.Id));
        }

        bool isWritten = run.Writers.Count == 0 || run.Writers.Exists(writer => !writer.IsOver);
        foreach (var consumer in run.Consumers.ToArray()) Drive(run, consumer, isWritten, now);

        bool isOver = !isWritten && run.Consumers.TrueForAll(consumer => consumer.NextReaderAt is null) && run.Readers.All(reader => reader.IsOver);
        if (isOver) Decide(run);
        else if (Hangs(run, now)) GiveUp(run);

        static bool IsThere(TrackedEnd end) => end.Opened is not null || end.IsOver;
    }

    private void Drive(TrackedStream run, TrackedConsumer consumer, bool isWritten, long now)
    {
        if (isWritten && consumer.NextReaderAt is null && consumer.Reader is not null)
        {
            if (consumer.Plan.Name is not null && NeedsReader(run, consumer)) consumer.NextReaderAt = now + (_dice.Next(2) == 0 ? _dice.Next(5_000) : 0);
            else if (!run.Plan.IsSingle && NeedsAnother(consumer)) Replace(run, consumer, now);
        }

        if (consumer.NextReaderAt is not null && !isWritten && run.Readers.Count > 0) consumer.NextReaderAt = null;
        if (consumer.NextReaderAt <= now && PickReader(run) is { } process)
        {
            var end = Open(run, consumer.Readers, process);
            process.Send(new OpenSource(end.Id, run.Plan, consumer.Plan, IsFirst: end.Index == 0));
            consumer.NextReaderAt = null;
        }

        if (!isWritten && consumer.Reader is { IsOver: false } waiting && WaitsForNothing(run, waiting, now)) waiting.Cancel();
    }

    /// <summary>Where none of the stream's consumers is, if there is such a process.</summary>
    private ChildProcess? PickReader(TrackedStream run)
    {
        var process = Pick(_scenario.Readers);
        for (int i = 0; i < 3 && process is not null && run.Consumers.Exists(one => one.Reader is { IsOver: false } reader && reader.Process == process); i++) process = Pick(_scenario.Readers);
        return process;
    }

    /// <summary>It will not come back, and there are not too many.</summary>
    private static bool NeedsAnother(TrackedConsumer consumer) => consumer is { IsReplaced: false }
        && (consumer.Reader!.Process.IsDead || consumer.Reader.Outcome is { What: Happened.Left } || consumer.Reader is { Outcome.What: Happened.Failed, Fate: not null });

    /// <summary>Another consumer comes in the place of one that has left or was lost; or none does.</summary>
    private void Replace(TrackedStream run, TrackedConsumer consumer, long now)
    {
        consumer.IsReplaced = true;
        if (_dice.Next(2) == 0) return;
        run.Consumers.Add(new TrackedConsumer(consumer.Plan with { Name = null, Intent = Intent.Complete }, run.Consumers.Count) { NextReaderAt = now + _dice.Next(5_000) });
    }

    /// <summary>
    /// Nothing moves, though nothing went wrong of late that a stream may wait for; or not for a very long time. Where nobody reads, each loss
    /// of the producer begins the subscription timeout anew.
    /// </summary>
    private bool Hangs(TrackedStream run, long now)
    {
        long quiet = now - run.LastChange;
        if (quiet <= _hangLimit.TotalMilliseconds) return false;
        bool isRead = run.Readers.Any(reader => !reader.IsOver);
        return (isRead && quiet > 4 * _hangLimit.TotalMilliseconds) || SiloFates().All(fate => now - fate.From > _hangLimit.TotalMilliseconds);
    }

    private IReadOnlyList<Fate> SiloFates() => [.. _processes.All.Where(process => process.Kind == RoleKind.Silo).SelectMany(process => process.Fates)];

    private bool NeedsReader(TrackedStream run, TrackedConsumer consumer)
    {
        if (consumer.Reader is not { Outcome: not { What: Happened.Left } } reader) return false;
        if (reader.Process.IsDead || reader.Outcome?.What == Happened.Detached || reader is { Outcome.What: Happened.Failed, Fate: not null }) return true;
        if (consumer.HasBeenTakenOver || reader.Opened is null || reader.IsOver) return false;

        // Taken over as planned; or somebody loses patience with one that stands still.
        bool isPaused = reader.Fate is { Until: long.MaxValue, IsGraceful: false };
        bool isPlanned = consumer.Plan.Intent == Intent.TakeOver && run.DeliveredTo(reader) >= consumer.Plan.LeaveAfter;
        if (!isPlanned && !(isPaused && _dice.Next(100) == 0)) return false;
        consumer.HasBeenTakenOver = true;
        return true;
    }

    /// <summary>Its writers are gone, and it may not even have joined their stream: it may have begun one of its own.</summary>
    private bool WaitsForNothing(TrackedStream run, TrackedEnd reader, long now)
    {
        if (run.DeliveredTo(reader) > 0 || now - run.LastChange < (2 * _settings.Lease + TimeSpan.FromSeconds(5)).TotalMilliseconds) return false;
        if (run.Writers.TrueForAll(writer => writer.HasFinished)) return true;

        // One that was there with a writer is told of its loss, unless the producer was lost as well before they had met.
        var met = run.Writers.Where(writer => writer.Opened is not null && reader.Opened is { } opened && opened.At <= Left(writer)).ToArray();
        return met.Length == 0 || SiloFates().Any(fate => !fate.IsGraceful && fate.From >= run.StartedAt && fate.From <= met.Max(Left) + _settings.Lease.TotalMilliseconds);

        static long Left(TrackedEnd writer) => writer.Fate is { IsGraceful: false } fate ? Math.Min(fate.From, writer.OverAt) : writer.OverAt;
    }

    private void Decide(TrackedStream run)
    {
        var verifier = Verifier.Of(run, _settings.Lease, SiloFates());
        var verdict = verifier.Judge();
        if (verifier.Violations.Count > 0) Violated(run, verifier.Violations);
        else _tally.Decide(run.Plan.IsSingle ? $"{verdict}" : $"{run.Plan.Delivery} {verdict}");

        // A consumer that was detached last is kept its place.
        bool isClean = verifier.Violations.Count == 0 && run.Ends.All(end => end is { Fate: null, FailedOpens: [], IsCancelled: false })
            && run.Consumers.TrueForAll(consumer => consumer.Reader?.Outcome?.What != Happened.Detached);
        if (isClean) _freeNames.Enqueue(run.Plan.Name);
        if (run.Ends.All(end => end.Fate is null)) Pauses.Add(run);
        _tally.Say($"{verdict}: {run.Plan}");
        Forget(run);
    }

    private void GiveUp(TrackedStream run)
    {
        Violated(run, [$"Nothing has happened for {(Environment.TickCount64 - run.LastChange) / 1000} s, and it is not over."]);
        foreach (var end in run.Ends.Where(end => !end.IsOver)) end.Cancel();
        Forget(run);
    }

    private void Violated(TrackedStream run, IEnumerable<string> violations)
    {
        _tally.Decide("VIOLATED");
        _tally.Problem($"{string.Join("\n  ", violations)}\n  {string.Join("\n  ", run.Tell())}");
    }

    private void Forget(TrackedStream run)
    {
        _tally.Elements += run.Elements;
        _runs.Remove(run);
        foreach (var end in run.Ends)
        {
            _ends.Remove((end.Process, end.Id));
            end.Forget();
        }
    }

    private TrackedEnd Open(TrackedStream run, List<TrackedEnd> ends, ChildProcess process)
    {
        var end = new TrackedEnd(process, ends.Count);
        ends.Add(end);
        _ends[(process, end.Id)] = (run, end);
        run.Note($"{run.NameOf(end)} is asked to open");
        return end;
    }

    private ChildProcess? Pick(RoleKind? kind)
    {
        ChildProcess[] well = kind is { } one ? [.. _processes.Well(one)] : [.. _processes.Well(RoleKind.Silo), .. _processes.Well(RoleKind.Client)];
        return well.Length == 0 ? null : well[_dice.Next(well.Length)];
    }
}
