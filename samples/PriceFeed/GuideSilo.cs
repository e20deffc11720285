using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;

namespace PriceFeed;

/// <summary>A silo in this process, on a port that nobody else uses, so that any number of guides can run at once.</summary>
internal sealed class GuideSilo : IAsyncDisposable
{
    private const int NoGateway = 0;   // nobody connects from outside

    private readonly Socket _port;
    private readonly IHost _host;

    private GuideSilo(Socket port, IHost host)
    {
        _port = port;
        _host = host;
    }

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    public static async Task<GuideSilo> StartAsync()
    {
        var socket = Ports.Reserve(out int port);
        var builder = Host.CreateEmptyApplicationBuilder(null);   // no logging: the guide's output is all there is
        builder.UseOrleans(silo => silo.UseLocalhostClustering(port, NoGateway));
        var host = builder.Build();
        await host.StartAsync();
        return new GuideSilo(socket, host);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        _port.Dispose();
    }
}
