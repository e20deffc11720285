using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Text.Json;
using Xunit;

namespace Casty.Orleans.Browser.Tests;

/// <summary><c>PriceFeed web</c> as a process.</summary>
public sealed class Sample : IAsyncLifetime
{
    /// <summary>Every wait is bounded; the bound only keeps a hang from hanging the run. A silo that was killed is missed after seconds.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly string[] _options;
    private readonly List<string> _errors = [];
    private Process _process = null!;

    public Sample()
        : this([])
    {
    }

    private Sample(string[] options) => _options = options;

    public Uri Address { get; private set; } = null!;

    public HttpClient Http { get; } = new() { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>What it has printed, once it has ended.</summary>
    public string Output { get; private set; } = "";

    public static async Task<Sample> StartAsync(params string[] options)
    {
        var sample = new Sample(options);
        await sample.InitializeAsync();
        return sample;
    }

    /// <summary>Runs a command that is expected to end by itself.</summary>
    public static async Task<(int ExitCode, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync().WaitAsync(Limit);
        await output.WaitAsync(Limit);
        await process.WaitForExitAsync().WaitAsync(Limit);
        return (process.ExitCode, error.Trim());
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public async Task InitializeAsync()
    {
        int port = FreePort();
        _process = Start(["web", "--port", $"{port}", .. _options]);
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null) return;
            lock (_errors) _errors.Add(line.Data);
        };
        _process.BeginErrorReadLine();
        string? said = await _process.StandardOutput.ReadLineAsync().WaitAsync(Limit);
        if (said is null || !said.Contains($"http://localhost:{port} ", StringComparison.Ordinal))
        {
            throw await FailureAsync($"It said '{said}'.");
        }

        Address = new Uri($"http://localhost:{port}/");
        Http.BaseAddress = Address;
    }

    public Task DisposeAsync()
    {
        Http.Dispose();
        if (!_process.HasExited) _process.Kill();   // its silos end with it
        _process.Dispose();
        return Task.CompletedTask;
    }

    public void Kill() => _process.Kill();

    /// <summary>As Ctrl-C does, but for this process alone.</summary>
    public void Interrupt()
    {
        using var kill = Process.Start("kill", ["-INT", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public async Task<int> EndAsync()
    {
        Output = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Limit);
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return _process.ExitCode;
    }

    public async Task<HttpStatusCode> SetRateAsync(int rate)
    {
        using var response = await Http.PutAsJsonAsync("reader", new { rate });
        return response.StatusCode;
    }

    public async Task<HttpStatusCode> KillSiloAsync()
    {
        using var response = await Http.DeleteAsync("producers-silo");
        return response.StatusCode;
    }

    /// <summary>Follows the events until there is such a frame.</summary>
    public async Task<JsonElement> UntilAsync(Func<JsonElement, bool> condition)
    {
        using var patience = new CancellationTokenSource(Limit);
        string last = "nothing";
        try
        {
            await foreach (var item in EventsAsync(patience.Token))
            {
                if (item.EventType != "frame") continue;
                last = item.Data;
                var frame = JsonElement.Parse(item.Data);
                if (condition(frame)) return frame;
            }
        }
        catch (HttpRequestException exception)
        {
            throw await FailureAsync("It cannot be reached.", exception);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            throw new TimeoutException($"It did not come true. The last frame: {last}");
        }

        throw new InvalidOperationException($"The events ended. The last frame: {last}");
    }

    public async IAsyncEnumerable<SseItem<string>> EventsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await Http.GetAsync("events", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await using var body = await response.EnsureSuccessStatusCode().Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var item in SseParser.Create(body).EnumerateAsync(cancellationToken)) yield return item;
    }

    /// <summary>The processes of the two silos.</summary>
    public async Task<int[]> SilosAsync()
    {
        var frame = await UntilAsync(frame => frame.GetProperty("silos").EnumerateArray().All(silo => silo.GetProperty("isUp").GetBoolean()));
        return [.. frame.GetProperty("silos").EnumerateArray().Select(silo => silo.GetProperty("processId").GetInt32())];
    }

    /// <summary>What it says last tells why, so it is heard to its end.</summary>
    private async Task<InvalidOperationException> FailureAsync(string what, Exception? exception = null)
    {
        await _process.WaitForExitAsync().WaitAsync(Limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_errors) return new InvalidOperationException($"{what} {string.Join('\n', _errors)}", exception);
    }

    private static Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),   // it works from any folder
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "PriceFeed.dll"));
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
