using System.Globalization;
using System.Text;
using System.Text.Json;
using Coppice.Benchmarks;
using Coppice.Drafting;

namespace Coppice.Bench.Drafters;

/// <summary>What was measured of one model: the curve of pass times and a row for each drafter, start and class.</summary>
internal sealed record ModelResults(string Model, string Device, IReadOnlyList<CurvePoint> Curve, IReadOnlyList<DrafterRow> Rows);

/// <summary>
/// Keeps results in bench/results/MACHINE/drafters.json and .md, with a plot for each model, and in README.md; a new measurement takes the
/// place of the rows that it has again.
/// </summary>
internal static class DrafterResults
{
    private const string Name = "drafters.json";
    private static readonly JsonSerializerOptions Format =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static void Keep(string model, string device, IReadOnlyList<CurvePoint> curve, IReadOnlyList<DrafterRow> rows)
    {
        if (BenchResults.Folder() is not { } folder) return;
        var all = Read(folder);
        var before = all.FirstOrDefault(results => results.Model == model);
        var kept = before?.Rows.Where(old => !rows.Any(row => (row.Drafter, row.Start, row.Class) == (old.Drafter, old.Start, old.Class)))
            ?? [];
        var after = new ModelResults(model, device, curve,
            [.. kept.Concat(rows).OrderBy(row => row.Drafter, StringComparer.Ordinal).ThenBy(row => row.Start, StringComparer.Ordinal)]);
        if (before is null) all.Add(after);
        else all[all.IndexOf(before)] = after;
        File.WriteAllText(Path.Combine(folder, Name), JsonSerializer.Serialize(all, Format) + "\n");
        Write(folder, all);
    }

    /// <summary>Makes tables and plots anew from what is kept.</summary>
    public static void Write()
    {
        if (BenchResults.Folder() is { } folder) Write(folder, Read(folder));
    }

    private static List<ModelResults> Read(string folder)
    {
        var path = Path.Combine(folder, Name);
        return File.Exists(path) ? JsonSerializer.Deserialize<List<ModelResults>>(File.ReadAllText(path), Format)! : [];
    }

    private static void Write(string folder, List<ModelResults> all)
    {
        File.WriteAllText(Path.Combine(folder, "drafters.md"), string.Concat(all.Select(Table)));
        foreach (var results in all) File.WriteAllText(Path.Combine(folder, $"drafters-{results.Model}.svg"), DrafterPlot.Draw(results));
        if (all.Count > 0) ReadmeTable.Fill(BenchResults.Repository()!, Path.Combine(folder, Name), Ratios(all[0]));
    }

    /// <summary>Ratios alone: a line for each drafter and start.</summary>
    private static string Ratios(ModelResults results)
    {
        var classes = results.Rows.Select(row => row.Class).Distinct().ToArray();
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"| drafter | start | {string.Join(" | ", classes)} | mean | tokens a pass |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|---|{string.Concat(classes.Select(_ => "--:|"))}--:|--:|");
        foreach (var rows in results.Rows.GroupBy(row => (row.Drafter, row.Start)))
        {
            var ratios = string.Join(" | ", rows.Select(row => string.Create(CultureInfo.InvariantCulture, $"{row.Ratio:0.00}x")));
            text.AppendLine(CultureInfo.InvariantCulture, $"| {rows.Key.Drafter} | {rows.Key.Start} | {ratios} | "
                + $"{rows.Average(row => row.Ratio):0.00}x | {rows.Average(row => row.TokensPerStep):0.00} |");
        }
        return text.ToString();
    }

    private static string Table(ModelResults results)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"## {results.Model}, {results.Device}\n");
        text.AppendLine("Time of a pass by its rows, with the head over every row:\n");
        text.AppendLine(CultureInfo.InvariantCulture, $"| rows | {string.Join(" | ", results.Curve.Select(point => point.Rows))} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"|---|{string.Concat(results.Curve.Select(_ => "--:|"))}");
        var ratios = results.Curve.Select(point => point.Ratio.ToString("0.00", CultureInfo.InvariantCulture));
        text.AppendLine($"| t(M)/t(1) | {string.Join(" | ", ratios)} |\n");
        text.AppendLine("Ratio: the time of plain decoding over the drafter's, the mean over the prompts of a class; all else is of all "
            + "prompts together.\n");
        text.AppendLine("| drafter | start | class | tokens a step | nodes | acceptance by depth | draft ms | verify ms | host ms | "
            + "tokens/s | plain | ratio |");
        text.AppendLine("|---|---|---|--:|--:|---|--:|--:|--:|--:|--:|--:|");
        foreach (var drafter in results.Rows.GroupBy(row => (row.Drafter, row.Start)))
        {
            foreach (var row in drafter) text.AppendLine(Line(row));
            text.AppendLine(CultureInfo.InvariantCulture, $"| {drafter.Key.Drafter} | {drafter.Key.Start} | **mean** | "
                + $"{drafter.Average(row => row.TokensPerStep):0.00} | {drafter.Average(row => row.NodesPerStep):0.0} | | | | | | | "
                + $"**{drafter.Average(row => row.Ratio):0.00}x** |");
        }
        return text.AppendLine().ToString();
    }

    private static string Line(DrafterRow row) => string.Create(CultureInfo.InvariantCulture,
        $"| {row.Drafter} | {row.Start} | {row.Class} | {row.TokensPerStep:0.00} | {row.NodesPerStep:0.0} | "
        + $"{string.Join(" ", row.AcceptanceByDepth.Take(6).Select(rate => rate.ToString("0.00", CultureInfo.InvariantCulture)))} | "
                + $"{row.DraftMs:0.0} | {row.VerifyMs:0} | {row.HostMs:0.0} | {row.TokensPerSecond:0} | {row.PlainTokensPerSecond:0} | "
                + $"{row.Ratio:0.00}x |");
}
