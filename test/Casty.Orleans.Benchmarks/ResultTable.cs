using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Casty.Orleans.Benchmarks;

/// <summary>A system under measurement.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="RunAsync">Moves so many elements, and throws if one is missing.</param>
internal sealed record Contender(string Name, Func<int, Task> RunAsync);

/// <summary>Measures systems side by side and prints medians, ratios and allocations.</summary>
internal sealed class ResultTable(int runs, string only)
{
    /// <summary>Rounds that do not count: the compiler is still at work.</summary>
    private const int WarmUps = 3;

    private readonly StringBuilder _markdown = new StringBuilder()
        .AppendLine("| what | system | elements/s | ratio to the first | allocated per element |")
        .AppendLine("|---|---|---:|---:|---:|");

    public async Task MeasureAsync(string what, int count, params Contender[] contenders)
    {
        contenders = [.. contenders.Where(one => $"{what}: {one.Name}".Contains(only, StringComparison.Ordinal))];
        if (contenders.Length == 0) return;

        var rates = contenders.Select(_ => new List<double>()).ToArray();
        var bytes = contenders.Select(_ => new List<double>()).ToArray();
        for (int run = -WarmUps; run < runs; run++)
        {
            for (int i = 0; i < contenders.Length; i++)
            {
                long before = GC.GetTotalAllocatedBytes(precise: true);
                long start = Stopwatch.GetTimestamp();
                await contenders[i].RunAsync(count);
                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
                if (run < 0) continue;

                rates[i].Add(count / seconds);
                bytes[i].Add(allocated / (double)count);
            }
        }

        for (int i = 0; i < contenders.Length; i++)
        {
            double rate = Median(rates[i]);
            string line = string.Create(CultureInfo.InvariantCulture,
                $"| {what} | {contenders[i].Name} | {rate:N0} | {rate / Median(rates[0]):0.00} | {Median(bytes[i]):0} B |");
            _markdown.AppendLine(line);
            Console.Error.WriteLine(line);
        }
    }

    public string ToMarkdown() => _markdown.ToString();

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
