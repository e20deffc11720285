using System.Net;
using System.Net.Sockets;

namespace PriceFeed;

/// <summary>
/// Silos share a port without a complaint where the system lets them, and then neither works. So ports are looked at first.
/// </summary>
internal static class Ports
{
    /// <summary>Finds a free port, which stays this process' own for as long as the socket lives: a silo may still listen on it.</summary>
    public static Socket Reserve(out int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        return socket;
    }

    public static bool IsTaken(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
