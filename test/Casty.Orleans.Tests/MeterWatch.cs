using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Casty.Orleans.Tests;

/// <summary>Listens to what one process measures, and to no other's, for as long as it is not disposed.</summary>
internal sealed class MeterWatch : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<Measured> _measured = new();
    private readonly ConcurrentQueue<Measured> _observed = new();
    private readonly ConcurrentDictionary<string, Instrument> _instruments = new();

    /// <param name="services">The process.</param>
    public MeterWatch(IServiceProvider services)
    {
        var factory = services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name != StreamDiagnostics.MeterName || instrument.Meter.Scope != factory) return;
            _instruments[instrument.Name] = instrument;
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            (instrument.IsObservable ? _observed : _measured).Enqueue(new Measured(instrument.Name, value, tags)));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => _measured.Enqueue(new Measured(instrument.Name, value, tags)));
        _listener.Start();
    }

    public ICollection<Instrument> Instruments => _instruments.Values;

    /// <summary>Everything that was measured of elements of <typeparamref name="T"/>, with those tags.</summary>
    public double[] All<T>(string instrument, params (string Key, string Value)[] tags) =>
        [.. _measured.Where(one => one.Instrument == instrument && one.Has((StreamTags.ElementType, typeof(T).ToString())) && tags.All(one.Has)).Select(one => one.Value)];

    public double Sum<T>(string instrument, params (string Key, string Value)[] tags) => All<T>(instrument, tags).Sum();

    /// <summary>What a gauge says of elements of <typeparamref name="T"/> now.</summary>
    public double Gauge<T>(string instrument)
    {
        _observed.Clear();
        _listener.RecordObservableInstruments();
        return _observed.Where(one => one.Instrument == instrument && one.Has((StreamTags.ElementType, typeof(T).ToString()))).Sum(one => one.Value);
    }

    public void Dispose() => _listener.Dispose();

    private sealed record Measured(string Instrument, double Value, KeyValuePair<string, object?>[] Tags)
    {
        public Measured(string instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
            : this(instrument, value, tags.ToArray())
        {
        }

        public bool Has((string Key, string Value) tag) => Tags.Any(one => one.Key == tag.Key && (string?)one.Value == tag.Value);
    }
}
