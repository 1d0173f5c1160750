using System.Globalization;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Peers.Comparison;

/// <summary>Reads what the engines print.</summary>
internal static class EngineOutput
{
    /// <summary>The id of a line that warms up, in what <see cref="Generations"/> reads.</summary>
    public const string WarmUp = "warm-up";

    /// <summary>
    /// `coppice bench --json`, which pytorch.py imitates: the rows under their names with <paramref name="suffix"/> after them.
    /// </summary>
    public static IReadOnlyList<Measurement> Bench(string output, string suffix = "")
    {
        using var document = JsonDocument.Parse(output);
        return [.. document.RootElement.GetProperty("rows").EnumerateArray().Select(row =>
        {
            var name = row.GetProperty("name").GetString() + suffix;
            return new Measurement(name, row.GetProperty("tokens_per_s").GetDouble()) { Details = Latencies(row) };
        })];
    }

    /// <summary>`llama-bench -o json`.</summary>
    public static IReadOnlyList<Measurement> LlamaBench(string output)
    {
        using var document = JsonDocument.Parse(output);
        return [.. document.RootElement.EnumerateArray().Select(row =>
        {
            var (prompt, generated, depth) = (Number(row, "n_prompt"), Number(row, "n_gen"), Number(row, "n_depth"));
            return new Measurement(generated > 0 ? Decode(generated, depth) : $"prefill-{prompt}", row.GetProperty("avg_ts").GetDouble());
        })];
    }

    /// <summary>
    /// `llama-batched-bench --output-format jsonl`: N (P + G) / (prompts + (G - 1) passes). It runs G passes after the prompts, but the
    /// first of G new tokens comes from the prompts' own pass, as it does for Coppice; and a shared prompt counts for every request. Of
    /// several rows of one N the second counts: the first warms up, and a third is there because the program may lose its last line (its
    /// log is not flushed at the end).
    /// </summary>
    public static IReadOnlyList<Measurement> BatchedBench(string output, string suffix = "")
    {
        return [.. Objects(output).Select(Row).GroupBy(row => row.Requests).OrderBy(rows => rows.Key)
            .Select(rows => rows.ElementAtOrDefault(1).Found ?? rows.First().Found)];

        (int Requests, Measurement Found) Row(string line)
        {
            using var document = JsonDocument.Parse(line);
            var row = document.RootElement;
            var (requests, prompt, generated) = (Number(row, "pl"), Number(row, "pp"), Number(row, "tg"));
            var (prompts, passes) = (row.GetProperty("t_pp").GetDouble(), row.GetProperty("t_tg").GetDouble());
            var pass = passes / generated;
            var speed = requests * (prompt + generated) / (prompts + (generated - 1) * pass);
            return (requests, new Measurement(Concurrency(requests) + suffix, speed)
            {
                Details = new Dictionary<string, double> { [Details.Prompts] = 1e3 * prompts, [Details.Pass] = 1e3 * pass },
            });
        }
    }

    /// <summary>
    /// `coppice generate --jsonl --json`: tokens per second after the first of each class of prompts, which is an id without its number
    /// at the end.
    /// </summary>
    public static IReadOnlyList<Measurement> Generations(string output, string prefix)
    {
        var classes = new SortedDictionary<string, (int Tokens, double Milliseconds)>(StringComparer.Ordinal);
        foreach (var line in Objects(output))
        {
            using var document = JsonDocument.Parse(line);
            var id = document.RootElement.GetProperty("id").GetString()!;
            if (id == WarmUp) continue;
            var name = prefix + id[..id.LastIndexOf('-')];
            var sum = classes.GetValueOrDefault(name);
            var time = document.RootElement.GetProperty("timing").GetProperty("decode_ms").GetDouble();
            classes[name] = (sum.Tokens + document.RootElement.GetProperty("ids").GetArrayLength() - 1, sum.Milliseconds + time);
        }
        return [.. classes.Select(item => new Measurement(item.Key, 1e3 * item.Value.Tokens / item.Value.Milliseconds))];
    }

    /// <summary>The name of N requests at once.</summary>
    public static string Concurrency(int requests) => string.Create(CultureInfo.InvariantCulture, $"concurrency-{requests}");

    /// <summary>The name of <paramref name="tokens"/> tokens one after the other, after <paramref name="depth"/> others.</summary>
    public static string Decode(int tokens, int depth) => string.Create(CultureInfo.InvariantCulture, $"decode-{tokens}@{depth}");

    private static Dictionary<string, double>? Latencies(JsonElement row)
    {
        if (!row.TryGetProperty("first_token_ms", out var first)) return null;
        var between = row.GetProperty("between_tokens_ms");
        return new Dictionary<string, double>
        {
            [Details.ShareOfLimit] = row.GetProperty("share_of_limit").GetDouble(),
            [Details.FirstP50] = first.GetProperty("p50").GetDouble(),
            [Details.FirstP99] = first.GetProperty("p99").GetDouble(),
            [Details.BetweenP50] = between.GetProperty("p50").GetDouble(),
            [Details.BetweenP99] = between.GetProperty("p99").GetDouble(),
        };
    }

    /// <summary>The lines that are objects: engines print other lines between them.</summary>
    private static IEnumerable<string> Objects(string output) => output.Split('\n').Where(line => line.StartsWith('{'));

    private static int Number(JsonElement row, string key) => row.GetProperty(key).GetInt32();
}
