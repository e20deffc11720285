using Orleans;
using Orleans.Placement;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>
/// Reads a stream for a grain that handles it. It remembers nothing: its key says what to read and whom to call, and the stream knows how
/// far that is. The stream's producer calls it again when it is lost.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[PreferLocalPlacement]
[GrainType("casty.handling`1")]
public sealed class StreamHandlingGrain<T> : Grain, IStreamHandlingGrain<T>
{
    private readonly StreamHost _host;
    private readonly HandlingLog _log;
    private Handling<T>? _handling;
    private Guid _stopped;   // the run of the stream that the grain consumes no more
    private bool _isWanted;  // it is to consume again once it has stopped, or the next run once this one is over
    private int _asking;

    /// <summary>Creates the grain.</summary>
    /// <param name="services">The services of the silo.</param>
    public StreamHandlingGrain(IServiceProvider services)
    {
        _host = StreamHost.For(services);
        _log = HandlingLog.For(services);
    }

    /// <inheritdoc/>
    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (_handling is null) await BeginAsync(run: null, cancellationToken);
        else _isWanted = _handling.IsStopping || _handling.IsEnding;   // not waited for: the call may come from the handler that is waited for
    }

    /// <inheritdoc/>
    public async Task<bool> KeepAsync(Guid stream)
    {
        var before = _handling;
        if (before is not null)
        {
            if (before.Run == stream) return true;

            // The run before has ended, or it is about to see that it has.
            _asking++;
            Task done = before.Done;
            await done.WaitAsync(Joining.Pause).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            _asking--;
            if (!done.IsCompleted) return true;
        }

        if (stream == _stopped) return false;
        if (_handling is null || _handling == before) await BeginAsync(stream, CancellationToken.None);
        return true;
    }

    /// <inheritdoc/>
    public async Task StopAsync(StreamLeave leave)
    {
        _isWanted = false;
        if (_handling is { } handling)
        {
            handling.Stop(leave);
            return;
        }

        // Whoever reads here next is to find that it was left: there is nobody to stop, but perhaps something to cancel.
        if (leave == StreamLeave.Cancel && _stopped != Guid.Empty)
        {
            try
            {
                await BeginAsync(run: _stopped, CancellationToken.None);
                _handling!.Stop(leave);
            }
            catch (StreamException)
            {
                // That run has ended meanwhile: there is nothing to cancel.
            }
        }
        else if (_stopped == Guid.Empty)
        {
            DeactivateOnIdle();
        }
    }

    /// <inheritdoc/>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_handling is not { } handling) return;
        await handling.PartAsync(cancellationToken);
    }

    private async Task BeginAsync(Guid? run, CancellationToken cancellationToken)
    {
        if (!StreamNames.TryParseHandler(this.GetPrimaryKeyString(), out string? stream, out string? consumer, out var grain))
        {
            DeactivateOnIdle();
            throw new ArgumentException($"'{this.GetPrimaryKeyString()}' is not the subscription of a grain.");
        }

        _asking++;
        try
        {
            _handling = await Handling<T>.BeginAsync(_host, _log, stream, consumer, grain, run, cancellationToken);
            _stopped = Guid.Empty;
            _isWanted = false;
            DelayDeactivation(TimeSpan.MaxValue);
            _ = WatchAsync(_handling, stream, consumer);
        }
        catch when (_handling is null)
        {
            DeactivateOnIdle();
            throw;
        }
        finally
        {
            _asking--;
        }
    }

    private async Task WatchAsync(Handling<T> handling, string stream, string consumer)
    {
        var outcome = await handling.Done;
        if (_handling == handling) _handling = null;
        if (outcome == HandlingOutcome.Left)
        {
            // Wherever the producer calls it, it goes on.
            Joining.Tell(_host, () => _host.Grains.GetGrain<IStreamProducerGrain<T>>(stream).KeepHandlerAsync(consumer));
        }

        if (_handling is not null) return;
        if (_isWanted && outcome is HandlingOutcome.Stopped or HandlingOutcome.Over)
        {
            _isWanted = false;
            Joining.Tell(_host, () => this.AsReference<IStreamHandlingGrain<T>>().BeginAsync(CancellationToken.None));
            return;
        }

        DelayDeactivation(TimeSpan.Zero);
        if (outcome == HandlingOutcome.Stopped) _stopped = handling.Run;   // remembered for as long as the producer asks
        else if (_asking == 0) DeactivateOnIdle();
    }
}
