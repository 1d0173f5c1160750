using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Coppice.Peers.Comparison;

/// <summary>
/// Results of several requests at once as a plot: tokens per second by number of requests, a panel for each kind of prompt.
/// </summary>
internal static class ConcurrencyPlot
{
    private const int Width = 900, PanelHeight = 420;
    private const double Gap = 0.06;

    private static readonly Dictionary<string, OxyColor> Colours = new()
    {
        ["16"] = OxyColor.FromRgb(0x44, 0x77, 0xaa),
        ["q8"] = OxyColor.FromRgb(0x22, 0x88, 0x33),
        ["q4"] = OxyColor.FromRgb(0xee, 0x66, 0x77),
    };

    /// <summary>The plot in SVG: the same bytes for the same results.</summary>
    public static string Draw(PeerResults results)
    {
        var curves = ConcurrencyPage.Curves(results).ToArray();
        var kinds = curves.Select(curve => curve.Kind).Distinct().ToArray();
        const string title = "Tokens per second, prompt and new, by requests at once";
        var plot = new PlotModel { Title = title, TitleFontSize = 14, Background = OxyColors.White };
        plot.Legends.Add(new Legend { LegendPosition = LegendPosition.RightTop, LegendPlacement = LegendPlacement.Outside });
        plot.Axes.Add(new LogarithmicAxis
        {
            Position = AxisPosition.Bottom,
            Base = 2,
            MinorTickSize = 0,
            Title = "requests",
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = OxyColors.LightGray,
        });
        for (var i = 0; i < kinds.Length; i++)
        {
            var (low, high) = (1 - (i + 1.0) / kinds.Length, 1 - (double)i / kinds.Length);
            plot.Axes.Add(new LinearAxis
            {
                Key = kinds[i],
                Title = kinds[i],
                Position = AxisPosition.Left,
                Minimum = 0,
                StartPosition = low + (i < kinds.Length - 1 ? Gap : 0),
                EndPosition = high,
                MajorGridlineStyle = LineStyle.Solid,
                MajorGridlineColor = OxyColors.LightGray,
            });
        }
        foreach (var curve in curves)
        {
            foreach (var engine in (string[])[Engines.Coppice, Engines.Llama])
                plot.Series.Add(Line(curve, engine, inLegend: curve.Kind == kinds[0]));
        }
        var height = PanelHeight * Math.Max(kinds.Length, 1);
        return new SvgExporter { Width = Width, Height = height, UseVerticalTextAlignmentWorkaround = true }.ExportToString(plot) + "\n";
    }

    private static LineSeries Line(ConcurrencyPage.Curve curve, string engine, bool inLegend)
    {
        var line = new LineSeries
        {
            Title = $"{engine}, {curve.Format}",
            RenderInLegend = inLegend,
            YAxisKey = curve.Kind,
            Color = Colours[curve.Format],
            LineStyle = engine == Engines.Coppice ? LineStyle.Solid : LineStyle.Dash,
            MarkerType = MarkerType.Circle,
            MarkerFill = Colours[curve.Format],
            MarkerSize = 3,
        };
        foreach (var (requests, cell) in curve.Cells)
        {
            if (cell.Best(engine)?.Median is { } speed) line.Points.Add(new DataPoint(requests, speed));
        }
        return line;
    }
}
