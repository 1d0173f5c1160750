using System.Text;
using Coppice.Constraints;
using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>DRY against the constants of llama.cpp's tests and a search of its definition, and breakers against texts.</summary>
public sealed class DryTests
{
    [Theory]
    [InlineData(4, 1, 2, -1, new[] { 0, 1 }, new[] { 0.25, 0.25, 0.25, 0.25 })]
    [InlineData(4, 1, 2, -1, new[] { 0, 1, 2, 0, 1 }, new[] { 0.296923, 0.296923, 0.109232, 0.296923 })]
    [InlineData(5, 2, 2, -1, new[] { 0, 1, 2, 0, 1 }, new[] { 0.241818, 0.241818, 0.032727, 0.241818, 0.241818 })]
    [InlineData(5, 1, 2, 3, new[] { 0, 1, 3, 4, 0, 1 }, new[] { 0.2, 0.2, 0.2, 0.2, 0.2 })]
    [InlineData(5, 1, 4, -1, new[] { 0, 1, 2, 3, 4, 0, 1 }, new[] { 0.2, 0.2, 0.2, 0.2, 0.2 })]
    public void What_would_prolong_a_repetition_is_lowered(
        int count, float multiplier, int allowed, int breaker, int[] history, double[] expected)
    {
        var breakers = breaker < 0 ? DryBreakers.None : new DryBreakers(new Dictionary<int, int[][]> { [breaker] = [[]] });
        double[] even = [.. Enumerable.Repeat(1.0 / count, count)];
        var found = new DryPenalty(multiplier, 1.1f, allowed, 0, breakers).Probabilities(even, history);
        for (var i = 0; i < count; i++) Assert.Equal(expected[i], found[i], 1e-5);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0.8)]
    [InlineData(3, 1.4)]
    [InlineData(4, 2.45)]
    [InlineData(5, 4.2875)]
    [InlineData(8, 22.97832)]
    public void The_penalty_grows_with_the_repetition(int length, double penalty)
    {
        var repeated = Enumerable.Range(2, length).ToArray();
        var logits = new float[20];
        new DryPenalty(0.8f, 1.75f, 2, 0, DryBreakers.None).ApplyToRow([1, .. repeated, 0, .. repeated], logits);
        Assert.Equal(-penalty, logits[0], 1e-5);
        Assert.All(logits[1..], logit => Assert.Equal(0, logit));
    }

    [Fact]
    public void A_penalty_that_no_float_can_hold_bans_nothing()
    {
        int[] period = [1, 2, 3];
        int[] tokens = [.. Enumerable.Repeat(period, 2000).SelectMany(part => part)];
        var logits = new float[4];
        new DryPenalty(1e30f, 100, 2, 0, DryBreakers.None).ApplyToRow(tokens, logits);
        Assert.Equal([0, -float.MaxValue, 0, 0], logits);
    }

    [Fact]
    public void Equals_a_search_of_its_definition()
    {
        var sequences = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3].Array[0, 2]).List[0, 2];
        Gen.Select(Gen.Int[0, 3].Array[0, 40], Gen.Int[1, 4], Gen.Int[0, 30], sequences).Sample((tokens, allowed, window, breakers) =>
        {
            var table = breakers.GroupBy(item => item.Item1)
                .ToDictionary(group => group.Key, group => group.Select(item => item.Item2).ToArray());
            var expected = Search(window == 0 ? tokens : [.. tokens.TakeLast(window)], allowed, table);
            var logits = new float[4];
            new DryPenalty(1, 2, allowed, window, new DryBreakers(table)).ApplyToRow(tokens, logits);
            Assert.Equal(expected, logits);
        }, iter: 20_000);
    }

    [Fact]
    public void Breakers_begin_and_end_within_tokens()
    {
        string[] tokens = ["a", "\n", "b\nc", "x--", "-", "->", ">y", "--", "é"];
        var vocabulary = new TokenVocabulary([.. tokens.Select(Encoding.UTF8.GetBytes)], [])
        {
            // Whole tokens only, the longest first.
            Encode = text =>
            {
                var ids = new List<int>();
                while (text.Length > 0)
                {
                    var best = tokens.Where(token => text.StartsWith(token, StringComparison.Ordinal)).MaxBy(token => token.Length);
                    if (best is null) return [];
                    ids.Add(Array.IndexOf(tokens, best));
                    text = text[best.Length..];
                }
                return ids;
            },
        };
        var breakers = BreakerTokens.Find(["\n", "-->"], vocabulary);
        Assert.True(breakers.IsWhole(1));
        Assert.True(breakers.IsWhole(2));
        Assert.False(breakers.IsWhole(3));
        Assert.Equal(3, breakers.CountAfterLast([0, 0, 0]));
        Assert.Equal(1, breakers.CountAfterLast([0, 2, 0]));
        Assert.Equal(0, breakers.CountAfterLast([0, 4, 5]));         // "-" and "->"
        Assert.Equal(4, breakers.CountAfterLast([0, 3, 6, 0]));      // "x--" and ">y": the rest ">" is not a token of its own
        Assert.Equal(0, breakers.CountAfterLast([0, 1]));
        Assert.Equal(2, BreakerTokens.Find([], vocabulary).CountAfterLast([0, 1]));
    }

    /// <summary>For each token the longest text that ends here and occurred before in front of it.</summary>
    private static float[] Search(int[] tokens, int allowed, Dictionary<int, int[][]> breakers)
    {
        var free = tokens.Length;
        for (var head = 0; head < tokens.Length; head++)
        {
            if (!breakers.TryGetValue(tokens[head], out var tails)) continue;
            var fitting = tails.Where(tail => tokens.Skip(head + 1).Take(tail.Length).SequenceEqual(tail)).ToArray();
            if (fitting.Length > 0) free = tokens.Length - head - 1 - fitting.Max(tail => tail.Length);
        }
        var logits = new float[4];
        for (var token = 0; token < 4; token++)
        {
            if (breakers.TryGetValue(token, out var own) && own.Any(tail => tail.Length == 0)) continue;
            var longest = 0;
            for (var at = 1; at < tokens.Length; at++)
            {
                if (tokens[at] != token) continue;
                var length = 0;
                while (length < at && length < free && tokens[at - 1 - length] == tokens[^(length + 1)]) length++;
                longest = Math.Max(longest, length);
            }
            if (longest >= allowed) logits[token] = -(float)Math.Pow(2, longest - allowed);
        }
        return logits;
    }
}
