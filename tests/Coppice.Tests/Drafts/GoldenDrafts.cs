using System.Text.Json;
using Coppice.Decoding.Strategies;
using Coppice.Decoding.Verification;
using Coppice.Drafting.NGrams;
using Coppice.Tests.Support;

namespace Coppice.Tests.Drafts;

/// <summary>Reads golden/superposed: lines of JSON, stores of given documents, and rules.</summary>
internal static class GoldenDrafts
{
    public static readonly byte[] Tokenizer = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    public static IEnumerable<JsonElement> Lines(string path) => File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement);

    public static int[] Ints(this JsonElement element, string name) => Ints(element.GetProperty(name));

    public static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetInt32())];

    public static double[] Doubles(this JsonElement element, string name) =>
        [.. element.GetProperty(name).EnumerateArray().Select(item => item.GetDouble())];

    /// <summary>[tokens, score] pairs.</summary>
    public static (int[] Tokens, double Score)[] Drafts(this JsonElement element, string name) =>
        element.TryGetProperty(name, out var list) ? [.. list.EnumerateArray().Select(pair => (Ints(pair[0]), pair[1].GetDouble()))] : [];

    /// <summary>A store of <paramref name="documents"/> in a file of its own.</summary>
    public static NGramStore Store(TemporaryFile file, int vocabulary, int orders, IEnumerable<int[]> documents,
        int shard = NGramBuilder.ShardTokens, int least = 1)
    {
        using var builder = new NGramBuilder(vocabulary, orders, Path.GetTempPath(), shard);
        foreach (var document in documents) builder.Add(document);
        using (var stream = File.Create(file.Path)) builder.Write(stream, Tokenizer, leastCount: least);
        return NGramStore.Open(file.Path, Tokenizer, vocabulary);
    }

    /// <summary>How often one token follows a context.</summary>
    public static long Count(this NGramStore store, in NGramContext context, int token)
    {
        Span<long> count = stackalloc long[1];
        store.Count(context, [token], count);
        return count[0];
    }

    /// <summary>The rules of a toy or of a setting.</summary>
    public static SuperposedRules Rules(JsonElement setting, int[] endIds, int steps) => new()
    {
        Count = setting.GetProperty("k").GetInt32(),
        Candidates = setting.GetProperty("m").GetInt32(),
        Temperature = setting.GetProperty("tau").GetDouble(),
        NGramWeight = setting.GetProperty("mode").GetString() == "none" ? 0 : setting.GetProperty("alpha").GetDouble(),
        OrderWeights = Weights(setting.GetProperty("lam")),
        FirstStepNGrams = setting.GetProperty("first_step_ngram").GetBoolean(),
        MinLogProb = setting.TryGetProperty("min_lp", out var least) && least.ValueKind == JsonValueKind.Number ? least.GetDouble() : null,
        Stop = new StopRule(steps, endIds),
    };

    /// <summary>Σ of weight · count / total of a token after a text.</summary>
    public static double Gram(NGramStore store, IReadOnlyList<double> weights, int[] text, int token)
    {
        var sum = 0.0;
        for (var order = 2; order <= Math.Min(store.LastOrder, Math.Min(text.Length + 1, weights.Count + 1)); order++)
        {
            if (store.TryFind(text.AsSpan(text.Length - order + 1), out var context))
                sum += weights[order - 2] * store.Count(context, token) / context.Total;
        }
        return sum;
    }

    private static double[] Weights(JsonElement lam)
    {
        var given = lam.EnumerateObject()
            .ToDictionary(item => int.Parse(item.Name, System.Globalization.CultureInfo.InvariantCulture), item => item.Value.GetDouble());
        return given.Count == 0 ? [] : [.. Enumerable.Range(2, given.Keys.Max() - 1).Select(order => given.GetValueOrDefault(order))];
    }
}
