using System.Diagnostics;

namespace Casty.Orleans;

/// <summary>How a reader asks to join a stream, at first and whenever it has to ask again.</summary>
/// <param name="Options">How it asks for elements.</param>
/// <param name="Place">The place that it takes, or null.</param>
/// <param name="Since">When it began to ask, in real time: it is about processes.</param>
internal sealed record JoinTerms(StreamConsumerOptions Options, SourcePlace? Place, long Since)
{
    public long MaxBytes => Options.MaxDemandBytes ?? StreamConsumerOptions.DefaultMaxDemandBytes;

    public StreamSubscribeRequest<T> Request<T>(
        StreamHost host, Guid end, string producer, string consumer, bool isNamed, IStreamElementObserver<T> observer, Activity? asker, long number = 0) => new()
    {
        Process = host.Process,
        End = end,
        Observer = observer,
        Producer = producer,
        Consumer = consumer,
        IsNamed = isNamed,
        MaxDemandBytes = MaxBytes,
        Number = number,
        Replaces = Place?.End ?? Guid.Empty,
        Stream = Place?.Stream ?? Guid.Empty,
        AskedFor = Stopwatch.GetElapsedTime(Since),
        Delivery = Options.Delivery,
        Start = Options.Start ?? StreamStart.Latest,
        Trace = StreamTraces.IdOf(asker),
    };
}
