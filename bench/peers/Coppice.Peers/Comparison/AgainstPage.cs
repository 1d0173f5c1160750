using System.Globalization;
using System.Text;

namespace Coppice.Peers.Comparison;

/// <summary>This build beside another as a page in Markdown.</summary>
internal static class AgainstPage
{
    /// <summary>The page.</summary>
    public static string Write(PeerResults results)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # This build beside another

            `bench/peers/run against` on {results.Machine}, {results.Threads} threads for each; builds in turn within every round, medians
            of the rounds. This build is {results.Versions.GetValueOrDefault(Engines.Coppice)}, the other {results.Versions.GetValueOrDefault(Engines.Base)}.
            One session alone, keys and values in F16; drafted text (`auto-CLASS`) counts tokens after the first.


            """);
        return text.Append(Table(results)).ToString();
    }

    /// <summary>A row for each cell, then the mean.</summary>
    public static string Table(PeerResults results)
    {
        var text = new StringBuilder("| model | weights | test | this tok/s | other tok/s | ratio | rounds |\n");
        text.Append("|---|---|---|--:|--:|--:|--:|\n");
        foreach (var cell in results.Cells)
        {
            var (own, other) = (cell.Best(Engines.Coppice), cell.Best(Engines.Base));
            var (speeds, ratio) = ($"{Number(own?.Median, "0")} | {Number(other?.Median, "0")}", Number(cell.Ratio, "0.000"));
            text.Append(CultureInfo.InvariantCulture,
                $"| {cell.Model} | {cell.Format} | {cell.Test} | {speeds} | {ratio} | {own?.Samples.Count ?? 0} |\n");
        }
        return text.Append(CultureInfo.InvariantCulture,
            $"\nGeometric mean of the ratios: {Number(PeerResults.GeometricMean(results.Cells), "0.000")}.\n").ToString();
    }

    private static string Number(double? value, string format) =>
        value is { } number ? number.ToString(format, CultureInfo.InvariantCulture) : "not available";
}
