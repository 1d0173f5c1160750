using System.Globalization;
using Coppice.Benchmarks;
using Coppice.Execution;

namespace Coppice.Peers.Comparison;

/// <summary>Fills the documents from the results in the repository.</summary>
internal static class ResultPages
{
    private const string File = "peers.json";

    /// <summary>Writes the page beside every file of results, and the tables of README.md between their marks.</summary>
    public static void Write(string repository)
    {
        var results = Path.Combine(repository, "bench", "results");
        foreach (var json in Files(results, "concurrency.json")) WriteConcurrency(json);
        foreach (var json in Files(results, "against.json")) WriteAgainst(json);
        foreach (var json in Files(results, File))
        {
            var peers = PeerResults.Read(json);
            System.IO.File.WriteAllText(Path.ChangeExtension(json, ".md"), Page(peers));
            ReadmeTable.Fill(repository, json, PeerTable.Speeds(peers));
        }
    }

    /// <summary>Writes the page and the plot of several requests at once beside <paramref name="json"/>, and returns the page.</summary>
    public static string WriteConcurrency(string json)
    {
        var results = PeerResults.Read(json);
        var plot = Path.ChangeExtension(json, ".svg");
        System.IO.File.WriteAllText(plot, ConcurrencyPlot.Draw(results));
        return WritePage(json, ConcurrencyPage.Write(results, Path.GetFileName(plot)));
    }

    /// <summary>Writes the page of two builds beside <paramref name="json"/>, and returns it.</summary>
    public static string WriteAgainst(string json) => WritePage(json, AgainstPage.Write(PeerResults.Read(json)));

    private static string WritePage(string json, string page)
    {
        System.IO.File.WriteAllText(Path.ChangeExtension(json, ".md"), page);
        return page;
    }

    private static IEnumerable<string> Files(string results, string name) =>
        Directory.EnumerateFiles(results, name, SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    private static string Page(PeerResults results) => string.Create(CultureInfo.InvariantCulture, $"""
        # Coppice beside other engines

        `bench/peers/run` on {results.Machine}, {results.Threads} threads for each engine; engines in turn within every round, medians of the rounds.
        Versions: {string.Join(", ", results.Versions.Select(version => $"{version.Key} {version.Value}"))}. Both keep keys and values in F16.
        Prefill takes 512 tokens into an empty cache; decode takes 128 tokens one after the other from an empty cache. The fastest setting of
        the fastest peer counts in every cell.

        {PeerTable.Speeds(results)}
        ## Long prompts

        {PeerTable.Long(results)}
        ## Decoding after a context

        {PeerTable.Depth(results)}
        ## All series, tokens per second

        {PeerTable.All(results)}
        """);
}
