using System.Text.Json;
using Coppice.Decoding.Strategies;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>`auto` follows the committed table, and that follows the committed measurements.</summary>
public sealed class AutoDraftsTests
{
    private static readonly (string Name, DraftsMethod Method)[] Defaults =
        [("superposed", DraftsMethod.Superposed), ("batched (.9, T .6)", DraftsMethod.Batched), ("beam", DraftsMethod.Beam)];

    private static JsonElement Table => Read("src/Coppice/Decoding/Strategies/auto-drafts.json");

    [Fact]
    public async Task Every_count_has_the_method_of_its_row()
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var session = model.NewSession();
        var rows = Table.GetProperty("rows").EnumerateArray()
            .Select(row => (Count: row.GetProperty("count").GetInt32(), Method: row.GetProperty("method").GetString()!)).ToArray();
        Assert.Equal(rows.OrderBy(row => row.Count), rows);
        for (var count = 1; count <= DraftsOptions.MostDrafts; count++)
        {
            var expected = rows.Where(row => row.Count >= count).Append(rows[^1]).First().Method;
            var last = await session.LastDrafts([2, 3, 4], new() { Count = count, MaxTokens = 2 });
            Assert.Equal(expected, last.Method.ToString().ToLowerInvariant());
        }
    }

    /// <summary>The cheapest whose mean perplexity is at most 1.1 times the best, of what was measured at the shortest context.</summary>
    [Fact]
    public void The_table_is_what_its_source_gives()
    {
        var source = Table.GetProperty("source").GetString()!.Split(": ");
        var (model, weights) = (source[1].Split(", ")[0], source[1].Split(", ")[1]);
        var results = Read(source[0]).EnumerateArray().Single(item =>
            item.GetProperty("model").GetString() == model && item.GetProperty("weights").GetString() == weights);
        var speed = results.GetProperty("speed").EnumerateArray().ToArray();
        var context = speed.Min(row => row.GetProperty("context").GetInt32());
        foreach (var row in Table.GetProperty("rows").EnumerateArray())
        {
            var count = row.GetProperty("count").GetInt32();
            var all = Defaults.Select(item => (
                item.Method,
                Time: speed.Single(other => Is(other, item.Name, count) && other.GetProperty("context").GetInt32() == context)
                    .GetProperty("milliseconds").GetDouble(),
                Mean: results.GetProperty("quality").EnumerateArray().Single(other => Is(other, item.Name, count)).GetProperty("mean")
                    .GetDouble())).ToArray();
            var good = all.Where(item => item.Mean <= 1.1 * all.Min(other => other.Mean));
            Assert.Equal(good.MinBy(item => item.Time).Method.ToString().ToLowerInvariant(), row.GetProperty("method").GetString());
        }
    }

    private static bool Is(JsonElement row, string method, int count) =>
        row.GetProperty("method").GetString() == method && row.GetProperty("count").GetInt32() == count;

    private static JsonElement Read(string path) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Repository, path))).RootElement;
}
