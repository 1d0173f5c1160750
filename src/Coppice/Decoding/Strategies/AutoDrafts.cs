using System.Text.Json;

namespace Coppice.Decoding.Strategies;

/// <summary>
/// Which method <see cref="DraftsMethod.Auto"/> takes: the cheapest whose drafts have a mean perplexity within 10 % of the best method's.
/// </summary>
/// <remarks>The table is auto-drafts.json beside this file, which `coppice-bench drafts auto` writes from what was measured.</remarks>
internal static class AutoDrafts
{
    private const string ResourceName = "auto-drafts.json";

    private static readonly Lazy<(int Count, DraftsMethod Method)[]> Table = new(() =>
    {
        using var stream = typeof(AutoDrafts).Assembly.GetManifestResourceStream(ResourceName)!;
        return Read(stream);
    });

    /// <summary>For counts up to that of each row, in order; the last row holds for all larger ones.</summary>
    public static IReadOnlyList<(int Count, DraftsMethod Method)> Rows => Table.Value;

    /// <summary>The method for <paramref name="count"/> drafts.</summary>
    public static DraftsMethod Method(int count)
    {
        foreach (var (most, method) in Rows)
        {
            if (count <= most) return method;
        }
        return Rows[^1].Method;
    }

    /// <summary>The rows of a table in the form of auto-drafts.json.</summary>
    internal static (int Count, DraftsMethod Method)[] Read(Stream stream)
    {
        using var json = JsonDocument.Parse(stream);
        return
        [
            .. json.RootElement.GetProperty("rows").EnumerateArray().Select(row => (
                row.GetProperty("count").GetInt32(),
                Enum.Parse<DraftsMethod>(row.GetProperty("method").GetString()!, ignoreCase: true))),
        ];
    }
}
