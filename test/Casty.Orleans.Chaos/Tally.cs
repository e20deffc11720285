using System.Collections.Concurrent;

namespace Casty.Orleans.Chaos;

/// <summary>What was done, what came of it, and what was wrong.</summary>
internal sealed class Tally(bool isVerbose)
{
    private readonly long _start = Environment.TickCount64;
    private readonly ConcurrentDictionary<string, int> _done = new();
    private readonly ConcurrentDictionary<string, int> _verdicts = new();
    private readonly ConcurrentDictionary<string, int> _failedOpens = new();
    private readonly ConcurrentQueue<string> _problems = new();
    private int _killed;

    public int Killed => Volatile.Read(ref _killed);

    public int Decided => _verdicts.Values.Sum();

    public long Elements { get; set; }

    public IReadOnlyCollection<string> Problems => _problems;

    public string Done => Join(_done.Append(new("killed", Killed)));

    public string Verdicts => Join(_verdicts);

    public string FailedOpens => Join(_failedOpens);

    public void Kill() => Interlocked.Increment(ref _killed);

    public void Add(string done) => Count(_done, done);

    public void Decide(string verdict) => Count(_verdicts, verdict);

    public void FailOpen(string error) => Count(_failedOpens, error);

    public void Say(string what)
    {
        if (isVerbose) Print(what);
    }

    public void Print(string what) => Console.WriteLine($"[{(Environment.TickCount64 - _start) / 1000.0,6:F1} s] {what}");

    /// <summary>Something was violated. It is told at once, and again by the exit code.</summary>
    public void Problem(string what)
    {
        _problems.Enqueue(what);
        Print($"VIOLATED: {what}");
    }

    private static void Count(ConcurrentDictionary<string, int> counts, string what) => counts.AddOrUpdate(what, 1, (_, count) => count + 1);

    private static string Join(IEnumerable<KeyValuePair<string, int>> counts) =>
        string.Join(", ", counts.Where(one => one.Value > 0).OrderByDescending(one => one.Value).Select(one => $"{one.Value} {one.Key}")) is { Length: > 0 } text ? text : "none";
}
