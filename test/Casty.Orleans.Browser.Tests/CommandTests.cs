using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Casty.Orleans.Browser.Tests;

/// <summary>How <c>PriceFeed web</c> begins and ends.</summary>
public sealed class CommandTests
{
    [Fact]
    public async Task WithSeconds_ItEndsByItself_AndLeavesNoProcess()
    {
        var sample = await Sample.StartAsync("--seconds", "5");
        int[] silos = await sample.SilosAsync();
        Assert.Equal(0, await sample.EndAsync());
        Assert.Contains(" 0 missing, 0 repeated ", sample.Output, StringComparison.Ordinal);
        await AssertGoneAsync(silos);
        await sample.DisposeAsync();
    }

    [Fact]
    public async Task Interrupted_ItEndsWell_WhileAPageLooks()
    {
        if (OperatingSystem.IsWindows()) return;   // it has no such signal for one process
        var sample = await Sample.StartAsync();
        int[] silos = await sample.SilosAsync();
        var page = sample.UntilAsync(_ => false);
        sample.Interrupt();
        Assert.Equal(0, await sample.EndAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(() => page);   // it was told everything, and then the end
        await AssertGoneAsync(silos);
        await sample.DisposeAsync();
    }

    [Fact]
    public async Task Killed_ItTakesItsSilosAlong()
    {
        var sample = await Sample.StartAsync();
        int[] silos = await sample.SilosAsync();
        sample.Kill();
        await AssertGoneAsync(silos);
        await sample.DisposeAsync();
    }

    [Fact]
    public async Task ATakenPort_IsNamed()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;
        Assert.Equal((1, $"Port {port} is taken; --port names another."), await Sample.RunAsync("web", "--port", $"{port}"));
    }

    [Theory]
    [InlineData("'web' knows no '--speed'.", "--speed", "5")]
    [InlineData("'--port' must be a whole number from 1 to 65535, not 'http'.", "--port", "http")]
    [InlineData("'--seconds' must be a whole number from 1 to 86400, not '0'.", "--seconds", "0")]
    [InlineData("'--seconds' needs a value.", "--seconds")]
    public async Task AWrongOption_IsNamed(string message, params string[] options) =>
        Assert.Equal((2, $"{message} PriceFeed --help tells what there is."), await Sample.RunAsync(["web", .. options]));

    private static async Task AssertGoneAsync(int[] processes)
    {
        Assert.Equal(2, processes.Length);
        foreach (int id in processes)
        {
            try
            {
                using var process = Process.GetProcessById(id);
                await process.WaitForExitAsync().WaitAsync(Sample.Limit);
            }
            catch (ArgumentException)
            {
                // It is gone.
            }
        }
    }
}
