namespace Coppice.Cli;

/// <summary>A column of a benchmark's table, and how its values read in a line of text.</summary>
/// <param name="Title">In the table.</param>
/// <param name="Cell">The row's value.</param>
/// <param name="Phrase">The value with what it is, {0} in its place.</param>
internal sealed record BenchColumn(string Title, Func<BenchRow, string> Cell, string Phrase)
{
    /// <summary>The value with what it is.</summary>
    public string InWords(BenchRow row) => string.Format(System.Globalization.CultureInfo.InvariantCulture, Phrase, Cell(row));
}

/// <summary>The columns of benchmark rows, for tables and for lines alike.</summary>
internal static class BenchColumns
{
    private static readonly BenchColumn Name = new("", row => row.Name, "{0}");
    private static readonly BenchColumn Tokens = new("tokens/s", row => Quantity.Number(row.TokensPerS), "{0} tokens/s");
    private static readonly BenchColumn Share = new("of the limit", row => $"{100 * row.ShareOfLimit:0} %", "{0} of the limit");

    private static readonly IReadOnlyList<BenchColumn> Passes =
    [
        Name, Tokens, new("GB/s", row => Quantity.Number(row.Gigabytes!.Value), "{0} GB/s"),
        new("GFLOP/s", row => Quantity.Number(row.Gigaflops!.Value), "{0} GFLOP/s"), Share,
    ];

    private static readonly IReadOnlyList<BenchColumn> Requests =
    [
        Name, Tokens,
        new("first token, p50", row => Milliseconds(row.FirstTokenMs!.P50), "first token {0} (p50)"),
        new("p99", row => Milliseconds(row.FirstTokenMs!.P99), "{0} (p99)"),
        new("between tokens, p50", row => Milliseconds(row.BetweenTokensMs!.P50), "between tokens {0} (p50)"),
        new("p99", row => Milliseconds(row.BetweenTokensMs!.P99), "{0} (p99)"),
        Share,
    ];

    /// <summary>The columns of <paramref name="rows"/>, which are all of one kind.</summary>
    public static IReadOnlyList<BenchColumn> Of(IReadOnlyList<BenchRow> rows) => rows[0].FirstTokenMs is null ? Passes : Requests;

    private static string Milliseconds(double value) => $"{Quantity.Number(value)} ms";
}
