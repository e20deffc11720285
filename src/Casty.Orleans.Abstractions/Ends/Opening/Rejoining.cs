using System.Diagnostics;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How an end asks its producer's grain how the stream goes on (P-15). The same for all ends of a process.</summary>
internal static class Rejoining<T>
{
    public static readonly Func<SinkEnd<T>, WriterReport, StreamHost, Task<StreamJoined<T>?>> Writer = static async (end, report, host) =>
    {
        var request = new StreamAttachRequest
        {
            Process = host.Process,
            End = end.Id,
            Observer = (await Joining.PeekAsync<T>(host)).Demand,
            Replaces = end.Replaces,
            Trace = StreamTraces.IdOf(Activity.Current),
        };
        return await host.Grains.GetGrain<IStreamProducerGrain<T>>(end.Producer).RejoinWriterAsync(request, WireFormat.ToWire(report, host));
    };

    public static readonly Func<SourceEnd<T>, ReaderReport, StreamHost, Task<StreamJoined<T>?>> Reader = static async (end, report, host) =>
    {
        var observer = (await Joining.PeekAsync<T>(host)).Elements;
        var request = end.Terms!.Request(host, end.Id, end.Producer, end.Consumer, end.IsNamed, observer, Activity.Current);
        return await host.Grains.GetGrain<IStreamProducerGrain<T>>(end.Producer).RejoinReaderAsync(request, WireFormat.ToWire(report, host));
    };
}
