using Orleans;

namespace Casty.Orleans;

/// <summary>The root of what a stream reports about its own end. <see cref="Reason"/> says what kind of end it was.</summary>
[GenerateSerializer, Alias("casty.StreamException")]
public class StreamException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the numbers, and what can be done about it.</param>
    /// <param name="reason">The kind of end.</param>
    /// <param name="innerException">What caused it, or null.</param>
    public StreamException(string message, StreamEndReason reason, Exception? innerException = null)
        : base(message, innerException) => Reason = reason;

    /// <summary>Why the stream, or this end of it, is over.</summary>
    [Id(0)]
    public StreamEndReason Reason { get; private set; }
}

/// <summary>
/// An element was put on, or a sink was asked for, a stream that completed, failed or was cancelled.
/// <see cref="Exception.InnerException"/> is the cause that the other end gave, if it gave one.
/// </summary>
[GenerateSerializer, Alias("casty.StreamClosedException")]
public sealed class StreamClosedException : StreamException
{
    /// <inheritdoc cref="StreamException(string, StreamEndReason, Exception?)"/>
    public StreamClosedException(string message, StreamEndReason reason, Exception? innerException = null)
        : base(message, reason, innerException)
    {
    }
}

/// <summary>The other end of the stream vanished, or let go of it, without a word. A stream cut like this never looks completed.</summary>
[GenerateSerializer, Alias("casty.StreamAbandonedException")]
public sealed class StreamAbandonedException : StreamException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the numbers.</param>
    /// <param name="innerException">What caused it, or null.</param>
    public StreamAbandonedException(string message, Exception? innerException = null)
        : base(message, StreamEndReason.Abandoned, innerException)
    {
    }
}

/// <summary>
/// Another reader took this consumer's name and goes on where this one stopped; or a sink or source that was handed over was used
/// already, was not used in time, or came to a stream that is over.
/// </summary>
[GenerateSerializer, Alias("casty.StreamSupersededException")]
public sealed class StreamSupersededException : StreamException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened.</param>
    public StreamSupersededException(string message)
        : base(message, StreamEndReason.Superseded)
    {
    }
}

/// <summary>
/// Somebody ended the stream from outside, by <see cref="IStreamManagementGrain.EndAsync"/>. Writers and readers get it alike, whatever the
/// stream still held.
/// </summary>
[GenerateSerializer, Alias("casty.StreamTerminatedException")]
public sealed class StreamTerminatedException : StreamException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which stream, and what whoever ended it said about it.</param>
    public StreamTerminatedException(string message)
        : base(message, StreamEndReason.Terminated)
    {
    }
}

/// <summary>The stream has a consumer of another name, and its <see cref="StreamProducerOptions.Delivery"/> is <see cref="StreamDelivery.Single"/>.</summary>
[GenerateSerializer, Alias("casty.StreamOccupiedException")]
public sealed class StreamOccupiedException : StreamException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="consumer">The name of the consumer that the stream has.</param>
    public StreamOccupiedException(string message, string consumer)
        : base(message, StreamEndReason.Occupied) => Consumer = consumer;

    /// <summary>The name of the consumer that the stream has.</summary>
    [Id(0)]
    public string Consumer { get; private set; }
}
