using System.Net.Sockets;
using Casty.Orleans.Interop.Tests.Snippets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using PriceFeed;
using Xunit;

namespace Casty.Orleans.Interop.Tests;

/// <summary>The same samples in a web server that is a client of the cluster: writer and producer are in a silo elsewhere.</summary>
public sealed class WebClientTests : IAsyncLifetime
{
    private readonly string _name = $"{Guid.NewGuid():N}";
    private Socket _siloPort = null!;
    private Socket _gatewayPort = null!;
    private IHost _silo = null!;
    private WebApplication _web = null!;

    public async Task InitializeAsync()
    {
        _siloPort = Ports.Reserve(out int siloPort);
        _gatewayPort = Ports.Reserve(out int gatewayPort);
        var silo = Host.CreateApplicationBuilder();
        silo.Logging.ClearProviders();
        silo.UseOrleans(orleans => orleans.UseLocalhostClustering(siloPort, gatewayPort).AddCastyStreams(streams => streams.Producer.BufferSize = WebSilo.BufferSize));
        _silo = silo.Build();
        await _silo.StartAsync();

        var web = WebApplication.CreateBuilder();
        web.Logging.ClearProviders();
        web.UseOrleansClient(orleans => orleans.UseLocalhostClustering(gatewayPort).AddCastyStreams(streams => streams.Consumer.MaxDemand = WebSilo.Demand));
        web.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = WebSilo.Listen);
        _web = web.Build();
        _web.Urls.Add("http://127.0.0.1:0");
        _web.MapPrices();
        await _web.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _web.DisposeAsync();
        await _silo.StopAsync();
        _silo.Dispose();
        _siloPort.Dispose();
        _gatewayPort.Dispose();
    }

    [Fact]
    public async Task Elements_AreEvents_AndTheResponseEndsWithTheStream()
    {
        await using var sink = await OpenAsync();
        using var client = new HttpClient();
        var getting = client.GetStringAsync(Url);
        for (int i = 0; i < 100; i++) await sink.PutAsync(new("AAPL", i)).Soon();
        await sink.CompleteAsync().Soon();
        string text = await getting.Soon();
        Assert.Equal(string.Concat(Enumerable.Range(0, 100).Select(i => $"event: price\ndata: {{\"symbol\":\"AAPL\",\"price\":{i}}}\n\n")), text);
        await sink.Completion.Soon();
    }

    [Fact]
    public async Task AClientThatDisconnects_CancelsTheStream()
    {
        await using var sink = await OpenAsync();
        await sink.PutAsync(new("AAPL", 0)).Soon();
        using (var client = new HttpClient())
        {
            using var response = await client.GetAsync(Url, HttpCompletionOption.ResponseHeadersRead).Soon();
            await using var body = await response.Content.ReadAsStreamAsync().Soon();
            Assert.NotEqual(-1, body.ReadByte());
        }

        Assert.Equal(StreamEndReason.Cancelled, (await Assert.ThrowsAsync<StreamClosedException>(() => sink.Completion.Soon())).Reason);
    }

    [Fact]
    public Task AClientThatStopsReading_HoldsTheWriterBack() =>
        Events.HoldTheWriterBackAsync(_silo.Services.GetRequiredService<IGrainFactory>(), $"{_web.Urls.First()}/prices", _name);

    private string Url => $"{_web.Urls.First()}/prices/{_name}";

    private Task<SinkRef<PriceUpdate>> OpenAsync() => _silo.Services.GetRequiredService<IGrainFactory>().GetSinkAsync<PriceUpdate>(_name).Soon();
}
