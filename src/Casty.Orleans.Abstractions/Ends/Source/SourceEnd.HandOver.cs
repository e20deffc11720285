using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>A source whose handle was handed over keeps its place in the stream until somebody uses it elsewhere (P-17).</summary>
internal sealed partial class SourceEnd<T>
{
    /// <summary>The grain that opened it no longer decides over it.</summary>
    public Action? Untie { get; set; }

    public bool IsTied => Untie is not null;

    /// <summary>The end of a stream that had ended for whoever handed it over.</summary>
    public static SourceEnd<T> AtEnd(StreamHost host, string producer, string consumer, StreamEnd ended)
    {
        var core = new ReaderCore<Element<T>>(default, 0, 0, 1, 1, StreamTimings.For(host.Options.LeaseDuration), host.Clock.Now);
        core.Stop(ended);
        var end = new SourceEnd<T>(host, Guid.NewGuid(), producer, consumer, isNamed: false, core, new Nobody(), codec: null);
        end.Start();
        return end;
    }

    /// <summary>From now on this end only keeps its place, for a time. Of a stream that has ended there is none to keep.</summary>
    /// <param name="ended">How the stream ended for this reader; null where there is a place.</param>
    /// <exception cref="InvalidOperationException">It was left.</exception>
    public SourcePlace Park(out StreamEnd? ended)
    {
        if (!_host.HasCluster) throw StreamErrors.NotHandedOver("source", Producer, "it belongs to a StreamPipe, which no other process can reach");
        SourcePlace place;
        lock (_gate)
        {
            Close();
            SeeLease();
            if (_left is not null) throw StreamErrors.NotHandedOver("source", Producer, "it was left, or disposed");
            place = new SourcePlace(_core.Stream.Id, Id);
            ended = _core.End;
            if (ended is null)
            {
                _core.Park();
                _completion.TrySetCanceled();
            }
        }

        Untie?.Invoke();
        Untie = null;
        if (ended is null) Parking.Begin(_host, this, OnUnused);
        return place;
    }

    private void OnUnused()
    {
        var timeout = _host.Options.HandOverTimeout;
        var end = new StreamEnd(StreamEndReason.Abandoned, $"Its source was handed over and not used within {timeout}.");
        lock (_gate)
        {
            if (_core.IsSettled || !_core.TryLeave(_isNamed ? Protocol.Leave.Detach : Protocol.Leave.Cancel, end)) return;
            _left = end;
            TakeDemand();
        }

        _host.Log.Unused("source", Producer, typeof(T).ToString(), timeout);
        Schedule();
    }

    private sealed class Nobody : IDemandPort
    {
        public ValueTask<DemandReply> OnDemandAsync(Demand demand) => new(new DemandReply(null, IsUnknown: true));
    }
}
