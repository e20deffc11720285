using Casty.Orleans.Chaos.Processes;

namespace Casty.Orleans.Chaos.Roles;

/// <summary>What this process tells the orchestrator. Each word is out before the next thing happens, so none dies with the process.</summary>
internal sealed class Journal(FlightRecorder recorder)
{
    private readonly TextWriter _out = TextWriter.Synchronized(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });

    public FlightRecorder Recorder => recorder;

    public void Tell(Report report)
    {
        try
        {
            _out.WriteLine(Lines.Of(report));
        }
        catch (IOException)
        {
            // The orchestrator is gone, and this process is about to go as well.
        }
    }

    public void Tell(int end, Happened what, string? text = null) => Tell(new Report(end, what) { Text = text });

    public void Tell(int end, Happened what, Exception exception, string? text = null) => Tell(new Report(end, what)
    {
        Error = exception is StreamException stream ? $"{exception.GetType().Name}/{stream.Reason}" : exception.GetType().Name,
        Text = $"{text}{(text is null ? "" : ": ")}{exception.Message.Split('\n')[0]}",
    });
}
