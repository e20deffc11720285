using Orleans;

namespace Casty.Orleans;

/// <summary>
/// Notices early that a process is silent which ends of this one depend on. It is asked once for all of them, so that many idle
/// streams cost no more than one: a stream alone would find out at its next word, which may be a third of a lease away (P-10).
/// </summary>
/// <remarks>It only makes ends ask where their producer is; nothing ends by it. Real time: it is about processes, not leases.</remarks>
internal sealed class PeerWatch
{
    /// <summary>How often a process is asked; one that has not answered the last two times is silent.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1.5);

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Peer> _peers = [];
    private readonly ITimer _timer;

    public PeerWatch() => _timer = StreamClock.Real.CreateTimer(static watch => ((PeerWatch)watch!).OnTimer(), this, Timeout.InfiniteTimeSpan);

    /// <summary>How many processes are asked now.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _peers.Count;
        }
    }

    /// <summary>Calls <paramref name="onSilent"/> when the process is silent, until what is returned is disposed.</summary>
    public IDisposable Watch(Guid process, IStreamDemandObserver observer, Action onSilent)
    {
        lock (_gate)
        {
            if (!_peers.TryGetValue(process, out var peer)) _peers.Add(process, peer = new Peer(process, observer));
            if (_peers.Count == 1 && peer.Ends.Count == 0) _timer.Change(Period, Period);
            var end = new End(this, peer, onSilent);
            peer.Ends.Add(end);
            return end;
        }
    }

    private void OnTimer()
    {
        List<Peer> ask = [];
        List<End> silent = [];
        lock (_gate)
        {
            foreach (var peer in _peers.Values)
            {
                if (!peer.IsAsked) ask.Add(peer);
                else if (++peer.Missed == 2) silent.AddRange(peer.Ends);
                peer.IsAsked = true;
            }
        }

        foreach (var peer in ask) _ = AskAsync(peer);
        foreach (var end in silent) end.OnSilent();
    }

    private async Task AskAsync(Peer peer)
    {
        bool isThere = false;
        try
        {
            isThere = await peer.Observer.PingAsync(peer.Process).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Why there is no answer makes no difference.
        }

        List<End> silent = [];
        lock (_gate)
        {
            if (!isThere && peer.Missed < 2) silent.AddRange(peer.Ends);
            peer.IsAsked = false;
            peer.Missed = 0;
        }

        foreach (var end in silent) end.OnSilent();
    }

    private void Remove(End end)
    {
        lock (_gate)
        {
            if (!end.Peer.Ends.Remove(end) || end.Peer.Ends.Count > 0) return;
            _peers.Remove(end.Peer.Process);
            if (_peers.Count == 0) _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private sealed class Peer(Guid process, IStreamDemandObserver observer)
    {
        public Guid Process => process;

        public IStreamDemandObserver Observer => observer;

        public HashSet<End> Ends { get; } = [];

        public bool IsAsked { get; set; }

        public int Missed { get; set; }
    }

    private sealed class End(PeerWatch watch, Peer peer, Action onSilent) : IDisposable
    {
        public Peer Peer => peer;

        public void OnSilent() => onSilent();

        public void Dispose() => watch.Remove(this);
    }
}
