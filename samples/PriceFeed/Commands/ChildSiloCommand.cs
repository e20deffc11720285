using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;
using PriceFeed.Web;

namespace PriceFeed.Commands;

/// <summary>One of the silos that <see cref="WebCommand"/> starts and kills. Not for people: no help tells of it.</summary>
internal static class ChildSiloCommand
{
    public const string Name = "web-silo";

    /// <summary>What it prints when it has joined.</summary>
    public const string Ready = "ready";

    public static string[] Arguments(int port, int primary) =>
        [Name, "--port", Text(port), "--primary", Text(primary)];

    public static async Task RunAsync(int port, int primary)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ShowOnlyStreams();
        builder.Services.AddSingleton<IHostLifetime, ParentsLifetime>();
        builder.UseOrleans(silo => silo.UseWebCluster(port, primary));
        using var host = builder.Build();
        await host.StartAsync();
        Console.WriteLine(Ready);
        await host.WaitForShutdownAsync();   // nobody asks for that, unless the cluster has declared it dead
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// It lives as long as its parent, however that ends. Ctrl-C and SIGTERM go to both where they are told to a group, and are its
    /// parent's to answer.
    /// </summary>
    private sealed class ParentsLifetime : IHostLifetime, IDisposable
    {
        private readonly PosixSignalRegistration _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        private readonly PosixSignalRegistration _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => signal.Cancel = true);

        public Task WaitForStartAsync(CancellationToken cancellationToken)
        {
            new Thread(Watch) { IsBackground = true, Name = "parent" }.Start();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
            _interrupt.Dispose();
            _terminate.Dispose();
        }

        /// <summary>The other end of standard input closes when the parent ends, even if it is killed.</summary>
        private static void Watch()
        {
            while (Console.In.ReadLine() is not null)
            {
            }

            Process.GetCurrentProcess().Kill();
        }
    }
}
