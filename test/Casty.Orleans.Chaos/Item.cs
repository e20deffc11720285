using Orleans;

namespace Casty.Orleans.Chaos;

/// <summary>An element that tells where it belongs, so that a reader can tell whether it is in its place and whole.</summary>
[GenerateSerializer, Immutable, Alias("chaos.Item")]
internal sealed class Item
{
    [Id(0)]
    public required long Run { get; init; }

    [Id(1)]
    public required int Writer { get; init; }

    [Id(2)]
    public required long Number { get; init; }

    [Id(3)]
    public required byte[] Load { get; init; }

    [Id(4)]
    public required uint Checksum { get; init; }

    public static Item Create(long run, int writer, long number, int size)
    {
        byte[] load = size == 0 ? [] : new byte[size];
        uint next = Mix(Mix(Mix(2166136261, run), writer), number);
        for (int i = 0; i < load.Length; i++)
        {
            next = next * 1664525 + 1013904223;
            load[i] = (byte)(next >> 24);
        }

        return new Item { Run = run, Writer = writer, Number = number, Load = load, Checksum = Sum(run, writer, number, load) };
    }

    public bool IsWhole => Checksum == Sum(Run, Writer, Number, Load);

    private static uint Sum(long run, int writer, long number, byte[] load)
    {
        uint sum = Mix(Mix(Mix(2166136261, run), writer), number);
        foreach (byte one in load) sum = (sum ^ one) * 16777619;
        return sum;
    }

    private static uint Mix(uint sum, long value) => (sum ^ (uint)value ^ (uint)(value >> 32)) * 16777619;
}
