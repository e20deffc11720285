using System.Text.Json;

namespace Casty.Orleans.Browser.Tests;

/// <summary>What is read off a frame.</summary>
internal static class Frames
{
    public static long Number(this JsonElement frame, string name) => frame.GetProperty(name).GetInt64();

    public static double Rate(this JsonElement frame, string name) => frame.GetProperty(name).GetDouble();

    /// <summary>The silo that has the stream, if it is known.</summary>
    public static string? Home(this JsonElement frame) => frame.GetProperty("silos").EnumerateArray()
        .Where(silo => silo.GetProperty("hasStream").GetBoolean())
        .Select(silo => silo.GetProperty("name").GetString()).SingleOrDefault();

    public static bool AllSilosAreUp(this JsonElement frame) => frame.GetProperty("silos").EnumerateArray().All(silo => silo.GetProperty("isUp").GetBoolean());

    /// <summary>Both silos are there, and which has the stream is known: one can be killed.</summary>
    public static bool IsReady(this JsonElement frame) => frame.AllSilosAreUp() && frame.Home() is not null;

    public static JsonElement[] Outages(this JsonElement frame) => [.. frame.GetProperty("outages").EnumerateArray()];

    public static bool IsOver(this JsonElement outage) => outage.GetProperty("until").ValueKind == JsonValueKind.Number;
}
