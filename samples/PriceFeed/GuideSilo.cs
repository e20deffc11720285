using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;

namespace PriceFeed;

/// <summary>A silo in this process, on a port that nobody else uses, so that any number of guides can run at once.</summary>
internal static class GuideSilo
{
    private const int NoGateway = 0;   // nobody connects from outside
    private const int Attempts = 20;

    public static async Task<IHost> StartAsync()
    {
        for (int attempt = 1; ; attempt++)
        {
            var silo = Build(FreePort());
            try
            {
                await silo.StartAsync();
                return silo;
            }
            catch (Exception exception) when (attempt < Attempts && IsPortTaken(exception))
            {
                silo.Dispose();   // another process was faster: try the next port
            }
        }
    }

    private static IHost Build(int port)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);   // no logging: the guide's output is all there is
        builder.UseOrleans(silo => silo.UseLocalhostClustering(port, NoGateway));
        return builder.Build();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static bool IsPortTaken(Exception exception) => exception switch
    {
        SocketException socket => socket.SocketErrorCode == SocketError.AddressAlreadyInUse,
        AggregateException many => many.InnerExceptions.Any(IsPortTaken),
        _ => exception.InnerException is { } inner && IsPortTaken(inner),
    };
}
