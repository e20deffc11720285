using System.Threading.Channels;

namespace Casty.Orleans.Benchmarks;

/// <summary>From one thread to another inside a silo.</summary>
internal static class InProcess
{
    public static async Task ChannelAsync(int count)
    {
        var channel = Channel.CreateBounded<Price>(1024);
        var writing = Task.Run(async () =>
        {
            for (int i = 0; i < count; i++) await channel.Writer.WriteAsync(Price.Of(i));
            channel.Writer.Complete();
        });
        int read = 0;
        await foreach (var _ in channel.Reader.ReadAllAsync()) read++;
        await writing;
        Check.Count(count, read);
    }

    public static Task CastyAsync(BenchmarkCluster cluster, int count) => Streams.RunAsync(cluster.SiloA, cluster.SiloA, count);
}
