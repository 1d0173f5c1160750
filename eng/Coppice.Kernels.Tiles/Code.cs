namespace Coppice.Kernels.Tiles;

/// <summary>What templates are filled with: one piece of code for each of some rows, panels or codes.</summary>
internal static class Code
{
    private const int Widest = 140;

    public static string Text(CodeText text) => text.ToString();

    /// <summary>One below the other.</summary>
    public static string Lines(int count, Func<int, string> line) => string.Join('\n', Enumerable.Range(0, count).Select(line));

    /// <summary>Side by side.</summary>
    public static string Statements(int count, Func<int, string> statement) =>
        string.Join(' ', Enumerable.Range(0, count).Select(statement));

    /// <summary>Between commas, for one declaration.</summary>
    public static string List(int count, Func<int, string> item) => string.Join(", ", Enumerable.Range(0, count).Select(item));

    /// <summary>
    /// The text with lines of at most 140 columns: broken before a constraint, else after a statement, else after a comma.
    /// </summary>
    public static string Wrapped(string text) => string.Join('\n', text.Split('\n').SelectMany(line => Parts(line, deeper: 4)));

    private static IEnumerable<string> Parts(string line, int deeper)
    {
        if (line.Length <= Widest) return [line];
        var indent = line.Length - line.TrimStart().Length;
        var (at, more) = (line.IndexOf(" where ", StringComparison.Ordinal), deeper);
        if (at < 0) (at, more) = (line.LastIndexOf("; ", Widest - 1, StringComparison.Ordinal) + 1, 0);
        if (at <= 0) (at, more) = (line.LastIndexOf(", ", Widest - 1, StringComparison.Ordinal) + 1, deeper);
        if (at <= 0) return [line];
        // What follows a broken line is as deep as the first part of it that is.
        return [.. Parts(line[..at], deeper), .. Parts(new string(' ', indent + more) + line[(at + 1)..], deeper - more)];
    }

    /// <summary>"1 panel", "2 panels".</summary>
    public static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
