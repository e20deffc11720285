using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>A sink whose handle was handed over keeps its place in the stream until somebody uses it elsewhere (P-17).</summary>
internal sealed partial class SinkEnd<T>
{
    private bool _isParked;

    /// <summary>The grain that opened it no longer decides over it.</summary>
    public Action? Untie { get; set; }

    public bool IsTied => Untie is not null;

    /// <summary>From now on this end only keeps its place, for a time.</summary>
    /// <exception cref="InvalidOperationException">It has been used: what is put elsewhere could overtake what was put here.</exception>
    public SinkPlace Park()
    {
        if (!_host.HasCluster) throw StreamErrors.NotHandedOver("sink", Producer, "it belongs to a StreamPipe, which no other process can reach");
        SinkPlace place;
        lock (_gate)
        {
            Sync();
            SeeLease();
            if (_core.End is not null) throw StreamErrors.NotHandedOver("sink", Producer, "it has ended");
            if (_core.Put > 0 || ArePutsWaiting || _roomWaiters > 0)
            {
                Publish();
                throw StreamErrors.NotHandedOver("sink", Producer, "it has been put to, and what is put elsewhere could overtake that");
            }

            _isParked = true;
            Publish();
            _completion.TrySetCanceled();
            place = new SinkPlace(_core.Stream.Id, _core.Writer);
        }

        Untie?.Invoke();
        Untie = null;
        Parking.Begin(_host, this, OnUnused);
        return place;
    }

    private void OnUnused()
    {
        var timeout = _host.Options.HandOverTimeout;
        if (Outcome is null && TryEnd(new StreamEnd(StreamEndReason.Abandoned, $"A sink was handed over and not used within {timeout}.")))
        {
            _host.Log.Unused("sink", Producer, typeof(T).ToString(), timeout);
        }
    }

    /// <summary>Under the lock.</summary>
    private void ThrowIfParked()
    {
        if (_isParked) throw StreamErrors.HandedOver("sink", Producer);
    }
}
