using Microsoft.Extensions.Logging;

namespace Casty.Orleans;

/// <summary>What streams log. Quiet at Information in steady state, however many streams come and go.</summary>
internal sealed partial class StreamLog(ILogger logger)
{
    [LoggerMessage(StreamEvents.NoWriter, LogLevel.Warning, "Stream '{Stream}' of {ElementType} has had a reader but no writer for {Time}. Is its name spelt alike on both sides?")]
    public partial void NoWriter(string stream, string elementType, TimeSpan time);

    [LoggerMessage(StreamEvents.Violation, LogLevel.Error, "Stream '{Stream}' ended: a peer broke the protocol. {Violation}")]
    public partial void Violation(string stream, string violation);

    [LoggerMessage(StreamEvents.FrameLost, LogLevel.Debug, "A frame of stream '{Stream}' may be lost; it is sent again.")]
    public partial void FrameLost(Exception exception, string stream);

    [LoggerMessage(StreamEvents.EndFailed, LogLevel.Error, "An end of stream '{Stream}' failed.")]
    public partial void EndFailed(Exception exception, string stream);

    [LoggerMessage(StreamEvents.Collected, LogLevel.Warning, "A {Handle} of stream '{Stream}' was collected without being disposed; it counts as disposed now.")]
    public partial void Collected(string handle, string stream);

    /// <summary>For a finalizer: what a logger throws there would end the process.</summary>
    public void OnCollected(string handle, string stream)
    {
        try
        {
            Collected(handle, stream);
        }
        catch (Exception)
        {
            // There is nobody to tell.
        }
    }

    [LoggerMessage(StreamEvents.CallLost, LogLevel.Debug, "A grain could not be told that an end of a stream is gone; its lease tells.")]
    public partial void CallLost(Exception exception);

    [LoggerMessage(StreamEvents.Rejoined, LogLevel.Information, "A {End} of stream '{Stream}' goes on with its producer's lifetime {Incarnation}.")]
    public partial void Rejoined(string end, string stream, long incarnation);

    [LoggerMessage(StreamEvents.ObserverThrew, LogLevel.Error, "An observer of stream '{Stream}' threw; its subscription is over.")]
    public partial void ObserverThrew(Exception exception, string stream);

    [LoggerMessage(StreamEvents.Unused, LogLevel.Warning, "A {Handle} of stream '{Stream}' of {ElementType} was handed over and not used within {Time}; this process has let go of it.")]
    public partial void Unused(string handle, string stream, string elementType, TimeSpan time);

    [LoggerMessage(StreamEvents.Opened, LogLevel.Debug, "A {End} of stream '{Stream}' of {ElementType} was opened.")]
    public partial void Opened(string end, string stream, string elementType);

    [LoggerMessage(StreamEvents.Ended, LogLevel.Debug, "Stream '{Stream}' of {ElementType} is over for its {End}: {Reason}. {Message}")]
    public partial void Ended(string stream, string elementType, string end, string reason, string? message);

    [LoggerMessage(StreamEvents.Rebuilt, LogLevel.Information, "Stream '{Stream}' of {ElementType} goes on in this silo, from what its ends hold, with its producer's lifetime {Incarnation}.")]
    public partial void Rebuilt(string stream, string elementType, long incarnation);

    [LoggerMessage(StreamEvents.Terminated, LogLevel.Information, "Stream '{Stream}' of {ElementType} was ended through its management. {Message}")]
    public partial void Terminated(string stream, string elementType, string? message);
}
