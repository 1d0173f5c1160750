using System.Globalization;
using System.Text;

namespace Coppice.Peers.Comparison;

/// <summary>Results of several requests at once as a page in Markdown.</summary>
internal static class ConcurrencyPage
{
    /// <summary>The cells of one curve: a format, tokens and whether the prompt is shared.</summary>
    /// <param name="Model">The model's short name.</param>
    /// <param name="Format">16, q8 or q4.</param>
    /// <param name="Kind">PROMPT+NEW, /shared after it where the prompt is.</param>
    /// <param name="Cells">By number of requests, ascending.</param>
    public sealed record Curve(string Model, string Format, string Kind, IReadOnlyList<(int Requests, PeerCell Cell)> Cells)
    {
        /// <summary>In words.</summary>
        public string Title
        {
            get
            {
                var weights = Format switch { "16" => "16 bits", "q8" => "8 bits", _ => "4 bits" };
                return $"{Model}, {weights}, {Kind.Split('/')[0]} tokens, {(IsShared ? "one prompt for all" : "a prompt for each")}";
            }
        }

        private bool IsShared => Kind.EndsWith(ConcurrencyPlan.Shared, StringComparison.Ordinal);
    }

    /// <summary>The page.</summary>
    /// <param name="results">What was measured.</param>
    /// <param name="plot">Name of the plot beside it.</param>
    public static string Write(PeerResults results, string plot)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Several requests at once beside llama.cpp

            `bench/peers/run concurrency` on {results.Machine}, {results.Threads} threads for each engine; engines in turn within every
            round, medians of the rounds. Versions: {string.Join(", ", results.Versions.Select(version => $"{version.Key} {version.Value}"))}.
            Both keep keys and values in F16. Tokens per second are prompt and new tokens of all requests over the time from the first
            request to the last token. llama.cpp's is `llama-batched-bench` with flash attention on or off, in 16 bits F16 or BF16, whichever
            is faster in the cell; it picks no tokens. The limit is what Coppice's passes alone would need, measured in the same rounds. Times to the first
            token and between tokens are Coppice's, as a host sees them; llama.cpp's are those of all prompts together and of a pass.

            ![Tokens per second by number of requests]({plot})


            """);
        foreach (var curve in Curves(results)) Append(text, curve);
        text.Append("## All series, tokens per second\n\n").Append(PeerTable.All(results));
        return text.ToString();
    }

    /// <summary>The curves of <paramref name="results"/>, in the order in which they were measured.</summary>
    public static IEnumerable<Curve> Curves(PeerResults results) =>
        from cell in results.Cells
        let parts = cell.Test.Split('/', 2)
        let requests = int.Parse(parts[0].Split('-')[1], CultureInfo.InvariantCulture)
        group (Requests: requests, Cell: cell) by (cell.Model, cell.Format, Kind: parts[1]) into cells
        select new Curve(cells.Key.Model, cells.Key.Format, cells.Key.Kind, [.. cells.OrderBy(cell => cell.Requests)]);

    private static void Append(StringBuilder text, Curve curve)
    {
        text.Append(CultureInfo.InvariantCulture, $"## {curve.Title}\n\n");
        string[] titles =
        [
            "requests", "Coppice tok/s", "of the limit", "llama.cpp tok/s", "ratio", "llama.cpp: setting",
            "first token p50 / p99 ms", "between tokens p50 / p99 ms", "llama.cpp: prompts ms", "a pass ms",
        ];
        text.Append(Row(titles)).Append('|').Insert(text.Length, "--:|", titles.Length).Append('\n');
        foreach (var (requests, cell) in curve.Cells)
        {
            var (own, peer) = (cell.Best(Engines.Coppice), cell.Best(Engines.Llama));
            text.Append(Row(
            [
                requests.ToString(CultureInfo.InvariantCulture), Speed(own), Percent(own?.Detail(Details.ShareOfLimit)), Speed(peer),
                Ratio(cell.Ratio), peer?.Setting ?? "-",
                Pair(own, Details.FirstP50, Details.FirstP99), Pair(own, Details.BetweenP50, Details.BetweenP99),
                Number(peer?.Detail(Details.Prompts)), Number(peer?.Detail(Details.Pass)),
            ]));
        }
        text.Append('\n');
    }

    private static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |\n";

    private static string Pair(PeerSeries? series, string first, string second) =>
        $"{Number(series?.Detail(first))} / {Number(series?.Detail(second))}";

    private static string Speed(PeerSeries? series) => series?.Median is { } median ? Number(median) : "not available";

    private static string Ratio(double? ratio) => ratio is { } value ? value.ToString("0.00", CultureInfo.InvariantCulture) : "-";

    private static string Percent(double? share) =>
        share is { } value ? string.Create(CultureInfo.InvariantCulture, $"{100 * value:0} %") : "-";

    private static string Number(double? number) =>
        number is { } value ? value.ToString(value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture) : "-";
}
