using System.Globalization;

namespace Coppice.Peers.Comparison;

/// <summary>Fills the documents from the results in the repository.</summary>
internal static class ResultPages
{
    private const string File = "peers.json", End = "<!-- end of table -->";

    /// <summary>Writes peers.md beside every peers.json, and the tables of README.md between their marks.</summary>
    public static void Write(string repository)
    {
        var readme = Path.Combine(repository, "README.md");
        var text = System.IO.File.ReadAllText(readme);
        foreach (var json in Directory.EnumerateFiles(Path.Combine(repository, "bench", "results"), File, SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal))
        {
            var results = PeerResults.Read(json);
            System.IO.File.WriteAllText(Path.ChangeExtension(json, ".md"), Page(results));
            var mark = $"<!-- table: {Path.GetRelativePath(repository, json).Replace('\\', '/')} -->";
            text = Fill(text, mark, PeerTable.Speeds(results));
        }
        System.IO.File.WriteAllText(readme, text);
    }

    private static string Page(PeerResults results) => string.Create(CultureInfo.InvariantCulture, $"""
        # Coppice beside llama.cpp

        `bench/peers/run` on {results.Machine}, {results.Threads} threads for each engine; engines in turn within every round, medians of the rounds.
        Versions: {string.Join(", ", results.Versions.Select(version => $"{version.Key} {version.Value}"))}. Both keep keys and values in F16.
        Prefill takes 512 tokens into an empty cache; decode takes 128 tokens one after the other from an empty cache. The fastest setting of
        either engine counts, except that 16-bit prefill is compared with llama.cpp's F16 (its BF16 uses `vdpbf16ps`).

        {PeerTable.Speeds(results)}
        ## Decoding behind a context

        {PeerTable.Depth(results)}
        ## All series, tokens per second

        {PeerTable.All(results)}
        """);

    /// <summary>
    /// What stands between <paramref name="mark"/> and the end of its table becomes <paramref name="table"/>; a document without the mark
    /// stays.
    /// </summary>
    private static string Fill(string text, string mark, string table)
    {
        var start = text.IndexOf(mark, StringComparison.Ordinal);
        if (start < 0) return text;
        var end = text.IndexOf(End, start, StringComparison.Ordinal);
        if (end < 0) throw new InvalidDataException($"README.md: {mark} must be followed by {End}.");
        return string.Concat(text.AsSpan(0, start + mark.Length), "\n", table, text.AsSpan(end));
    }
}
