using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Orleans.Hosting;

namespace Casty.Orleans.Docs.Tests.Snippets;

/// <summary>How a process is set up. Only compiled.</summary>
internal static class Processes
{
    public static void Client(HostApplicationBuilder builder)
    {
        #region client
        builder.UseOrleansClient(client => client.UseLocalhostClustering());
        #endregion
    }

    public static void Telemetry(HostApplicationBuilder builder)
    {
        #region telemetry
        builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics.AddMeter(StreamDiagnostics.MeterName).AddOtlpExporter())
            .WithTracing(traces => traces.AddSource(StreamDiagnostics.ActivitySourceName).AddOtlpExporter());
        #endregion
    }
}
