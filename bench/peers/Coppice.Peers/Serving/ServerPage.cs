using System.Globalization;
using System.Text;
using Coppice.Peers.Comparison;

namespace Coppice.Peers.Serving;

/// <summary>Results of servers as a page in Markdown.</summary>
internal static class ServerPage
{
    /// <summary>The page.</summary>
    public static string Write(PeerResults results)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Clients at once beside llama-server

            `bench/peers/run server` on {results.Machine}, {results.Threads} threads for each engine; engines in turn within every round, medians of
            the rounds. Versions: {string.Join(", ", results.Versions.Select(version => $"{version.Key} {version.Value}"))}. Every number of clients
            meets a server that has just started. Tokens per second are prompt and new tokens of all requests over the time from the first
            request to the last token; with /shared all prompts begin alike, and those tokens count for every request.


            """);
        foreach (var group in results.Cells.GroupBy(cell => (cell.Model, cell.Format, Kind: cell.Test.Split('/', 2)[1])))
        {
            text.Append(CultureInfo.InvariantCulture, $"## {group.Key.Model}, {group.Key.Format}, {group.Key.Kind}\n\n");
            text.Append(
                "| clients | Coppice tok/s | llama.cpp tok/s | ratio | first token p99 ms | llama.cpp's | between tokens p99 ms | "
                + "llama.cpp's | Coppice: setting |\n");
            text.Append("|--:|--:|--:|--:|--:|--:|--:|--:|---|\n");
            foreach (var cell in group)
            {
                var (own, peer) = (cell.Best(Engines.Coppice), cell.Best(Engines.Llama));
                string[] row =
                [
                    cell.Test.Split('/')[0].Split('-')[1], Number(own?.Median), Number(peer?.Median), cell.Ratio is { } ratio
                        ? ratio.ToString("0.00", CultureInfo.InvariantCulture) : "-",
                    Number(own?.Detail(Details.FirstP99)), Number(peer?.Detail(Details.FirstP99)), Number(own?.Detail(Details.BetweenP99)),
                    Number(peer?.Detail(Details.BetweenP99)),
                    own?.Setting ?? "-",
                ];
                text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", row)} |\n");
            }
            text.Append('\n');
        }
        return text.Append("## All series, tokens per second\n\n").Append(PeerTable.All(results)).ToString();
    }

    private static string Number(double? number) =>
        number is { } value ? value.ToString(value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture) : "not available";
}
