using Coppice.Decoding.Sampling;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>
/// Every processor in a whole row and in the row's largest logits: where the latter decide, the choices are the same, bit for bit.
/// </summary>
public sealed class CandidatesTests
{
    private const int Prompt = 5;
    private static readonly int[] Tokens = [3, 9, 9, 1, 12, 9, 3, 40, 3, 2, 7, 7];
    private static readonly Dictionary<int, float> Lower = new() { [3] = -1.5f, [7] = float.NegativeInfinity, [44] = -30, [1900] = -0.5f };

    /// <summary>Chains of processors, whether they allow the short cut, and how many logits decide nearly always.</summary>
    private static readonly Dictionary<string, (LogitsProcessor[] Chain, bool Greedy)> Chains = new()
    {
        ["greedy, repetition"] = ([new RepetitionPenalty(1.3f, 6)], true),
        ["greedy, frequency and presence"] = ([new FrequencyPenalty(0.7f, 0.4f, Prompt)], true),
        ["greedy, bias"] = ([new LogitBias(Lower)], true),
        ["greedy, minimum"] = ([new MinimumTokens(50, Prompt, [1, 3, 9])], true),
        ["greedy, odd"] = ([new OddIds()], true),
        ["top-k"] = ([new TopK(20)], false),
        ["temperature, top-k"] = ([new Temperature(0.6f), new TopK(20)], false),
        ["hot, top-k, top-p, min-p"] = ([new Temperature(2.5f), new TopK(30), new TopP(0.8), new MinP(0.02)], false),
        ["tiny temperature, top-k"] = ([new Temperature(1e-38f), new TopK(20), new TopP(0.5)], false),
        ["repetition, top-k"] = ([new RepetitionPenalty(1.3f, 6), new Temperature(0.7f), new TopK(12)], false),
        ["frequency, top-k, top-p"] = ([new FrequencyPenalty(0.7f, 0.4f, Prompt, 9), new TopK(12), new TopP(0.9)], false),
        ["bias, top-k"] = ([new LogitBias(Lower), new Temperature(1.4f), new TopK(12)], false),
        ["minimum, top-k"] = ([new MinimumTokens(50, Prompt, [1, 3, 9]), new TopK(12), new MinP(0.01)], false),
        ["min-p"] = ([new MinP(0.3)], false),
        ["temperature, min-p"] = ([new Temperature(0.5f), new MinP(0.2)], false),
        ["dry, top-k"] = ([new DryPenalty(0.8f, 1.75f, 1, 0, DryBreakers.None), new TopK(12)], false),
        ["greedy, dry"] = ([new DryPenalty(0.8f, 1.75f, 1, 9, DryBreakers.None)], true),
        ["top-k, top-n-sigma"] = ([new TopK(20), new TopNSigma(1.1)], false),
        ["top-k, typical"] = ([new TopK(20), new TypicalP(0.8, 2)], false),
        ["top-k, cutoffs"] = ([new TopK(20), new EpsilonCutoff(0.04), new EtaCutoff(0.1, 3)], false),
        ["top-k, p-less"] = ([new TopK(20), new PLess()], false),
        ["top-k, xtc"] = ([new TopK(20), new Xtc(0.9, 0.05, 3)], false),
        ["top-k, dynamic temperature"] = ([new TopK(20), new DynamicTemperature(0.2f, 1.8f, 1), new TopP(0.9)], false),
        ["top-k, min-p, least"] = ([new TopK(20), new MinP(0.3, 4)], false),
        ["top-k, top-p, least"] = ([new TopK(20), new TopP(0.2, 4)], false),
        ["odd, top-k"] = ([new OddIds(), new Temperature(0.5f), new TopK(10)], false),
        ["all"] =
        (
            [
                new RepetitionPenalty(1.2f, 4), new FrequencyPenalty(0.2f, 0.1f, Prompt, 9), new LogitBias(Lower),
                new MinimumTokens(50, Prompt, [1, 3]), new OddIds(), new Temperature(0.9f), new TopK(8), new TopP(0.95), new MinP(0.001),
            ],
            false),
    };

