using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Casty.Orleans;

/// <summary>What is logged about grains that handle streams.</summary>
internal sealed partial class HandlingLog(ILogger logger)
{
    public static HandlingLog For(IServiceProvider services) =>
        new(services.GetService<ILoggerFactory>()?.CreateLogger(StreamDiagnostics.LogCategory) ?? NullLogger.Instance);

    [LoggerMessage(StreamEvents.Retrying, LogLevel.Information, "Grain {Grain} failed to handle stream '{Stream}' ({Failures} times in a row); it is called again in {Delay}.")]
    public partial void Retrying(Exception? exception, string grain, string stream, int failures, TimeSpan delay);

    [LoggerMessage(StreamEvents.Skipped, LogLevel.Warning, "Grain {Grain} failed to handle {Count} elements of stream '{Stream}' after {Failures} tries: they were skipped.")]
    public partial void Skipped(Exception? exception, string grain, string stream, int count, int failures);

    [LoggerMessage(StreamEvents.FailedStream, LogLevel.Error, "Grain {Grain} failed to handle stream '{Stream}' after {Failures} tries: the stream was cancelled, and its writers are told.")]
    public partial void FailedStream(Exception? exception, string grain, string stream, int failures);

    [LoggerMessage(StreamEvents.Stopped, LogLevel.Error, "Grain {Grain} failed to handle stream '{Stream}' after {Failures} tries: it consumes it no more, and the stream's writers wait.")]
    public partial void Stopped(Exception? exception, string grain, string stream, int failures);

    [LoggerMessage(StreamEvents.EndUnhandled, LogLevel.Error, "Grain {Grain} failed to handle the end of stream '{Stream}' after {Failures} tries; the stream is over.")]
    public partial void EndUnhandled(Exception? exception, string grain, string stream, int failures);

    [LoggerMessage(StreamEvents.HandlerCallLost, LogLevel.Debug, "Grain {Grain} could not be called to handle stream '{Stream}'; it is tried again.")]
    public partial void HandlerCallLost(Exception exception, string grain, string stream);

    [LoggerMessage(StreamEvents.CannotRead, LogLevel.Warning, "A grain that is to handle stream '{Stream}', as '{Handler}', cannot read it; it is tried again.")]
    public partial void CannotRead(Exception exception, string stream, string handler);

    [LoggerMessage(StreamEvents.HandlingFailed, LogLevel.Error, "Handling stream '{Stream}' for grain {Grain} failed.")]
    public partial void HandlingFailed(Exception exception, string grain, string stream);

    [LoggerMessage(StreamEvents.CannotReach, LogLevel.Warning, "Grain {Grain} cannot be activated, or called, to handle stream '{Stream}'; it is tried again in {Delay}, and the stream waits.")]
    public partial void CannotReach(Exception exception, string grain, string stream, TimeSpan delay);
}
