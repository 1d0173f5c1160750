using System.Globalization;

namespace Coppice.Cli;

/// <summary>The columns of a self-test, for tables and for lines alike.</summary>
internal static class SelfTestColumns
{
    public static IReadOnlyList<string> Titles { get; } = ["check", "cases", "largest error", ""];

    /// <summary>The cells of a row.</summary>
    public static IReadOnlyList<string> Of(SelfTestRow row) =>
        [row.Name, $"{row.Cases}", row.MaxError.ToString("0.0e+0", CultureInfo.InvariantCulture), row.Ok ? "ok" : $"FAILED: {row.Problem}"];
}