    public static TheoryData<string> Names => [.. Chains.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Choices_among_the_largest_logits_are_those_of_the_row(string name)
    {
        var (chain, greedy) = Chains[name];
        Assert.All(chain, processor => Assert.True(processor.AllowsCandidates));
        var (decided, all) = (0, 0);
        var random = new Random(name.Length);
        foreach (var width in new[] { 50, 333, 2000 })
        {
            for (var seed = 0UL; seed < 120; seed++)
            {
                var sampler = new Sampler(chain, greedy, seed) { Candidates = 48 };
                var row = Row(random, width, (int)(seed % 6));
                all++;
                if (ByLargest(sampler, row) is not { } token) continue;
                decided++;
                Assert.Equal(sampler.Choose(Tokens, (float[])row.Clone()), token);
            }
        }
        Assert.True(decided > all / 2, $"of {all} choices the largest logits must decide more than half, got {decided}");
    }

    [Theory, MemberData(nameof(Names))]
    public void Few_of_the_largest_logits_decide_rightly_or_not_at_all(string name)
    {
        var (chain, greedy) = Chains[name];
        Gen.Select(Gen.Int[1, 30], Gen.Int[2, 80], Gen.Int[0, 5], Gen.ULong).Sample((count, width, kind, seed) =>
        {
            var sampler = new Sampler(chain, greedy, seed) { Candidates = count };
            var row = Row(new Random((int)seed), Math.Max(width, 45), kind);
            if (ByLargest(sampler, row) is { } token) Assert.Equal(sampler.Choose(Tokens, (float[])row.Clone()), token);
        }, iter: 2000);
    }

    [Fact]
    public void What_may_raise_a_logit_asks_for_the_row()
    {
        Assert.False(new RepetitionPenalty(0.9f, 1).AllowsCandidates);
        Assert.False(new FrequencyPenalty(-0.1f, 0, 0).AllowsCandidates);
        Assert.False(new FrequencyPenalty(0, -0.1f, 0).AllowsCandidates);
        Assert.False(new LogitBias(new Dictionary<int, float> { [1] = -1, [2] = 0.1f }).AllowsCandidates);
        Assert.Equal(0, new Sampler([new LogitBias(new Dictionary<int, float> { [1] = 5 })], greedy: true, 0).Candidates);
    }

    [Theory]
    [InlineData(41, 40, 0, 0f)]
    [InlineData(0, 64, 0, 0f)]
    [InlineData(53, 40, 12, 0.5f)]
    [InlineData(0, 40, 0, 0.5f)]
    [InlineData(0, 40, 30, 0.5f)]
    public void Enough_of_the_largest_logits_are_asked_for_or_the_row(int expected, int topK, int window, float penalty)
    {
        var options = new GenerationOptions { Temperature = 1, TopK = topK, RepetitionWindow = window, FrequencyPenalty = penalty };
        Assert.Equal(expected, options.CreateSampler().Candidates);
    }

    /// <summary>A processor that reads ids: it bans odd ones. Handed ranks instead of ids, it would ban others.</summary>
    private sealed class OddIds : LogitsProcessor
    {
        public override bool AllowsCandidates => true;
        public override int MostLowered => 20;

        public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
        {
            for (var i = 0; i < candidates.Logits.Length; i++)
            {
                if (candidates.Id(i) % 2 != 0) candidates.Logits[i] = float.NegativeInfinity;
            }
        }
    }

    [Fact]
    public void A_processor_that_reads_ids_gets_ids_both_ways()
    {
        float[] row = [1, 9, 2, 8, 3, 7, 4, 6, 5];
        var sampler = new Sampler([new OddIds()], greedy: true, 0) { Candidates = 6 };
        Assert.Equal(8, sampler.Choose([0], (float[])row.Clone()));
        Assert.Equal(8, sampler.Choose([0], [1, 3, 5, 7, 8, 6], [9, 8, 7, 6, 5, 4]));
        Assert.Null(sampler.Choose([0], [1, 3, 5, 7], [9, 8, 7, 6]));
    }

    /// <summary>Logits of several shapes: flat, peaked, few different values, none finite but some, with infinities.</summary>
    private static float[] Row(Random random, int width, int kind)
    {
        var row = Enumerable.Range(0, width).Select(_ => kind switch
        {
            0 => random.Next(7),
            1 => 3 * (float)random.NextDouble(),
            2 => -5 + 4 * (float)(random.NextDouble() + random.NextDouble() + random.NextDouble()),
            _ => -8 * MathF.Log(1 - (float)random.NextDouble()) - 4,
        }).ToArray();
        if (kind == 4) (row[0], row[width / 2]) = (float.NaN, float.NegativeInfinity);
        if (kind == 5) row.AsSpan(width / 3).Fill(float.NegativeInfinity);
        return row;
    }

    private static int? ByLargest(Sampler sampler, float[] row)
    {
        float Logit(int id) => float.IsNaN(row[id]) ? float.NegativeInfinity : row[id];
        var best = Enumerable.Range(0, row.Length).OrderByDescending(Logit).ThenBy(id => id).Take(sampler.Candidates).ToArray();
        return sampler.Choose(Tokens, best, best.Select(Logit).ToArray());
    }
}
