using Microsoft.Extensions.Logging;

namespace Casty.Orleans;

/// <summary>What streams log. Quiet at Information in steady state.</summary>
internal sealed partial class StreamLog(ILogger logger)
{
    [LoggerMessage(1, LogLevel.Warning, "Stream '{Stream}' of {ElementType} has had a reader but no writer for {Time}. Is its name spelt alike on both sides?")]
    public partial void NoWriter(string stream, string elementType, TimeSpan time);

    [LoggerMessage(2, LogLevel.Error, "Stream '{Stream}' ended: a peer broke the protocol. {Violation}")]
    public partial void Violation(string stream, string violation);

    [LoggerMessage(3, LogLevel.Debug, "A frame of stream '{Stream}' may be lost; it is sent again.")]
    public partial void FrameLost(Exception exception, string stream);

    [LoggerMessage(7, LogLevel.Information, "A {End} of stream '{Stream}' goes on with its producer's lifetime {Incarnation}.")]
    public partial void Rejoined(string end, string stream, long incarnation);

    [LoggerMessage(6, LogLevel.Debug, "A grain could not be told that an end of a stream is gone; its lease tells.")]
    public partial void CallLost(Exception exception);

    [LoggerMessage(8, LogLevel.Error, "An observer of stream '{Stream}' threw; its subscription is over.")]
    public partial void ObserverThrew(Exception exception, string stream);

    [LoggerMessage(4, LogLevel.Error, "An end of stream '{Stream}' failed.")]
    public partial void EndFailed(Exception exception, string stream);

    [LoggerMessage(5, LogLevel.Warning, "A {Handle} of stream '{Stream}' was collected without being disposed; it counts as disposed now.")]
    public partial void Collected(string handle, string stream);

    [LoggerMessage(8, LogLevel.Warning, "A {Handle} of stream '{Stream}' of {ElementType} was handed over and not used within {Time}; this process has let go of it.")]
    public partial void Unused(string handle, string stream, string elementType, TimeSpan time);
}
