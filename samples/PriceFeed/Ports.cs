using System.Net;
using System.Net.Sockets;

namespace PriceFeed;

/// <summary>
/// Silos share a port without a complaint where the system lets them, and then neither works. So ports are looked at first.
/// </summary>
internal static class Ports
{
    /// <summary>
    /// Finds a free port, which stays this process' own for as long as the socket lives: a silo may still listen on it. Below those that
    /// systems hand out by themselves: of these, two processes that reserve one so may be given the same.
    /// </summary>
    public static Socket Reserve(out int port)
    {
        do port = Random.Shared.Next(12_000, 20_000);
        while (IsTaken(port));

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
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
