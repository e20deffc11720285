namespace Casty.Orleans.Benchmarks;

/// <summary>What scenarios share. The rivals' servers start when one of them is measured.</summary>
internal sealed class Bench(Settings settings, BenchmarkCluster cluster) : IAsyncDisposable
{
    private WebServer? _web;
    private MemoryStreams? _memory;

    public Settings Settings => settings;

    public BenchmarkCluster Cluster => cluster;

    public Report Report { get; } = new(settings);

    public async Task<WebServer> WebAsync() => _web ??= await WebServer.StartAsync();

    public async Task<MemoryStreams> MemoryStreamsAsync() => _memory ??= await MemoryStreams.StartAsync();

    /// <summary>Ends the rivals' servers, whose timers would count where nothing happens.</summary>
    public async Task StopRivalsAsync()
    {
        if (_web is { } web) await web.DisposeAsync();
        if (_memory is { } memory) await memory.DisposeAsync();
        (_web, _memory) = (null, null);
    }

    public async ValueTask DisposeAsync()
    {
        await StopRivalsAsync();
        await cluster.DisposeAsync();
    }
}
