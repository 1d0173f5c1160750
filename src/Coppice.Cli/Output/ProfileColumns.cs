namespace Coppice.Cli;

/// <summary>The columns of a profile, for tables and for lines alike.</summary>
internal static class ProfileColumns
{
    public static IReadOnlyList<string> Titles { get; } = ["op", "calls", "ms", "GB/s", "of the peak", "launches"];

    /// <summary>The cells of a row.</summary>
    public static IReadOnlyList<string> Of(ProfileRow row) =>
    [
        row.Name, $"{row.Calls}", Quantity.Number(row.Ms), Quantity.Number(row.Gigabytes),
        row.ShareOfPeak is { } share ? $"{100 * share:0} %" : "-", row.Launches is { } launches ? $"{launches}" : "-",
    ];
}
