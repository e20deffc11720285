using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Casty.Orleans.Benchmarks;

/// <summary>The server of the rivals that are not Orleans: SignalR on one port, gRPC on another.</summary>
internal sealed class WebServer(WebApplication app, SignalRRival signalR, GrpcRival grpc) : IAsyncDisposable
{
    public SignalRRival SignalR => signalR;

    public GrpcRival Grpc => grpc;

    public static async Task<WebServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddSignalR();
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.MapHub<PriceHub>("/prices");
        app.MapGrpcService<PriceService>();
        await app.StartAsync();
        string[] urls = [.. app.Urls];
        return new(app, await SignalRRival.ConnectAsync(new Uri($"{urls[0]}/prices")), new GrpcRival(urls[1]));
    }

    public async ValueTask DisposeAsync()
    {
        await signalR.DisposeAsync();
        grpc.Dispose();
        await app.DisposeAsync();
    }
}
