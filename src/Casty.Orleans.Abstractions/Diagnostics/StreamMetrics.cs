using System.Diagnostics.Metrics;

namespace Casty.Orleans;

/// <summary>
/// The instruments of one process. Counters are added to per batch, gauges are looked up when somebody asks, and the time is looked at
/// only for an instrument that somebody listens to.
/// </summary>
internal sealed class StreamMetrics
{
    /// <summary>From what an idle stream takes to what a lease does.</summary>
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    };

    /// <summary>Of streams that belong to no cluster. Its meter is disposed: nobody ever listens, and nothing is kept.</summary>
    public static readonly StreamMetrics None = Unheard();

    private readonly Func<IEnumerable<IObservedEnd>> _ends;

    /// <param name="meter">The process' meter.</param>
    /// <param name="ends">The ends that the process hosts now.</param>
    public StreamMetrics(Meter meter, Func<IEnumerable<IObservedEnd>> ends)
    {
        _ends = ends;
        ElementsSent = meter.CreateCounter<long>("casty.stream.elements.sent", "{element}", "Elements that left for the first time.");
        ElementsReceived = meter.CreateCounter<long>("casty.stream.elements.received", "{element}", "Elements that arrived, once and in order.");
        ElementsResent = meter.CreateCounter<long>("casty.stream.elements.resent", "{element}", "Elements that were sent again, as nobody answered.");
        ElementsDropped = meter.CreateCounter<long>("casty.stream.elements.dropped", "{element}", "Elements that came twice and were dropped.");
        BatchesSent = meter.CreateCounter<long>("casty.stream.batches.sent", "{batch}", "Messages with elements that left, those sent again included.");
        BatchesReceived = meter.CreateCounter<long>("casty.stream.batches.received", "{batch}", "Messages with elements that arrived, those that came twice included.");
        BatchesReordered = meter.CreateCounter<long>("casty.stream.batches.reordered", "{batch}", "Batches that came before their turn and were put back into it.");
        Resumes = meter.CreateCounter<long>("casty.stream.resumes", "{resume}", "How often a stream went on after its producer or its reader had gone.");
        Ended = meter.CreateCounter<long>("casty.stream.ended", "{stream}", "Streams that are over.");
        Wait = meter.CreateHistogram("casty.stream.wait.duration", "s", "How long a put that found no room waited.", advice: Seconds);
        Delivery = meter.CreateHistogram("casty.stream.delivery.duration", "s", "How long a batch took to the other side of a leg; one at a time is followed.", advice: Seconds);
        meter.CreateObservableUpDownCounter("casty.stream.producers", () => Count(StreamRole.Producer), "{stream}", "Streams whose producer is in this process.");
        meter.CreateObservableUpDownCounter("casty.stream.sinks", () => Count(StreamRole.Sink), "{sink}", "Writers in this process.");
        meter.CreateObservableUpDownCounter("casty.stream.sources", () => Count(StreamRole.Source), "{source}", "Readers in this process.");
        meter.CreateObservableUpDownCounter("casty.stream.demand", () => Sum(facts => facts.Demand), "{element}", "Elements that readers ask for and that have not left.");
        meter.CreateObservableUpDownCounter("casty.stream.buffered", () => Sum(facts => facts.Buffered), "{element}", "Elements that wait for their reader to ask for them.");
        meter.CreateObservableUpDownCounter("casty.stream.unfinished", () => Sum(facts => facts.Unfinished), "{element}", "Elements that left and that their reader has not finished.");
        meter.CreateObservableUpDownCounter("casty.stream.stalled", () => Sum(facts => facts.StalledFor is null ? 0 : 1), "{stream}", "Streams that hold elements that nobody asks for.");
    }

    public Counter<long> ElementsSent { get; }

    public Counter<long> ElementsReceived { get; }

    public Counter<long> ElementsResent { get; }

    public Counter<long> ElementsDropped { get; }

    public Counter<long> BatchesSent { get; }

    public Counter<long> BatchesReceived { get; }

    public Counter<long> BatchesReordered { get; }

    public Counter<long> Resumes { get; }

    public Counter<long> Ended { get; }

    public Histogram<double> Wait { get; }

    public Histogram<double> Delivery { get; }

    private static StreamMetrics Unheard()
    {
        using var meter = new Meter($"{StreamDiagnostics.MeterName}.Unheard");
        return new StreamMetrics(meter, static () => []);
    }

    private IEnumerable<Measurement<long>> Count(StreamRole role) => ByType(_ends().Where(end => end.Role == role && end.IsLive).Select(end => (end.ElementType, 1L)));

    private IEnumerable<Measurement<long>> Sum(Func<StreamFacts, long> value) => ByType(_ends().OfType<IObservedProducer>()
        .Select(producer => (producer.ElementType, producer.Observe() is { } facts ? value(facts) : 0)));

    private static IEnumerable<Measurement<long>> ByType(IEnumerable<(string Type, long Value)> values)
    {
        var sums = new Dictionary<string, long>();
        foreach (var (type, value) in values) sums[type] = Saturate(sums.GetValueOrDefault(type), value);
        return sums.Select(sum => new Measurement<long>(sum.Value, new KeyValuePair<string, object?>(StreamTags.ElementType, sum.Key)));
    }

    /// <summary>Demand may be all there is.</summary>
    private static long Saturate(long sum, long value) => value > long.MaxValue - sum ? long.MaxValue : sum + value;
}
