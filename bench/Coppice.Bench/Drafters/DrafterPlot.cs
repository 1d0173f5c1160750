using System.Globalization;
using System.Text;

namespace Coppice.Bench.Drafters;

/// <summary>A plot of results: the speed of each drafter by class, and the time of a pass by its rows.</summary>
internal static class DrafterPlot
{
    private const int Width = 1100, PlotHeight = 240, Left = 50, LabelWidth = 150;      // of the last label, which hangs over
    private static readonly string[] Colours = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677"];

    public static string Draw(ModelResults results)
    {
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"680\" font-family=\"sans-serif\" font-size=\"11\">");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"680\" fill=\"white\"/>");
        Bars(svg, results);
        Curve(svg, results);
        return svg.AppendLine("</svg>").ToString();
    }

    private static void Bars(StringBuilder svg, ModelResults results)
    {
        Text(svg, Left, 20, $"{results.Model}, {results.Device}: tokens a second as a multiple of plain decoding, by class of prompt");
        var classes = results.Rows.Select(row => row.Class).Distinct().ToArray();
        var groups = results.Rows.GroupBy(row => $"{row.Drafter}, {row.Start}").ToArray();
        var most = Math.Ceiling(results.Rows.Max(row => row.Ratio) * 2) / 2;
        double Y(double ratio) => 40 + PlotHeight * (1 - ratio / most);
        for (var line = 0.0; line <= most; line += 0.5) Rule(svg, Y(line), line == 1 ? "#888888" : "#dddddd", line);
        var step = (Width - Left - (double)LabelWidth) / groups.Length;
        for (var g = 0; g < groups.Length; g++)
        {
            var bar = step * 0.8 / classes.Length;
            foreach (var row in groups[g])
            {
                var at = Array.IndexOf(classes, row.Class);
                Box(svg, Left + g * step + at * bar, Y(row.Ratio), bar, Y(0) - Y(row.Ratio), Colours[at % Colours.Length]);
            }
            svg.AppendLine(CultureInfo.InvariantCulture,
                $"<text transform=\"translate({Left + g * step:0.0},{Y(0) + 14:0.0}) rotate(25)\">{groups[g].Key}</text>");
        }
        for (var i = 0; i < classes.Length; i++)
        {
            Box(svg, Left + i * 150, 385, 10, 10, Colours[i % Colours.Length]);
            Text(svg, Left + i * 150 + 14, 394, classes[i]);
        }
    }

    private static void Curve(StringBuilder svg, ModelResults results)
    {
        Text(svg, Left, 425, "t(M)/t(1): the time of a pass of M rows as a multiple of one row's");
        var points = results.Curve.Where(point => point.Rows <= 32).ToArray();
        var most = Math.Ceiling(points.Max(point => point.Ratio));
        double Y(double ratio) => 440 + 200 * (1 - ratio / most);
        double X(int rows) => Left + (Width - Left - 30.0) * rows / 32;
        for (var line = 0.0; line <= most; line++) Rule(svg, Y(line), "#dddddd", line);
        var corners = points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.Rows):0.0},{Y(p.Ratio):0.0}"));
        svg.AppendLine($"<polyline fill=\"none\" stroke=\"{Colours[0]}\" stroke-width=\"2\" points=\"{string.Join(' ', corners)}\"/>");
        foreach (var point in points) Text(svg, X(point.Rows) - 4, 656, point.Rows.ToString(CultureInfo.InvariantCulture));
    }

    private static void Rule(StringBuilder svg, double y, string colour, double value)
    {
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"<line x1=\"{Left}\" x2=\"{Width - 10}\" y1=\"{y:0.0}\" y2=\"{y:0.0}\" stroke=\"{colour}\"/>");
        Text(svg, 20, y + 4, value.ToString("0.0", CultureInfo.InvariantCulture));
    }

    private static void Box(StringBuilder svg, double x, double y, double width, double height, string colour) =>
        svg.AppendLine(CultureInfo.InvariantCulture,
            $"<rect x=\"{x:0.0}\" y=\"{y:0.0}\" width=\"{width:0.0}\" height=\"{height:0.0}\" fill=\"{colour}\"/>");

    private static void Text(StringBuilder svg, double x, double y, string text) =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{x:0.0}\" y=\"{y:0.0}\">{text}</text>");
}
