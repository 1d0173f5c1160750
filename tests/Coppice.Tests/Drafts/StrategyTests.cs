using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Strategies;
using Coppice.Decoding.Verification;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>Strategies over a small law instead of a model: three tokens, whose probabilities depend on the tokens before.</summary>
public sealed class StrategyTests
{
    private const int Vocabulary = 3, Length = 3;
    private static readonly TokenVocabulary Tokens = new([[97], [98], [99]], []);

    /// <summary>
    /// What is drawn first without replacement is an ordinary draw, and the first two follow the law of draws without replacement.
    /// </summary>
    [Fact]
    public void Distinct_drafts_are_an_ordered_sample_without_replacement()
    {
        var texts = Texts().ToArray();
        var law = texts.ToDictionary(Key, text => Math.Exp(LogProbability(text)));
        var pairs = texts.SelectMany(one => texts.Where(other => other != one).Select(other => (one, other)))
            .ToDictionary(pair => $"{Key(pair.one)}|{Key(pair.other)}", pair =>
                law[Key(pair.one)] * law[Key(pair.other)] / (1 - law[Key(pair.one)]));
        var (firsts, seconds) = (new Dictionary<string, int>(), new Dictionary<string, int>());
        for (var seed = 0; seed < 20_000; seed++)
        {
            var sampler = new Sampler([], greedy: false, (ulong)seed);
            var strategy = new DistinctSamplingStrategy(4, sampler, new StopRule(Length, []), new[] { 7 }, Vocabulary);
            Run(strategy);
            var drawn = strategy.Alive.Select(draft => Key(draft.Tokens)).ToArray();
            Assert.Equal(4, drawn.Distinct().Count());
            Add(firsts, drawn[0]);
            Add(seconds, $"{drawn[0]}|{drawn[1]}");
            Assert.All(strategy.Alive, draft => Assert.Equal(LogProbability(draft.Tokens), draft.Score, 1e-5));
        }
        ChiSquare.AssertFits(law, firsts);
        ChiSquare.AssertFits(pairs, seconds);
    }

    /// <summary>A text that has ended keeps its place among those that go on.</summary>
    [Fact]
    public void Distinct_drafts_that_end_are_as_likely_as_they_are()
    {
        // Token 0 ends a text.
        var law = Texts().Select(Cut).DistinctBy(Key).ToDictionary(Key, text => Math.Exp(LogProbability(text)));
        Assert.Equal(1, law.Values.Sum(), 1e-9);
        var counts = new Dictionary<string, int>();
        for (var seed = 0; seed < 20_000; seed++)
        {
            var strategy =
                new DistinctSamplingStrategy(1, new Sampler([], greedy: false, (ulong)seed), new StopRule(Length, [0]), new[] { 7 },
                Vocabulary);
            Run(strategy);
            Add(counts, Key(strategy.Ranked.Single().Tokens));
        }
        ChiSquare.AssertFits(law, counts);
    }

    [Fact]
    public void A_beam_as_wide_as_the_tree_ranks_all_texts_and_a_narrow_one_keeps_what_is_best_so_far()
    {
        var all = Texts().OrderByDescending(LogProbability).ToArray();
        var wide = new BeamStrategy(new BeamSearch(27, new StopRule(Length, [])), 27, Vocabulary);
        Run(wide);
        Assert.Equal(all.Select(Key), wide.Ranked.Select(draft => Key(draft.Tokens)));
        var narrow = new BeamStrategy(new BeamSearch(2, new StopRule(Length, [])), 2, Vocabulary);
        Run(narrow);
        List<int[]> beams = [[]];
        for (var step = 0; step < Length; step++)
            beams = [.. beams.SelectMany(beam =>
                Enumerable.Range(0, Vocabulary).Select(token => (int[])[.. beam, token])).OrderByDescending(LogProbability).Take(2)];
        Assert.Equal(beams.Select(Key), narrow.Ranked.Select(draft => Key(draft.Tokens)));
    }

    /// <summary>Texts that end leave the beam, and are compared by the mean of their tokens.</summary>
    [Fact]
    public void Beams_that_end_are_ranked_by_their_mean()
    {
        var beam = new BeamStrategy(new BeamSearch(27, new StopRule(Length, [0])), 27, Vocabulary);
        Run(beam);
        var texts = Texts().Select(Cut).DistinctBy(Key).OrderByDescending(text => LogProbability(text) / text.Length).ToArray();
        Assert.Equal(texts.Select(Key), beam.Ranked.Select(draft => Key(draft.Tokens)));
        var held = new BeamStrategy(new BeamSearch(27, new StopRule(Length, [0]), minTokens: 1), 27, Vocabulary);
        Run(held);
        Assert.DoesNotContain("0", held.Ranked.Select(draft => Key(draft.Tokens)));
        Assert.Contains(held.Ranked, draft => draft.Tokens.Length == 2);
    }

