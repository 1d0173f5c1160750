namespace Coppice.Kernels.Tiles;

/// <summary>What templates are filled with: one piece of code for each of some rows, panels or codes.</summary>
internal static class Code
{
    public static string Text(CodeText text) => text.ToString();

    /// <summary>One below the other.</summary>
    public static string Lines(int count, Func<int, string> line) => string.Join('\n', Enumerable.Range(0, count).Select(line));

    /// <summary>Side by side.</summary>
    public static string Statements(int count, Func<int, string> statement) =>
        string.Join(' ', Enumerable.Range(0, count).Select(statement));

    /// <summary>Between commas, for one declaration.</summary>
    public static string List(int count, Func<int, string> item) => string.Join(", ", Enumerable.Range(0, count).Select(item));

    /// <summary>"1 panel", "2 panels".</summary>
    public static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
