using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Streams;

/// <summary>One end of a stream, in one process, and what is known of it.</summary>
/// <param name="process">The process that it lives in.</param>
/// <param name="index">Which writer of the stream it is; or which of its consumer's readers, one after the other.</param>
internal sealed class TrackedEnd(ChildProcess process, int index)
{
    public ChildProcess Process => process;

    /// <summary>Its number in its process.</summary>
    public int Id { get; } = process.NewEnd();

    public int Index => index;

    /// <summary>When it was asked to open.</summary>
    public long StartedAt { get; } = Environment.TickCount64;

    public Report? Opened { get; private set; }

    public Report? Ending { get; private set; }

    public Report? Ended { get; private set; }

    public Report? Outcome { get; private set; }

    public List<Report> FailedOpens { get; } = [];

    public List<Report> Wrongs { get; } = [];

    public bool IsCancelled { get; private set; }

    public bool IsOver => Outcome is not null || process.IsDead;

    public long OverAt => Outcome?.At ?? process.DiedAt;

    /// <summary>What befell its process while it lived; null if nothing did.</summary>
    public Fate? Fate => process.FateWithin(StartedAt, Outcome?.At ?? long.MaxValue);

    public bool HasFinished => Outcome?.What == Happened.Finished;

    public bool HasCompleted => Outcome?.What == Happened.Completed;

    /// <summary>Its process died or was stopped, and it had not ended before.</summary>
    public bool IsLost => Fate is not null && Outcome?.What is null or Happened.Failed;

    /// <summary>Its outcome is an exception of that type.</summary>
    public bool FailedWith(string type) => Outcome is { What: Happened.Failed, Error: { } error } && error.Split('/')[0] == type;

    public void Hear(Report report)
    {
        switch (report.What)
        {
            case Happened.OpenFailed: FailedOpens.Add(report); break;
            case Happened.Opened: Opened = report; break;
            case Happened.Ending: Ending = report; break;
            case Happened.Ended: Ended = report; break;
            case Happened.Gap: break;
            case Happened.Wrong:
                Wrongs.Add(report);
                if (report.Error is not null) Outcome = report;   // a writer whose sink contradicted itself
                break;
            default: Outcome = report; break;
        }
    }

    public void Cancel()
    {
        if (IsCancelled) return;
        IsCancelled = true;
        process.Send(new Cancel(Id));
    }

    // As a writer:

    public long Putting => process.Recorder.Putting(Id);

    public long Put => process.Recorder.Put(Id);

    // As a reader:

    public long? First(int writer) => process.Recorder.First(Id, writer);

    public long Next(int writer) => process.Recorder.Next(Id, writer);

    /// <summary>Which elements of a balanced stream it was given.</summary>
    public Receipt[] Receipts() => Processes.Receipts.Read(process.Recorder.ReceiptsOf(Id));

    /// <summary>The stream is decided.</summary>
    public void Forget() => File.Delete(process.Recorder.ReceiptsOf(Id));
}
