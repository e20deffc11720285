using System.Diagnostics;
using Casty.Orleans.Chaos.Roles;

namespace Casty.Orleans.Chaos.Processes;

/// <summary>One life of one process of the cluster.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int KeptLogLines = 40;

    private readonly Process _process;
    private readonly Queue<string> _logs = [];
    private readonly TextWriter? _logFile;
    private readonly string _recorderPath;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Fate> _fates = [];
    private int _ends;

    public ChildProcess(Place place, string name, RoleSettings role, string? logs)
    {
        Place = place;
        Name = name;
        Kind = role.Kind;
        _recorderPath = role.Recorder;
        Recorder = new FlightRecorder(role.Recorder);
        _logFile = logs is null ? null : TextWriter.Synchronized(new StreamWriter(Path.Combine(logs, $"{name}.log")) { AutoFlush = true });

        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        start.ArgumentList.Add(RoleSettings.Command);
        start.ArgumentList.Add(Lines.Of(role));
        start.Environment["DOTNET_TieredPGO"] = "0";   // short lives: what is measured for later only costs
        _process = Process.Start(start)!;
        _process.StandardInput.AutoFlush = true;
    }

    /// <summary>What the process says. Everything that it said comes before <see cref="Exited"/>.</summary>
    public event Action<ChildProcess, Report>? Reported;

    public Place Place { get; }

    public string Name { get; }

    public RoleKind Kind { get; }

    public FlightRecorder Recorder { get; }

    public Task Ready => _ready.Task;

    public Task Exited => _exited.Task;

    public bool IsDead => _exited.Task.IsCompleted;

    public long DiedAt { get; private set; }

    /// <summary>It runs, and nothing has been done to it.</summary>
    public bool IsWell => _ready.Task.IsCompletedSuccessfully && !IsDead && Fates.All(fate => fate.Until <= Environment.TickCount64);

    public IReadOnlyList<Fate> Fates
    {
        get
        {
            lock (_fates) return [.. _fates];
        }
    }

    /// <summary>What befell the process within a time.</summary>
    public Fate? FateWithin(long from, long until) => Fates.FirstOrDefault(fate => fate.From <= until && fate.Until >= from);

    public IReadOnlyList<string> Logs
    {
        get
        {
            lock (_logs) return [.. _logs];
        }
    }

    public void Start()
    {
        var said = Task.Run(() => ListenAsync(_process.StandardOutput, Hear));
        var logged = Task.Run(() => ListenAsync(_process.StandardError, Log));
        _ = Task.Run(async () =>
        {
            await Task.WhenAll(said, logged);
            await _process.WaitForExitAsync();
            if (Fates.All(fate => fate.Until < long.MaxValue)) Befall(new Fate($"died by itself with {_process.ExitCode}", Environment.TickCount64));
            _ready.TrySetException(new InvalidOperationException($"{Name} ended with {_process.ExitCode} before it was ready."));
            _ = _ready.Task.Exception;
            DiedAt = Environment.TickCount64;
            _exited.SetResult();
        });
    }

    /// <summary>A number for a new end.</summary>
    public int NewEnd() => Interlocked.Increment(ref _ends);

    public void Send(Order order)
    {
        try
        {
            lock (_process) _process.StandardInput.WriteLine(Lines.Of(order));
        }
        catch (IOException)
        {
            // It is dead, and everybody will know soon.
        }
    }

    public void Kill()
    {
        Befall(new Fate("killed", Environment.TickCount64));
        _process.Kill();
    }

    public void Stop()
    {
        Befall(new Fate("stopped", Environment.TickCount64) { IsGraceful = true });
        Signal("TERM");
    }

    /// <summary>Stands still for a while. What began before may be lost, and so may what began right afterwards.</summary>
    public async Task PauseAsync(TimeSpan time, TimeSpan recovery)
    {
        var fate = new Fate($"paused for {time.TotalSeconds:F1} s", Environment.TickCount64) { IsPause = true };
        Befall(fate);
        Signal("STOP");
        await Task.Delay(time);
        Signal("CONT");
        fate.Until = Environment.TickCount64 + (long)recovery.TotalMilliseconds;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        Recorder.Dispose();
        File.Delete(_recorderPath);
        _logFile?.Dispose();
        _process.Dispose();
    }

    private static async Task ListenAsync(StreamReader from, Action<string> hear)
    {
        while (await from.ReadLineAsync() is { } line) hear(line);
    }

    private void Hear(string line)
    {
        if (Lines.Parse<Report>(line) is not { } report) return;
        if (report.What == Happened.Ready) _ready.TrySetResult();
        else Reported?.Invoke(this, report);
    }

    private void Log(string line)
    {
        _logFile?.WriteLine(line);
        lock (_logs)
        {
            _logs.Enqueue(line);
            if (_logs.Count > KeptLogLines) _logs.Dequeue();
        }
    }

    private void Befall(Fate fate)
    {
        lock (_fates) _fates.Add(fate);
    }

    /// <summary>By the program of that name: the numbers of signals differ between systems.</summary>
    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        kill.WaitForExit();
    }
}
