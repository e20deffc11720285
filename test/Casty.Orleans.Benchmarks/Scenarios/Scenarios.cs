namespace Casty.Orleans.Benchmarks;

/// <summary>Every table and what fills it, in the order in which they are printed.</summary>
internal static class Scenarios
{
    public static readonly (string Table, Func<Bench, string, Task> RunAsync)[] All =
    [
        ("throughput", Throughput.RunAsync),
        ("latency", Latency.RunAsync),
        ("produced", Stalled.ProducedAsync),
        ("stalled", Stalled.BesideAsync),
        ("elements", Elements.RunAsync),
        ("streams", ManyStreams.RunAsync),
        ("writers", ManyWriters.RunAsync),
        ("fan-out", FanOuts.RunAsync),
        ("demand", Demands.RunAsync),
        ("observed", Observed.RunAsync),
        ("batch", Observed.BatchAsync),
        ("idle", Idle.RunAsync),
    ];
}
