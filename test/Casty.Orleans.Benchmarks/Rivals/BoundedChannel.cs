using System.Threading.Channels;

namespace Casty.Orleans.Benchmarks;

/// <summary>From one thread to another, without Orleans.</summary>
internal static class BoundedChannel
{
    public const string Name = "bounded channel";

    public static async Task RunAsync(int count)
    {
        var channel = Channel.CreateBounded<Price>(1024);
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < count; i++) await channel.Writer.WriteAsync(Kind.Price[i]);
            channel.Writer.Complete();
        });
        await Check.AllAsync(channel.Reader.ReadAllAsync(), Kind.Price, count);
        await writing;
    }
}
