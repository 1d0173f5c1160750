using System.Globalization;
using System.Text;

namespace Coppice.Peers.Comparison;

/// <summary>Results as tables in Markdown.</summary>
internal static class PeerTable
{
    private static readonly Dictionary<string, string> Formats =
        new() { ["16"] = "16 bits", ["q8"] = "8 bits", ["q4"] = "4 bits", [ComparisonPlan.BesideTorch] = "16 bits" };

    /// <summary>The main table: a row for each cell, then the mean.</summary>
    public static string Speeds(PeerResults results)
    {
        var cells = MainCells(results).ToArray();
        var text = new StringBuilder();
        text.Append("| model | weights | test | Coppice tok/s | best peer tok/s | ratio | Coppice: activations | peer: setting |\n");
        text.Append("|---|---|---|--:|--:|--:|---|---|\n");
        foreach (var cell in cells)
        {
            var (own, peer) = (cell.Best(Engines.Coppice), cell.BestPeer());
            text.Append(CultureInfo.InvariantCulture,
                $"| {cell.Model} | {Formats[cell.Format]} | {cell.Test.Split('@')[0]} | {Speed(own)} | {Speed(peer)} | {Ratio(cell.Ratio)} "
                + $"| {Activations(own)} | {Named(peer)} |\n");
        }
        text.Append(CultureInfo.InvariantCulture,
            $"\nGeometric mean of the {cells.Count(cell => cell.Ratio is not null)} ratios: {Ratio(PeerResults.GeometricMean(cells))}.\n");
        text.Append(BesideTorch(results));
        return text.ToString();
    }

    /// <summary>Prompts whose attention takes long, as far as they were measured.</summary>
    public static string Long(PeerResults results)
    {
        var text = new StringBuilder(
            "| model | weights | test | Coppice tok/s | best peer tok/s | ratio | peer: setting |\n|---|---|---|--:|--:|--:|---|\n");
        foreach (var cell in results.Cells.Where(cell => ComparisonPlan.LongPrompts.Any(tokens => cell.Test == $"prefill-{tokens}")))
        {
            var (own, peer) = (cell.Best(Engines.Coppice), cell.BestPeer());
            text.Append(CultureInfo.InvariantCulture,
                $"| {cell.Model} | {Formats[cell.Format]} | {cell.Test} | {Speed(own)} | {Speed(peer)} | {Ratio(cell.Ratio)} | "
                + $"{Named(peer)} |\n");
        }
        return text.ToString();
    }

    /// <summary>A sentence on PyTorch, whose faster type counts; nothing where it was not asked.</summary>
    private static string BesideTorch(PeerResults results)
    {
        string[] parts = [.. results.Cells.Where(cell => cell.Format == ComparisonPlan.BesideTorch).Select(cell =>
        {
            var (own, peer) = (cell.Best(Engines.Coppice), cell.Best(Engines.Torch));
            return $"{cell.Test.Split('@')[0]} {Speed(own)} to {Speed(peer)} tok/s ({peer?.Setting ?? "-"}, ratio "
                + $"{Ratio(own?.Median / peer?.Median)})";
        })];
        if (parts.Length == 0) return "";
        var first = results.Cells.First(cell => cell.Format == ComparisonPlan.BesideTorch);
        var version = results.Versions.GetValueOrDefault(Engines.Torch) ?? "";
        return $"\nApart from these, {first.Model} as stored beside PyTorch {version} in rounds of its own: {string.Join("; ", parts)}.\n";
    }

    /// <summary>Speed after a long context over that after a short one.</summary>
    public static string Depth(PeerResults results)
    {
        var text = new StringBuilder("| model | weights | engine | tok/s at 64 | tok/s at 4096 | kept |\n|---|---|---|--:|--:|--:|\n");
        var (shallow, deep) = ($"decode-{ComparisonPlan.DepthTokens}@{ComparisonPlan.ShortDepth}",
            $"decode-{ComparisonPlan.DepthTokens}@{ComparisonPlan.LongDepth}");
        foreach (var cell in results.Cells.Where(cell => cell.Test == shallow))
        {
            var other = results.Cells.Find(c => (c.Model, c.Format, c.Test) == (cell.Model, cell.Format, deep));
            foreach (var series in cell.Series)
            {
                var far = other?.Series.Find(s => (s.Engine, s.Setting) == (series.Engine, series.Setting));
                var kept = far?.Median / series.Median;
                text.Append(CultureInfo.InvariantCulture,
                    $"| {cell.Model} | {Formats[cell.Format]} | {series.Engine}, {series.Setting} | {Speed(series)} | {Speed(far)} | "
                    + $"{(kept is null ? "-" : $"{100 * kept:0} %")} |\n");
            }
        }
        return text.ToString();
    }

    /// <summary>Every series with its spread.</summary>
    public static string All(PeerResults results)
    {
        var text = new StringBuilder(
            "| model | weights | test | engine and setting | median | least | most | rounds |\n|---|---|---|---|--:|--:|--:|--:|\n");
        foreach (var cell in results.Cells)
        {
            foreach (var series in cell.Series)
            {
                var spread = series.Samples.Count == 0 ? "- | - | - | 0"
                    : string.Create(CultureInfo.InvariantCulture,
                        $"{series.Median:0.0} | {series.Samples.Min():0.0} | {series.Samples.Max():0.0} | {series.Samples.Count}");
                text.Append(CultureInfo.InvariantCulture,
                    $"| {cell.Model} | {Formats[cell.Format]} | {cell.Test} | {series.Engine}, {series.Setting} | {spread} |\n");
            }
        }
        return text.ToString();
    }

    private static IEnumerable<PeerCell> MainCells(PeerResults results) =>
        results.Cells.Where(cell => cell.Format != ComparisonPlan.BesideTorch && cell.Test is var test
            && (test == $"prefill-{ComparisonPlan.PrefillTokens}" || test == $"decode-{ComparisonPlan.DecodeTokens}@0"));

    private static string Named(PeerSeries? series) => series is null ? "-" : $"{series.Engine}, {series.Setting}";

    private static string Speed(PeerSeries? series) =>
        series?.Median is { } median ? median.ToString(median < 100 ? "0.0" : "0", CultureInfo.InvariantCulture) : "not available";

    private static string Ratio(double? ratio) => ratio is { } value ? value.ToString("0.00", CultureInfo.InvariantCulture) : "-";

    private static string Activations(PeerSeries? series) => series?.Setting.Split("activations ")[1].Split(',')[0] ?? "-";
}
