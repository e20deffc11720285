using System.Diagnostics;
using PriceFeed.Commands;

namespace PriceFeed.Web;

/// <summary>A silo as a process of its own, started from this very program, that can be killed and started again.</summary>
internal sealed class SiloProcess(string name, int port, int primary) : IDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private Process? _process;

    public string Name => name;

    public int Port => port;

    public int? ProcessId { get; private set; }

    public bool IsUp { get; private set; }

    /// <summary>Starts it, and returns when it has joined the cluster.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,    // nothing is ever said: it ends when this process does, and its life with that
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(SiloProcess).Assembly.Location);
        foreach (string argument in ChildSiloCommand.Arguments(port, primary)) start.ArgumentList.Add(argument);

        _process?.Dispose();
        _process = Process.Start(start)!;
        ProcessId = _process.Id;
        var errors = _process.StandardError.ReadToEndAsync(CancellationToken.None);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(StartTimeout);
        try
        {
            while (await _process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
            {
                if (line != ChildSiloCommand.Ready) continue;
                _ = _process.StandardOutput.ReadToEndAsync(CancellationToken.None);   // or it would wait for a reader one day
                IsUp = true;
                return;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandFailedException($"Silo {name} did not join the cluster within {StartTimeout.TotalSeconds} seconds.");
        }

        throw new CommandFailedException($"Silo {name} ended before it had joined the cluster. {await errors}".TrimEnd());
    }

    /// <summary>Returns when the process has ended, whoever ended it.</summary>
    public async Task DiedAsync(CancellationToken cancellationToken)
    {
        await _process!.WaitForExitAsync(cancellationToken);
        IsUp = false;
        ProcessId = null;
    }

    /// <summary>Ends it without a word, as a crash does: SIGKILL, or what the system has in its place.</summary>
    public void Kill()
    {
        IsUp = false;
        _process!.Kill();
    }

    public void Dispose()
    {
        if (_process is null) return;
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }
}
