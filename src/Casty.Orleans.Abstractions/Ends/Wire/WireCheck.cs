using System.Buffers.Binary;
using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>Finds what keeps a message from being read, before anything of it is. What it means is for the core to judge.</summary>
internal static class WireCheck
{
    /// <summary>What is wrong with a frame, or null. Its sizes are believed only as far as its bytes go.</summary>
    public static string? FlawOf(StreamFrame frame, StreamHost host, bool mayHaveHoles)
    {
        if (frame.EndAt < -1 || (frame.EndAt >= 0 || frame.IsOver) != frame.End is not null)
        {
            return $"A frame gives {frame.EndAt} for the position of its end, and {(frame.End is null ? "no end" : "an end")}.";
        }

        if (frame.Settled < 0 || frame.Dropped < 0) return $"A frame says that {frame.Settled} elements are settled and {frame.Dropped} dropped.";
        if (FlawOf(frame.End, frame.Roster) is { } flaw) return flaw;

        long elements = 0;
        foreach (var batch in frame.Batches ?? [])
        {
            if (batch is null) return "A frame has a batch that is none.";
            if ((elements += Math.Max(0, batch.Count)) > FrameLimits.MostElements) return $"A frame has more than {FrameLimits.MostElements} elements.";
            if (FlawOf(batch, host.MaxElementSize, mayHaveHoles) is { } one) return one;
        }

        return null;
    }

    /// <summary>What is wrong with a demand, or null.</summary>
    public static string? FlawOf(StreamDemand demand) =>
        demand.Leave is < (int)Leave.None or > (int)Leave.Detach ? $"A reader leaves in way {demand.Leave}." : FlawOf(demand.End, demand.Roster);

    private static string? FlawOf(StreamEndInfo? end, StreamRoster? roster)
    {
        if (end is not null && !Enum.IsDefined(end.Reason)) return $"An end gives {(int)end.Reason} as its reason.";
        return roster switch
        {
            { Writers: null } => "A roster has no list of writers.",
            { Basis: null } => "A roster has no list of what went into it.",
            { Subscriptions: null } => "A roster has no list of consumers.",
            _ => null,
        };
    }

    private static string? FlawOf(StreamBatch batch, int maxElementSize, bool mayHaveHoles)
    {
        var bytes = batch.Elements.Span;
        if (batch.Count < 0 || (long)batch.Count * sizeof(int) > bytes.Length) return $"A batch of {bytes.Length} bytes claims {batch.Count} elements.";

        for (int i = 0; i < batch.Count; i++)
        {
            int left = bytes.Length - sizeof(int);
            int size = left < 0 ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes);
            if (size == -1 && left >= 0 && mayHaveHoles) size = 0;
            if (size < 0 || size > left) return $"Element {i} of a batch of {batch.Count} claims {size} bytes where {Math.Max(0, left)} are left.";
            if (size > maxElementSize) return $"Element {i} of a batch of {batch.Count} has {size} bytes; an Orleans message of this process has room for {maxElementSize}.";
            bytes = bytes[(sizeof(int) + size)..];
        }

        return bytes.IsEmpty ? null : $"A batch has {bytes.Length} bytes behind its {batch.Count} elements.";
    }
}
