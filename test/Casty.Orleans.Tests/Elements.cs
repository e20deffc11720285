using Orleans;

namespace Casty.Orleans.Tests;

[GenerateSerializer, Alias("tests.Tick")]
public readonly record struct Tick([property: Id(0)] long Number, [property: Id(1)] double Value);

[GenerateSerializer, Alias("tests.Price")]
public sealed record Price([property: Id(0)] string Symbol, [property: Id(1)] decimal Amount);

[GenerateSerializer, Alias("tests.Box`1")]
public sealed class Box<T>
{
    [Id(0)]
    public T? Content { get; set; }
}

/// <summary>An element that its writer goes on changing.</summary>
[GenerateSerializer, Alias("tests.Tally")]
public sealed class Tally
{
    [Id(0)]
    public List<int> Counts { get; set; } = [];
}

/// <summary>An element that nobody changes.</summary>
[GenerateSerializer, Immutable, Alias("tests.Fixed")]
public sealed class Fixed(List<int> counts)
{
    [Id(0)]
    public List<int> Counts { get; } = counts;
}

[GenerateSerializer, Alias("tests.Shape")]
public abstract class Shape;

[GenerateSerializer, Alias("tests.Circle")]
public sealed class Circle : Shape
{
    [Id(0)]
    public double Radius { get; set; }
}

[GenerateSerializer, Alias("tests.Square")]
public sealed class Square : Shape
{
    [Id(0)]
    public double Side { get; set; }
}

/// <summary>A type that Orleans cannot serialise.</summary>
public sealed class Opaque
{
    public IntPtr Handle { get; set; }
}

/// <summary>An element that can be sent but not read.</summary>
[GenerateSerializer, Alias("tests.Scratched")]
public sealed class Scratched
{
    [NonSerialized]
    private int _number;

    public static Scratched Numbered(int number) => new() { _number = number };

    [Id(0)]
    public int Number
    {
        get => _number;
        set => _number = value == 13 ? throw new FormatException("13 cannot be read.") : value;
    }
}

/// <summary>A writer's own exception, with data of its own.</summary>
[GenerateSerializer, Alias("tests.SensorException")]
public sealed class SensorException(string message, int degrees) : Exception(message)
{
    [Id(0)]
    public int Degrees { get; private set; } = degrees;
}

/// <summary>An exception that Orleans does not know how to serialise.</summary>
public sealed class HomemadeException(string message) : Exception(message);
