using Orleans;

namespace Casty.Orleans.Tests;

/// <summary>A writer's own exception, with data of its own.</summary>
[GenerateSerializer, Alias("tests.SensorException")]
public sealed class SensorException(string message, int degrees) : Exception(message)
{
    [Id(0)]
    public int Degrees { get; private set; } = degrees;
}

/// <summary>An exception that Orleans cannot carry.</summary>
public sealed class UnserialisableException(string message) : Exception(message);
