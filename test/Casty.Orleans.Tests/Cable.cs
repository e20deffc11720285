using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using System.Net;

namespace Casty.Orleans.Tests;

/// <summary>
/// What the silos of a cluster are connected by. Where it is cut, no connection breaks: nothing comes through, as from a network that
/// is partitioned, and what waits comes late.
/// </summary>
public sealed class Cable
{
    private readonly Lock _gate = new();
    private readonly HashSet<int> _apart = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Has a silo's connections run through this cable.</summary>
    public void Connect(ISiloBuilder silo)
    {
        silo.Services.AddOptions<SiloConnectionOptions>().Configure<IOptions<EndpointOptions>>((options, endpoint) =>
            options.ConfigureSiloOutboundConnection(connection => connection.Use(next => context => RunAsync(context, next, endpoint.Value.SiloPort))));
    }

    /// <summary>Separates a silo from all others, though not from its clients.</summary>
    public void Cut(SiloAddress silo) => Change(() => _apart.Add(silo.Endpoint.Port));

    public void Mend() => Change(_apart.Clear);

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private async Task RunAsync(ConnectionContext context, ConnectionDelegate next, int from)
    {
        int to = ((IPEndPoint)context.RemoteEndPoint!).Port;
        var outer = context.Transport;
        Pipe inbound = new(), outbound = new();
        context.Transport = new Duplex(inbound.Reader, outbound.Writer);
        var copying = Task.WhenAll(CopyAsync(outer.Input, inbound.Writer), CopyAsync(outbound.Reader, outer.Output));
        await next(context);
        await inbound.Reader.CompleteAsync();
        await outbound.Writer.CompleteAsync();
        context.Abort();
        await copying;

        async Task CopyAsync(PipeReader reader, PipeWriter writer)
        {
            try
            {
                while (true)
                {
                    var read = await reader.ReadAsync();
                    await ThroughAsync(from, to, context.ConnectionClosed);
                    foreach (var segment in read.Buffer) writer.Write(segment.Span);
                    reader.AdvanceTo(read.Buffer.End);
                    if ((await writer.FlushAsync()).IsCompleted || read.IsCompleted) break;
                }
            }
            catch (Exception)
            {
                // The connection is closed.
            }

            await reader.CompleteAsync();
            await writer.CompleteAsync();
        }
    }

    private async Task ThroughAsync(int from, int to, CancellationToken closed)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_apart.Contains(from) == _apart.Contains(to)) return;
                changed = _changed.Task;
            }

            await changed.WaitAsync(closed);
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
