namespace Casty.Orleans.Chaos.Streams;

/// <summary>How long streams stood still when a process was killed, where both of their ends lived and their writers kept putting.</summary>
internal sealed class Pauses
{
    /// <summary>A pause that begins later than this after a kill is of something else.</summary>
    private const long Horizon = 20_000;

    private readonly List<(long From, long Until, (long Since, long Until)[] Gaps)> _streams = [];

    public void Add(TrackedStream run)
    {
        if (!run.Plan.IsSteady || run.Consumers[0].Reader?.Opened is not { } opened) return;
        long end = run.Ends.Max(one => one.OverAt);
        _streams.Add((opened.At, end, [.. run.Gaps]));
    }

    /// <summary>What the kills at those times cost.</summary>
    public IEnumerable<string> Tell(IEnumerable<long> kills)
    {
        var worsts = new List<long>();
        var samples = new List<long>();
        foreach (long kill in kills)
        {
            var touched = _streams.Where(stream => stream.From < kill && stream.Until > kill)
                .Select(stream => stream.Gaps.Where(gap => gap.Until > kill && gap.Since < kill + Horizon).Select(gap => gap.Until - Math.Max(gap.Since, kill)).DefaultIfEmpty().Max())
                .ToArray();
            if (touched.Length == 0) continue;
            worsts.Add(touched.Max());
            samples.AddRange(touched.Where(pause => pause > 0));
        }

        if (worsts.Count == 0)
        {
            var longest = _streams.SelectMany(stream => stream.Gaps).Select(gap => gap.Until - gap.Since).DefaultIfEmpty().Max();
            yield return $"pauses    no kill met a stream whose ends lived; the longest pause of {_streams.Count} steady streams: {longest} ms";
            yield break;
        }

        worsts.Sort();
        samples.Sort();
        yield return $"pauses    the stream that a kill held up longest: median {worsts[worsts.Count / 2]} ms, worst {worsts[^1]} ms, over {worsts.Count} kills";
        if (samples.Count > 0)
        {
            yield return $"          all {samples.Count} pauses above 200 ms of streams that went on: median {samples[samples.Count / 2]} ms, worst {samples[^1]} ms";
        }
    }
}
