using System.Net.Sockets;
using Casty.Orleans;
using Orleans;
using Orleans.Runtime;

namespace PriceFeed.Web;

/// <summary>The two silos that streams live in: keeps them running, and knows which of them has the page's stream.</summary>
internal sealed class Cluster : IDisposable
{
    /// <summary>A silo that has died comes back when the stream has gone on without it; where nobody reads, after this.</summary>
    private static readonly TimeSpan LongestAbsence = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LookTimeout = TimeSpan.FromSeconds(2);

    private readonly Socket[] _ports;
    private readonly SiloProcess[] _silos;
    private readonly Outages _outages;
    private SiloProcess? _home;

    public Cluster(Outages outages)
    {
        int[] ports = new int[3];
        _ports = [.. ports.Select((_, i) => Ports.Reserve(out ports[i]))];
        Primary = ports[0];
        _silos = [new SiloProcess("A", ports[1], Primary), new SiloProcess("B", ports[2], Primary)];
        _outages = outages;
    }

    /// <summary>The port of the silo that keeps the membership. It is in this process, and so it outlives the others.</summary>
    public int Primary { get; }

    public IReadOnlyList<SiloState> Silos =>
        [.. _silos.Select(silo => new SiloState(silo.Name, silo.ProcessId, silo.IsUp, silo.IsUp && silo == Volatile.Read(ref _home)))];

    /// <summary>Starts the silos, and waits until this one knows what grains they have, which it hears a moment after they have joined.</summary>
    public async Task StartAsync(IClusterManifestProvider manifests, CancellationToken stopping)
    {
        await Task.WhenAll(_silos.Select(silo => silo.StartAsync(stopping)));
        await foreach (var manifest in manifests.Updates.WithCancellation(stopping))
        {
            if (manifest.Silos.Count > _silos.Length) break;   // this one has no streams
        }
    }

    /// <summary>Starts silos again that have died, by the page's button or by anybody's hand.</summary>
    public Task KeepAsync(Writer writer, CancellationToken stopping)
    {
        return Task.WhenAny(_silos.Select(KeepAsync)).Unwrap();

        async Task KeepAsync(SiloProcess silo)
        {
            while (true)
            {
                await silo.DiedAsync(stopping);

                // The price that is being put may not be counted yet.
                var outage = new Outage(silo.Name, Environment.TickCount64, writer.Put + 1);
                _outages.Add(outage);
                await outage.Over.WaitAsync(LongestAbsence, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await silo.StartAsync(stopping);
            }
        }
    }

    /// <summary>Asks where the stream is, again and again.</summary>
    public async Task LookAsync(IGrainFactory grains, CancellationToken stopping)
    {
        var management = grains.GetStreamManagement();
        var query = new StreamQuery { NamePrefix = Feed.Stream };
        using var timer = new PeriodicTimer(LookPeriod);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            SiloProcess? home = null;
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            patience.CancelAfter(LookTimeout);
            try
            {
                var stream = await management.ListAllAsync(query, patience.Token).MaxByAsync(one => one.Incarnation, cancellationToken: patience.Token);
                home = _silos.FirstOrDefault(silo => silo.Port == stream?.Silo.Endpoint.Port);
            }
            catch (Exception exception) when (!stopping.IsCancellationRequested && exception is OrleansException or TimeoutException or OperationCanceledException)
            {
                // A silo is gone, and the cluster has not noticed yet.
            }

            Volatile.Write(ref _home, home);
        }
    }

    /// <summary>Kills the silo that has the stream.</summary>
    /// <returns>Its name; null if it is not the moment: the stream is on its way, or not both silos are there.</returns>
    public string? Kill()
    {
        if (Volatile.Read(ref _home) is not { } home || !_silos.All(silo => silo.IsUp)) return null;
        home.Kill();
        return home.Name;
    }

    public void Dispose()
    {
        foreach (var silo in _silos) silo.Dispose();
        foreach (var port in _ports) port.Dispose();
    }
}
