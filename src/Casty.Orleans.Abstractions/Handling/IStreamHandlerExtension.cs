using Orleans;

namespace Casty.Orleans;

/// <summary>
/// How a grain that handles streams is called: as by any call, under its own rules of reentrancy. Part of the protocol, not meant to be
/// called by applications.
/// </summary>
[Alias("casty.IStreamHandlerExtension")]
public interface IStreamHandlerExtension : IGrainExtension
{
    /// <summary>How the grain handles that stream.</summary>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="stream">The stream's name.</param>
    /// <returns>What its options say, and the silo's where they say nothing.</returns>
    /// <exception cref="InvalidOperationException">It does not.</exception>
    [Alias("describe")]
    Task<StreamHandlerTraits> DescribeAsync<T>(string stream);

    /// <summary>Has the grain handle elements, or the stream's end. Asked twice with one number, it does so once.</summary>
    /// <typeparam name="T">The type of the elements.</typeparam>
    /// <param name="handOut">The elements, or the end.</param>
    /// <param name="cancellationToken">Passed on to the handler.</param>
    /// <returns>What became of it.</returns>
    [Alias("handle")]
    Task<StreamHandled> HandleAsync<T>(StreamHandOut<T> handOut, CancellationToken cancellationToken);
}

/// <summary>On the wire: how a grain handles a stream.</summary>
[GenerateSerializer, Immutable, Alias("casty.handler-traits")]
public sealed class StreamHandlerTraits
{
    /// <summary>The most elements of one call.</summary>
    [Id(0)]
    public int BatchSize { get; init; } = 1;

    /// <summary>How often a call that failed is repeated.</summary>
    [Id(1)]
    public int Retries { get; init; } = StreamHandlerOptions.DefaultRetries;

    /// <summary>The wait before that.</summary>
    [Id(2)]
    public TimeSpan RetryDelay { get; init; } = StreamHandlerOptions.DefaultRetryDelay;

    /// <summary>What becomes of what has failed for the last time.</summary>
    [Id(3)]
    public StreamHandlerFailure OnFailure { get; init; } = StreamHandlerFailure.Fail;

    /// <summary>How long a call may take.</summary>
    [Id(4)]
    public TimeSpan Timeout { get; init; } = System.Threading.Timeout.InfiniteTimeSpan;

    /// <summary>How many elements are asked for at first; null leaves the window to the silo that reads.</summary>
    [Id(5)]
    public int? InitialDemand { get; init; }

    /// <summary>How many elements may be outstanding.</summary>
    [Id(6)]
    public int? MaxDemand { get; init; }

    /// <summary>How many bytes may be outstanding.</summary>
    [Id(7)]
    public long? MaxDemandBytes { get; init; }

    /// <summary>What the grain threw when it was asked; null where it could say.</summary>
    [Id(8)]
    public StreamEndInfo? Failure { get; init; }
}

/// <summary>On the wire: elements that a grain is to handle, or the stream's end.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[GenerateSerializer, Alias("casty.hand-out`1")]
public sealed class StreamHandOut<T>
{
    /// <summary>Who reads the stream.</summary>
    [Id(0)]
    public Guid Reader { get; init; }

    /// <summary>Grows from try to try of that reader. What is only sent again keeps its number.</summary>
    [Id(1)]
    public long Number { get; init; }

    /// <summary>The stream's name.</summary>
    [Id(2)]
    public required string Stream { get; init; }

    /// <summary>The elements; none where it is the end.</summary>
    [Id(3)]
    public required T[] Elements { get; init; }

    /// <summary>How the stream ended, or null.</summary>
    [Id(4)]
    public StreamEndInfo? End { get; init; }

    /// <summary>How long the handler may take.</summary>
    [Id(5)]
    public TimeSpan Timeout { get; init; }
}

/// <summary>On the wire: what became of that.</summary>
[GenerateSerializer, Immutable, Alias("casty.handled")]
public sealed class StreamHandled
{
    /// <summary>What the handler threw; null where it succeeded.</summary>
    [Id(0)]
    public StreamEndInfo? Failure { get; init; }
}
