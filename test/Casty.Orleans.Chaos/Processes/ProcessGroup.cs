using Casty.Orleans.Chaos.Roles;

namespace Casty.Orleans.Chaos.Processes;

/// <summary>A place for a process of the cluster, which is filled again when its process has died.</summary>
internal sealed class Place(string name, RoleKind kind, int port, int gateway)
{
    private int _lives;

    public RoleKind Kind => kind;

    public int Port => port;

    public int Gateway => gateway;

    public ChildProcess? Current { get; set; }

    public string NextName() => $"{name}.{++_lives}";
}

/// <summary>The processes of the cluster: a silo that keeps the membership, silos, and clients.</summary>
internal sealed class ProcessGroup : IAsyncDisposable
{
    private readonly Settings _settings;
    private readonly Place _membership;
    private readonly DirectoryInfo _recorders = Directory.CreateTempSubdirectory("casty-chaos-");
    private readonly List<ChildProcess> _all = [];
    private bool _isEnding;

    public ProcessGroup(Settings settings)
    {
        _settings = settings;
        if (settings.Logs is not null) Directory.CreateDirectory(settings.Logs);
        int[] ports = Ports.Find(1 + 2 * settings.Silos);
        _membership = new Place("membership", RoleKind.Membership, ports[0], 0);
        Silos = [.. Enumerable.Range(0, settings.Silos).Select(i => new Place($"silo-{i + 1}", RoleKind.Silo, ports[1 + 2 * i], ports[2 + 2 * i]))];
        Clients = [.. Enumerable.Range(0, settings.Clients).Select(i => new Place($"client-{i + 1}", RoleKind.Client, 0, 0))];
    }

    /// <summary>What any process says.</summary>
    public event Action<ChildProcess, Report>? Reported;

    public IReadOnlyList<Place> Silos { get; }

    public IReadOnlyList<Place> Clients { get; }

    /// <summary>Every life of every process.</summary>
    public IReadOnlyList<ChildProcess> All
    {
        get
        {
            lock (_all) return [.. _all];
        }
    }

    public IReadOnlyList<ChildProcess> Well(RoleKind kind) =>
        [.. (kind == RoleKind.Silo ? Silos : Clients).Select(place => place.Current).OfType<ChildProcess>().Where(one => one.IsWell)];

    public async Task StartAsync()
    {
        await StartAsync(_membership);
        _ = _membership.Current!.Exited.ContinueWith(_ => Fail(), TaskScheduler.Default);
        await Task.WhenAll(Silos.Select(StartAsync));
        await Task.WhenAll(Clients.Select(StartAsync));

        // Without it nothing that follows means anything.
        void Fail()
        {
            if (_isEnding) return;
            Console.Error.WriteLine($"The process that keeps the membership has died.\n{string.Join('\n', _membership.Current.Logs)}");
            Environment.Exit(1);
        }
    }

    public async Task StartAsync(Place place)
    {
        string name = place.NextName();
        var child = new ChildProcess(place, name, new RoleSettings
        {
            Kind = place.Kind,
            Recorder = Path.Combine(_recorders.FullName, name),
            MembershipPort = _membership.Port,
            Port = place.Port,
            Gateway = place.Gateway,
            Gateways = [.. Silos.Select(silo => silo.Gateway)],
            Lease = _settings.Lease,
            LogsEverything = _settings.Logs is not null,
        }, _settings.Logs);
        lock (_all) _all.Add(child);
        place.Current = child;
        child.Reported += (from, report) =>
        {
            if (report.What == Happened.SiloDead) Declare(report);
            else Reported?.Invoke(from, report);
        };
        child.Start();
        await child.Ready;
    }

    /// <summary>A silo of that port is dead for the membership: the last one there that something befell.</summary>
    private void Declare(Report report)
    {
        if (Silos.FirstOrDefault(silo => silo.Port == report.End) is not { } place) return;
        var fate = All.Where(child => child.Place == place).SelectMany(child => child.Fates).LastOrDefault(fate => fate.From <= report.At);
        if (fate is { DeclaredAt: null }) fate.DeclaredAt = report.At;
    }

    public ValueTask DisposeAsync()
    {
        _isEnding = true;
        foreach (var child in All.Reverse()) child.Dispose();
        _recorders.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