    /// <summary>What is left keeps its own log-probability: a text is as good as without the list.</summary>
    [Fact]
    public void A_beam_keeps_to_a_deny_list_and_ranks_by_the_models_own_probabilities()
    {
        var deny = new DenyList(Tokens, sequences: [[1, 2], [0, 0, 1]]);
        var all = Texts().Where(text => !IsDenied(text)).OrderByDescending(LogProbability).ToArray();
        var wide = Beams(27, deny.CreateConstraint());
        Run(wide);
        Assert.Equal(all.Select(Key), wide.Ranked.Select(draft => Key(draft.Tokens)));
        Assert.All(wide.Ranked, draft => Assert.Equal(LogProbability(draft.Tokens), draft.Score, 1e-5));
        var narrow = Beams(4, deny.CreateConstraint(DenyPolicy.Mask));
        Run(narrow);
        Assert.Equal(4, narrow.Ranked.Count);
        Assert.DoesNotContain(narrow.Ranked, draft => IsDenied(draft.Tokens));
        Assert.Equal(Beams(4, prunes: false).Select(Key), narrow.Ranked.Select(draft => Key(draft.Tokens)));

        static bool IsDenied(int[] text) => Ends(text, 2) || Ends(text, 3);
        static bool Ends(int[] text, int length) => Denied(text[..length]) is not null;
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_beam_whose_best_token_is_denied_is_given_up_unless_all_are(int beams)
    {
        var deny = new DenyList(Tokens, sequences: [[1, 2], [0, 0, 1]]);
        var strategy = Beams(beams, deny.CreateConstraint(DenyPolicy.PruneBeam));
        Run(strategy);
        Assert.Equal(Beams(beams, prunes: true).Select(Key), strategy.Ranked.Select(draft => Key(draft.Tokens)));
        Assert.NotEmpty(strategy.DenyHits);
        Assert.All(strategy.DenyHits, hit => Assert.Contains(hit.Label, (string[])["1,2", "0,0,1"]));
    }

    private static BeamStrategy Beams(int beams, DenyConstraint deny)
    {
        var stop = new StopRule(Length, []);
        var constraints = new BeamConstraints(new SequenceConstraint(new GenerationRule(deny, deny), Tokens, stop, Length));
        return new BeamStrategy(new BeamSearch(beams, stop) { EndsWhole = constraints.EndsWhole }, beams, Vocabulary, constraints);
    }

    /// <summary>Beam search over all texts at once.</summary>
    private static int[][] Beams(int beams, bool prunes)
    {
        int[][] alive = [[]];
        for (var step = 0; step < Length; step++)
        {
            var kept = alive.Where(text => Denied([.. text, Array.IndexOf(Row(text), Row(text).Max())]) is null).ToArray();
            if (prunes && kept.Length > 0) alive = kept;
            alive = [.. alive.SelectMany(text => Enumerable.Range(0, Vocabulary).Select(token => (int[])[.. text, token]))
                .Where(text => Denied(text) is null).OrderByDescending(LogProbability).Take(beams)];
        }
        return alive;
    }

    /// <summary>What the last token of a text completes.</summary>
    private static string? Denied(int[] text) => text switch
    {
        [.., 1, 2] => "1,2",
        [.., 0, 0, 1] => "0,0,1",
        _ => null,
    };

    /// <summary>Runs passes: each branch's logits are those of the tokens that it holds.</summary>
    private static void Run(DraftStrategy strategy)
    {
        var logits = new Law();
        while (strategy.Step(logits) is { Count: > 0 } steps)
            logits.Branches = [.. steps.Select(step => (int[])[.. logits.Branches[step.Parent], .. step.Rows.Select(row => row.Token)])];
    }

    private static IEnumerable<int[]> Texts() => Enumerable.Range(0, 27).Select(i => new[] { i / 9, i / 3 % 3, i % 3 });

    private static int[] Cut(int[] text) => Array.IndexOf(text, 0) is var end and >= 0 ? text[..(end + 1)] : text;

    private static string Key(IEnumerable<int> tokens) => string.Join(' ', tokens);

    private static void Add(Dictionary<string, int> counts, string key) => counts[key] = counts.GetValueOrDefault(key) + 1;

    private static float[] Row(ReadOnlySpan<int> before)
    {
        var hash = 17;
        foreach (var token in before) hash = hash * 31 + token + 1;
        var random = new Random(hash);
        return [.. Enumerable.Range(0, Vocabulary).Select(_ => (float)(3 * random.NextDouble()))];
    }

    private static double LogProbability(int[] text)
    {
        var sum = 0.0;
        for (var i = 0; i < text.Length; i++)
        {
            var row = Row(text.AsSpan(0, i));
            sum += row[text[i]] - Math.Log(row.Sum(z => Math.Exp(z)));
        }
        return sum;
    }

    private sealed class Law : IBranchLogits
    {
        public List<int[]> Branches { get; set; } = [[]];

        public ReadOnlySpan<int> Best(int branch, int count, out ReadOnlySpan<float> logits)
        {
            var row = Row(Branches[branch]);
            var ids = Enumerable.Range(0, Vocabulary).OrderByDescending(i => row[i]).ThenBy(i => i).Take(count).ToArray();
            logits = ids.Select(i => row[i]).ToArray();
            return ids;
        }

        public void Download(int branch, Span<float> logits) => Row(Branches[branch]).CopyTo(logits);
    }
}
