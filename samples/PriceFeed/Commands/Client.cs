using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;

namespace PriceFeed.Commands;

/// <summary>A process that is no silo, connected to one over TCP. It waits for a silo that is not there yet.</summary>
internal sealed class Client : IAsyncDisposable
{
    private readonly IHost _host;

    private Client(IHost host) => _host = host;

    public IGrainFactory Grains => _host.Services.GetRequiredService<IClusterClient>();

    public static async Task<Client> ConnectAsync(int gateway, StopSignal stop)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ShowOnlyStreams();
        builder.Services.AddSingleton<IHostLifetime>(stop);
        builder.UseOrleansClient(client => client
            .UseLocalhostClustering(gateway)
            .UseConnectionRetryFilter(new Patience(gateway).RetryAsync));

        var host = builder.Build();
        await host.StartAsync(stop.Token);
        return new Client(host);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    /// <summary>Says once that no silo is there, and tries again every second until one is, or Ctrl-C.</summary>
    private sealed class Patience(int gateway)
    {
        private bool _said;

        public async Task<bool> RetryAsync(Exception exception, CancellationToken cancellationToken)
        {
            if (!_said) Console.Error.WriteLine($"No silo answers on gateway {gateway} yet ({exception.Message}). Trying again every second; Ctrl-C gives up.");
            _said = true;
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            return true;
        }
    }
}
