using System.Globalization;
using System.Text;

namespace Coppice.Bench.Drafts;

/// <summary>A plot of quality against time: a point for each method and number of drafts.</summary>
internal static class DraftsPlot
{
    private const int Width = 900, Height = 480, Left = 60, Bottom = 430, Right = 700, Top = 40;
    private static readonly string[] Colours = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377"];

    public static string Draw(DraftsModelResults results)
    {
        var points = results.Speed.Where(row => row.Context == results.Speed.Min(other => other.Context))
            .Join(results.Quality, row => (row.Method, row.Count), row => (row.Method, row.Count), (speed, quality) =>
                (speed.Method, speed.Count, speed.Milliseconds, quality.Mean)).ToList();
        // One text after the other has the quality of those that share passes.
        points.AddRange(
            results.Speed.Where(row => row.Method == DraftSpeed.Sequential && row.Context == results.Speed.Min(other => other.Context))
            .Join(results.Quality.Where(row => row.Method == "batched (.9, T .6)"), row => row.Count, row => row.Count, (speed, quality) =>
                (speed.Method, speed.Count, speed.Milliseconds, quality.Mean)));
        var (mostTime, mostMean) = (points.Max(point => point.Milliseconds) * 1.05, points.Max(point => point.Mean) * 1.05);
        double X(double time) => Left + (Right - Left) * time / mostTime;
        double Y(double mean) => Bottom - (Bottom - Top) * mean / mostMean;
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\" font-family=\"sans-serif\" "
            + $"font-size=\"11\">");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>");
        Text(svg, Left, 20,
            $"{results.Model}: mean perplexity of k drafts of ten tokens by the time that all take, ms (lower left is better); "
            + "numbers are k");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {Top}V{Bottom}H{Right}\" fill=\"none\" stroke=\"#888888\"/>");
        for (var i = 0; i <= 5; i++)
        {
            Text(svg, X(mostTime * i / 5) - 8, Bottom + 16, (mostTime * i / 5).ToString("0", CultureInfo.InvariantCulture));
            Text(svg, 20, Y(mostMean * i / 5) + 4, (mostMean * i / 5).ToString("0.0", CultureInfo.InvariantCulture));
        }
        var methods = points.Select(point => point.Method).Distinct().ToArray();
        points = [.. points.OrderBy(point => point.Method, StringComparer.Ordinal).ThenBy(point => point.Count)];
        foreach (var (method, count, time, mean) in points)
        {
            var colour = Colours[Array.IndexOf(methods, method) % Colours.Length];
            svg.AppendLine(CultureInfo.InvariantCulture, $"<circle cx=\"{X(time):0.0}\" cy=\"{Y(mean):0.0}\" r=\"4\" fill=\"{colour}\"/>");
            Text(svg, X(time) + 6, Y(mean) + 4, count.ToString(CultureInfo.InvariantCulture));
        }
        for (var i = 0; i < methods.Length; i++)
        {
            svg.AppendLine(CultureInfo.InvariantCulture,
                $"<circle cx=\"{Right + 20}\" cy=\"{Top + 20 * i}\" r=\"4\" fill=\"{Colours[i % Colours.Length]}\"/>");
            Text(svg, Right + 30, Top + 4 + 20 * i, methods[i]);
        }
        return svg.AppendLine("</svg>").ToString();
    }

    private static void Text(StringBuilder svg, double x, double y, string text) =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{x:0.0}\" y=\"{y:0.0}\">{text}</text>");
}
