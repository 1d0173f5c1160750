using System.Diagnostics;
using System.Text.Json.Nodes;
using Coppice.Text.TokenModels;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

public sealed class BpeMergerTests
{
    [Fact]
    public void Merging_equals_the_definition_for_short_and_long_rows()
    {
        // Rules over the symbols 0..7: some pair merges into a symbol, with a rank of its own.
        var rules = Gen.Select(Gen.Int[0, 7], Gen.Int[0, 7], Gen.Int[8, 11]).List[0, 24];
        Gen.Select(rules, Gen.Int[0, 7].Array[0, 150]).Sample((pairs, row) =>
        {
            var table = new MergeTable(pairs.Count);
            var definition = new Dictionary<(int, int), (int Rank, int Whole)>();
            for (var rank = 0; rank < pairs.Count; rank++)
            {
                // Merged symbols merge further, but never back to where they came from.
                foreach (var (left, right, whole) in new[] { pairs[rank], (pairs[rank].Item3, pairs[rank].Item2, 12) })
                {
                    table.Add(left, right, rank, whole);
                    definition[(left, right)] = (rank, whole);
                }
            }
            var symbols = row.ToArray();
            var count = BpeMerger.Merge(table, symbols);
            Assert.Equal(ByDefinition(definition, [.. row]), symbols[..count]);
        }, iter: 3000);
    }

    private static List<int> ByDefinition(Dictionary<(int, int), (int Rank, int Whole)> rules, List<int> row)
    {
        while (true)
        {
            var best = -1;
            for (var i = 0; i + 1 < row.Count; i++)
            {
                if (!rules.TryGetValue((row[i], row[i + 1]), out var rule)) continue;
                if (best < 0 || rule.Rank < rules[(row[best], row[best + 1])].Rank) best = i;
            }
            if (best < 0) return row;
            row[best] = rules[(row[best], row[best + 1])].Whole;
            row.RemoveAt(best + 1);
        }
    }

    [Fact]
    public void A_long_piece_is_cut_without_changing_the_result()
    {
        var file = TinyTokenizer.Good();
        file["pre_tokenizer"] = null;
        file["normalizer"] = null;
        var tokenizer = TinyTokenizer.Parse(file.ToJsonString());
        Gen.String[Gen.Char["abc'Zxy"], 60, 300].Sample(text =>
        {
            var whole = tokenizer.Encode(text, addSpecialTokens: false);
            // No merge touches the apostrophe; letters that the vocabulary lacks disappear, so their neighbours may merge.
            var parts = new List<int>();
            foreach (var part in text.Split('\'')) tokenizer.Encode(part, parts, addSpecialTokens: false);
            Assert.Equal(parts, whole.Where(id => id != 7));
        }, iter: 500);
    }

    [Theory]
    [InlineData("smollm2")]
    [InlineData("llama2")]
    [InlineData("llama3")]
    public void A_word_of_a_hundred_thousand_letters_takes_no_quadratic_time(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        tokenizer.Encode("warm up");
        foreach (var text in new[] { new string('a', 100_000), string.Concat(Enumerable.Repeat("abcdefghij", 10_000)),
            new string(' ', 100_000) })
        {
            var clock = Stopwatch.StartNew();
            var ids = tokenizer.Encode(text, addSpecialTokens: false);
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"took {clock.Elapsed}");
            Assert.Equal(text, tokenizer.Decode(ids).PadLeft(text.Length));
        }
    }

    [Fact]
    public void A_later_merge_of_the_same_pair_counts()
    {
        var file = TinyTokenizer.Good();
        // The pair (a, b) ranks last by its second entry, so (b, c) merges first.
        file["model"]!["merges"] = JsonNode.Parse("""["a b", "b c", "a b"]""");
        Assert.Equal([0, 6], TinyTokenizer.Parse(file.ToJsonString()).Encode("abc", addSpecialTokens: false));
    }
}
