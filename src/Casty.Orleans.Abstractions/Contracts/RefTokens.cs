using Orleans;

namespace Casty.Orleans;

/// <summary>On the wire: a sink that was handed over. Its end keeps the place, in the process that gave it, until it is used.</summary>
[GenerateSerializer, Immutable, Alias("casty.sink-ref")]
public readonly struct SinkToken
{
    /// <summary>The stream's name.</summary>
    [Id(0)]
    public string Producer { get; init; }

    /// <summary>The run of the stream.</summary>
    [Id(1)]
    public Guid Stream { get; init; }

    /// <summary>The number of the writer whose place it is.</summary>
    [Id(2)]
    public long Writer { get; init; }
}

/// <summary>On the wire: a source that was handed over. Its end keeps the place, in the process that gave it, until it is used.</summary>
[GenerateSerializer, Immutable, Alias("casty.source-ref")]
public readonly struct SourceToken
{
    /// <summary>The stream's name.</summary>
    [Id(0)]
    public string Producer { get; init; }

    /// <summary>The run of the stream.</summary>
    [Id(1)]
    public Guid Stream { get; init; }

    /// <summary>The end whose place it is.</summary>
    [Id(2)]
    public Guid End { get; init; }

    /// <summary>The subscription's name.</summary>
    [Id(3)]
    public string Consumer { get; init; }

    /// <summary>The subscription outlives its reader.</summary>
    [Id(4)]
    public bool IsNamed { get; init; }

    /// <summary>How many elements are asked for at first.</summary>
    [Id(5)]
    public int InitialDemand { get; init; }

    /// <summary>How many elements may be outstanding.</summary>
    [Id(6)]
    public int MaxDemand { get; init; }

    /// <summary>How many bytes may be outstanding.</summary>
    [Id(7)]
    public long MaxDemandBytes { get; init; }

    /// <summary>How long the reader waits for an element.</summary>
    [Id(8)]
    public TimeSpan InactivityTimeout { get; init; }

    /// <summary>What leaving the loop does.</summary>
    [Id(9)]
    public StreamLeave OnLeave { get; init; }

    /// <summary>How the stream ended for the source before it was handed over; null where it had not.</summary>
    [Id(10)]
    public StreamEndInfo? Ended { get; init; }
}

/// <summary>Has Orleans carry a <see cref="SinkRef{T}"/> as what was handed over. Part of the protocol, not meant for applications.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <param name="services">The services of the process.</param>
[RegisterConverter]
public sealed class SinkRefConverter<T>(IServiceProvider services) : IConverter<SinkRef<T>, SinkToken>
{
    /// <inheritdoc/>
    public SinkRef<T> ConvertFromSurrogate(in SinkToken surrogate) => new(services, surrogate);

    /// <inheritdoc/>
    public SinkToken ConvertToSurrogate(in SinkRef<T> value) => value.HandOver();
}

/// <summary>Has Orleans carry a <see cref="SourceRef{T}"/> as what was handed over. Part of the protocol, not meant for applications.</summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <param name="services">The services of the process.</param>
[RegisterConverter]
public sealed class SourceRefConverter<T>(IServiceProvider services) : IConverter<SourceRef<T>, SourceToken>
{
    /// <inheritdoc/>
    public SourceRef<T> ConvertFromSurrogate(in SourceToken surrogate) => new(services, surrogate);

    /// <inheritdoc/>
    public SourceToken ConvertToSurrogate(in SourceRef<T> value) => value.HandOver();
}
