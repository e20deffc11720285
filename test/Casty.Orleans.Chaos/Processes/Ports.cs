using System.Net;
using System.Net.Sockets;

namespace Casty.Orleans.Chaos.Processes;

internal static class Ports
{
    /// <summary>
    /// Free ports below those that systems hand out by themselves: a silo that is started again must find its port still free.
    /// </summary>
    public static int[] Find(int count)
    {
        var found = new HashSet<int>();
        while (found.Count < count)
        {
            int port = Random.Shared.Next(11_000, 30_000);
            if (IsFree(port)) found.Add(port);
        }

        return [.. found];
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
