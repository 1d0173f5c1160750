namespace Coppice.Benchmarks;

/// <summary>Tables of README.md that stand between a mark, which names the file of results, and their end.</summary>
internal static class ReadmeTable
{
    private const string End = "<!-- end of table -->";

    /// <summary>
    /// What README.md has between the mark of <paramref name="results"/> and the end of its table becomes <paramref name="table"/>; a
    /// document without the mark stays.
    /// </summary>
    /// <param name="repository">The folder of README.md.</param>
    /// <param name="results">The file of results.</param>
    /// <param name="table">Lines, the last one ended too.</param>
    /// <exception cref="InvalidDataException">The table has no end.</exception>
    public static void Fill(string repository, string results, string table)
    {
        var readme = Path.Combine(repository, "README.md");
        var text = File.ReadAllText(readme);
        var mark = $"<!-- table: {Path.GetRelativePath(repository, results).Replace('\\', '/')} -->";
        var start = text.IndexOf(mark, StringComparison.Ordinal);
        if (start < 0) return;
        var end = text.IndexOf(End, start, StringComparison.Ordinal);
        if (end < 0) throw new InvalidDataException($"README.md: {mark} must be followed by {End}.");
        File.WriteAllText(readme, string.Concat(text.AsSpan(0, start + mark.Length), "\n", table, text.AsSpan(end)));
    }
}
