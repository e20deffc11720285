using System.Globalization;
using System.Security;
using System.Text;

namespace Casty.Orleans.Benchmarks;

/// <summary>A line of a chart.</summary>
/// <param name="IsReference">Drawn dashed: something to compare with.</param>
internal sealed record Series(string Name, (double X, double Y)[] Points, bool IsReference = false);

/// <summary>Lines over powers of two, both axes logarithmic, as an SVG that follows the reader's light or dark mode.</summary>
/// <param name="Label">How a number of the upright axis is written.</param>
internal sealed record Chart(string Title, string Across, string Upright, Func<double, string> Label, Series[] Series)
{
    private const int Width = 760, Height = 400, Left = 84, Right = 24, Top = 48, Bottom = 92;

    private const string Style = """
        <style>
          text { font: 13px system-ui, sans-serif; fill: #1f2328; }
          .title { font-size: 15px; font-weight: 600; }
          .paper { fill: #ffffff; }
          .grid { stroke: #d1d9e0; stroke-width: 1; }
          .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
          .reference { stroke-dasharray: 7 5; stroke-width: 1.8; }
          .s0 { stroke: #0969da; } .d0 { fill: #0969da; } .s1 { stroke: #bc4c00; } .d1 { fill: #bc4c00; } .s2 { stroke: #59636e; } .d2 { fill: #59636e; }
          @media (prefers-color-scheme: dark) {
            text { fill: #f0f6fc; }
            .paper { fill: #0d1117; }
            .grid { stroke: #3d444d; }
            .s0 { stroke: #4493f8; } .d0 { fill: #4493f8; } .s1 { stroke: #f0883e; } .d1 { fill: #f0883e; } .s2 { stroke: #9198a1; } .d2 { fill: #9198a1; }
          }
        </style>
        """;

    public string ToSvg()
    {
        var points = Series.SelectMany(series => series.Points).ToArray();
        double first = points.Min(point => point.X), last = points.Max(point => point.X);
        double[] ticks = Decades(points.Min(point => point.Y), points.Max(point => point.Y));

        double X(double value) => Left + (Math.Log(value / first) / Math.Log(last / first) * (Width - Left - Right));
        double Y(double value) => Height - Bottom - (Math.Log(value / ticks[0]) / Math.Log(ticks[^1] / ticks[0]) * (Height - Top - Bottom));

        var svg = new StringBuilder();
        Line($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" role="img" aria-label="{Safe(Title)}">""");
        svg.Append(Style).Append('\n');
        Line($"""<rect class="paper" width="{Width}" height="{Height}" rx="6"/>""");
        Line($"""<text class="title" x="{Left}" y="26">{Safe(Title)}</text>""");
        foreach (double tick in ticks)
        {
            Line($"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{Y(tick):0.0}" y2="{Y(tick):0.0}"/>""");
            Line($"""<text x="{Left - 8}" y="{Y(tick) + 4:0.0}" text-anchor="end">{Label(tick)}</text>""");
        }

        for (double tick = first; tick <= last; tick *= 4)
        {
            Line($"""<line class="grid" x1="{X(tick):0.0}" x2="{X(tick):0.0}" y1="{Top}" y2="{Height - Bottom}"/>""");
            Line($"""<text x="{X(tick):0.0}" y="{Height - Bottom + 20}" text-anchor="middle">{tick:N0}</text>""");
        }

        Line($"""<text x="{(Left + Width - Right) / 2}" y="{Height - Bottom + 44}" text-anchor="middle">{Safe(Across)}</text>""");
        Line($"""<text transform="translate(18 {(Top + Height - Bottom) / 2}) rotate(-90)" text-anchor="middle">{Safe(Upright)}</text>""");
        int key = Left;
        for (int i = 0; i < Series.Length; i++)
        {
            var series = Series[i];
            string kind = series.IsReference ? "line reference" : "line";
            Line($"""<polyline class="{kind} s{i}" points="{string.Join(' ', series.Points.Select(point => Invariant($"{X(point.X):0.0},{Y(point.Y):0.0}")))}"/>""");
            foreach (var (x, y) in series.IsReference ? [] : series.Points)
            {
                Line($"""<circle class="d{i}" cx="{X(x):0.0}" cy="{Y(y):0.0}" r="3.5"><title>{x:N0}: {Label(y)}</title></circle>""");
            }

            Line($"""<line class="{kind} s{i}" x1="{key}" x2="{key + 28}" y1="{Height - 20}" y2="{Height - 20}"/>""");
            Line($"""<text x="{key + 36}" y="{Height - 15}">{Safe(series.Name)}</text>""");
            key += 60 + (series.Name.Length * 7);
        }

        return svg.Append("</svg>\n").ToString();

        void Line(FormattableString line) => svg.Append(Invariant(line)).Append('\n');
    }

    private static double[] Decades(double least, double most)
    {
        int from = (int)Math.Floor(Math.Log10(least)), to = Math.Max(from + 1, (int)Math.Ceiling(Math.Log10(most)));
        return [.. Enumerable.Range(from, to - from + 1).Select(power => Math.Pow(10, power))];
    }

    private static string Safe(string text) => SecurityElement.Escape(text);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
