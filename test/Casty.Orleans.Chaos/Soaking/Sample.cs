using System.Diagnostics;

namespace Casty.Orleans.Chaos.Soaking;

/// <summary>What the process holds at one moment.</summary>
internal sealed record Sample(long Streams, long Heap, long WorkingSet, int Activations, int Ends, int Observers, int Timers, int Threads)
{
    public const string Header = "     time    streams   heap KiB   set KiB  activations    ends  observers  timers  threads";

    /// <summary>What may not grow, and how much of a difference is none: by a factor, and by a number.</summary>
    public static readonly (string Name, Func<Sample, long> Of, double Factor, long Beyond)[] Flat =
    [
        ("managed heap", one => one.Heap, 1.10, 2 << 20),
        ("working set", one => one.WorkingSet, 1.15, 32 << 20),
        ("activations", one => one.Activations, 1.25, 50),
        ("ends", one => one.Ends, 1.25, 200),
        ("observers", one => one.Observers, 1, 1),
        ("timers", one => one.Timers, 1.25, 50),
        ("threads", one => one.Threads, 1, 10),
    ];

    public static async Task<Sample> TakeAsync(SoakCluster cluster, long streams)
    {
        int activations = await cluster.CountActivationsAsync();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return new Sample(streams, GC.GetTotalMemory(forceFullCollection: true), process.WorkingSet64, activations, cluster.Ends, cluster.Observers,
            (int)Timer.ActiveCount, process.Threads.Count);
    }

    public string Row(TimeSpan time) =>
        $"{time,9:mm\\:ss}{Streams,11:N0}{Heap >> 10,11:N0}{WorkingSet >> 10,10:N0}{Activations,13:N0}{Ends,8:N0}{Observers,11:N0}{Timers,8:N0}{Threads,9:N0}";
}
