using System.Reflection;
using Xunit.Sdk;

namespace Casty.Orleans.Tests;

/// <summary>Runs a theory with its writer and its reader in every pair of places.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EverywhereAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        from writer in Enum.GetValues<Place>()
        from reader in Enum.GetValues<Place>()
        select new object[] { writer, reader };
}

/// <summary>Runs a theory where every leg is inside a process, where one crosses, to a client or another silo, and where both do.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NearAndFarAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
    [
        [Place.SiloA, Place.SiloA],
        [Place.SiloA, Place.SiloB],
        [Place.SiloA, Place.Client],
        [Place.Client, Place.SiloB],
        [Place.Client, Place.Client],
    ];
}
