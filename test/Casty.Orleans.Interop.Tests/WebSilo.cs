using System.Net;
using System.Net.Sockets;
using Casty.Orleans.Interop.Tests.Snippets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using PriceFeed;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>
/// A web server that is a silo as well, with the samples in it. What may lie between a writer and the network is small, so that it is
/// seen to be bounded: in the stream, in Kestrel (64 KiB for a response), and in the sockets.
/// </summary>
public sealed class WebSilo : IAsyncLifetime
{
    public const int BufferSize = 4;
    public const int Demand = 4;

    private const int SocketBuffer = 16 * 1024;

    private Socket _port = null!;
    private WebApplication _app = null!;

    public IGrainFactory Grains => _app.Services.GetRequiredService<IGrainFactory>();

    /// <summary>Where it speaks HTTP/1.1, and WebSockets.</summary>
    public Uri Address => new(_app.Urls.First());

    /// <summary>Where it speaks HTTP/2 only, as gRPC wants without TLS.</summary>
    public Uri Http2Address => new(_app.Urls.Last());

    public async Task InitializeAsync()
    {
        _port = Ports.Reserve(out int siloPort);
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(siloPort, gatewayPort: 0)
            .AddCastyStreams(streams =>
            {
                streams.Producer.BufferSize = BufferSize;
                streams.Consumer.MaxDemand = Demand;
            }));
        builder.Services.AddSignalR();
        builder.Services.AddGrpc();
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = Listen);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });

        _app = builder.Build();
        _app.MapPrices();
        _app.MapHub<PricesHub>("/prices");
        _app.MapGrpcService<PricesService>();
        await _app.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _app.DisposeAsync();
        _port.Dispose();
    }

    /// <summary>Connects with a small buffer on this side too.</summary>
    public static async ValueTask<Stream> ConnectAsync(DnsEndPoint server, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = SocketBuffer, NoDelay = true };
        await socket.ConnectAsync(server, cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    public static SocketsHttpHandler Handler() => new() { ConnectCallback = (context, token) => ConnectAsync(context.DnsEndPoint, token) };

    /// <summary>Listens with small buffers.</summary>
    public static Socket Listen(EndPoint endpoint)
    {
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        socket.SendBufferSize = SocketBuffer;   // connections inherit it
        return socket;
    }
}

[CollectionDefinition(nameof(WebSilo))]
public sealed class WebSiloCollection : ICollectionFixture<WebSilo>;
