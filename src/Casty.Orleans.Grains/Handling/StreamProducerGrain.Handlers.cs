using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>
/// How the grains that handle a stream are found and kept: the producer's grain calls the grain that reads for them, when the stream begins
/// to be written, and again from time to time. Wherever that was lost, the call activates it.
/// </summary>
public sealed partial class StreamProducerGrain<T>
{
    /// <summary>In what time a reader is missed that was lost with its silo. Membership alone needs longer by default.</summary>
    private static readonly TimeSpan KeepPeriod = TimeSpan.FromSeconds(5);

    private HashSet<string>? _asked;   // few streams have a handler
    private HashSet<string>? _warned;
    private HandlingLog? _handlingLog;
    private IGrainTimer? _keeping;
    private ProducerEnd<T>? _opening;

    /// <inheritdoc/>
    public Task KeepHandlerAsync(string consumer)
    {
        if (_host.FindProducer<T>(this.GetPrimaryKeyString()) is { } producer)
        {
            if (producer.Handlers.Contains(consumer)) KeepHandlers();
        }
        else
        {
            DeactivateOnIdle();
        }

        return Task.CompletedTask;
    }

    /// <summary>Calls whoever reads for the grains that handle this stream. In a turn.</summary>
    private void KeepHandlers()
    {
        var producer = _host.FindProducer<T>(this.GetPrimaryKeyString());
        if (producer is { Opened.IsCompleted: false }) return;   // it is known later, and then this is called again
        string[] handlers = producer is null ? [] : [.. Handlers(producer)];
        if (handlers.Length == 0)
        {
            _keeping?.Dispose();
            _keeping = null;
            return;
        }

        _keeping ??= this.RegisterGrainTimer(static (grain, _) =>
        {
            grain.KeepHandlers();
            return Task.CompletedTask;
        }, this, new GrainTimerCreationOptions(KeepPeriod, KeepPeriod) { Interleave = true });
        _handlingLog ??= HandlingLog.For(ServiceProvider);
        foreach (string handler in handlers)
        {
            if ((_asked ??= []).Add(handler)) _ = KeepAsync(producer!, handler);
        }
    }

    /// <summary>A producer that is rebuilt knows who handles the stream once its ends have said so.</summary>
    private void KeepHandlersOnceOpen(ProducerEnd<T> producer)
    {
        if (_opening == producer) return;
        _opening = producer;
        _ = KeepAsync();

        async Task KeepAsync()
        {
            await producer.Opened;
            KeepHandlers();
        }
    }

    private IEnumerable<string> Handlers(ProducerEnd<T> producer)
    {
        string[] present = producer.Handlers;
        foreach (string handler in present) yield return handler;
        if (!producer.IsWritten) yield break;

        var manifest = ServiceProvider.GetRequiredService<IClusterManifestProvider>().Current;
        foreach (var grain in ImplicitHandler.Of<T>(manifest, producer.Name))
        {
            if (StreamNames.Handler(grain) is var handler && !present.Contains(handler)) yield return handler;
        }
    }

    /// <summary>Nobody waits for it: neither a call nor the deactivation of this grain.</summary>
    private async Task KeepAsync(ProducerEnd<T> producer, string handler)
    {
        try
        {
            await GrainFactory.GetGrain<IStreamHandlingGrain<T>>(StreamNames.ConsumerKey(producer.Name, handler)).KeepAsync(producer.Stream.Id);
        }
        catch (Exception exception)
        {
            // The next call may do better; of what lasts, somebody is to know.
            if (exception is StreamOccupiedException && (_warned ??= []).Add(handler)) _handlingLog!.CannotRead(exception, producer.Name, handler);
            else _handlingLog!.HandlerCallLost(exception, handler, producer.Name);
        }
        finally
        {
            _asked!.Remove(handler);
        }
    }
}
