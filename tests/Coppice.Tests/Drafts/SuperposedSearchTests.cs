using Coppice.Decoding.Strategies;
using Coppice.Decoding.Verification;
using Coppice.Drafting.NGrams;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>
/// The choice of superposed drafts without a model: golden toys, the worked example of the specification, and what must always hold.
/// </summary>
public sealed class SuperposedSearchTests
{
    private const double Within = 2e-5;

    [Fact]
    public void Every_golden_toy_is_reproduced_step_by_step()
    {
        var toys = GoldenDrafts.Lines(Path.Combine(SharedData.Require("golden/superposed"), "toy.jsonl")).ToArray();
        Assert.Equal(54, toys.Length);
        foreach (var toy in toys)
        {
            var id = toy.GetProperty("id").GetString();
            var (vocabulary, prompt, steps) =
                (toy.GetProperty("vocab").GetInt32(), toy.Ints("prompt"), toy.GetProperty("steps").EnumerateArray().ToArray());
            var rules = GoldenDrafts.Rules(toy, [toy.GetProperty("eos").GetInt32()], steps.Length);
            using var file = new TemporaryFile();
            using var store =
                GoldenDrafts.Store(file, vocabulary, Math.Max(rules.OrderWeights.Count + 1, 2),
                toy.GetProperty("documents").EnumerateArray().Select(GoldenDrafts.Ints));
            var search = new SuperposedSearch(rules, store, prompt);
            for (var t = 0; t < steps.Length; t++)
            {
                var (step, place) = (steps[t], $"{id} step {t}");
                float[] logits = [.. toy.GetProperty("logits")[t].EnumerateArray().Select(item => (float)item.GetDouble())];
                var ids = Enumerable.Range(0, vocabulary).OrderByDescending(i => logits[i]).ThenBy(i => i).Take(rules.Candidates).ToArray();
                Same(place, step.Ints("cand"), ids);
                if (step.TryGetProperty("ng", out var grams)) CheckGrams(place, grams, store, rules, prompt, search.Alive);
                search.Step(ids, [.. ids.Select(i => logits[i])]);
                Close(place, step.Doubles("lp"), search.Logs.ToArray());
                var alive = search.Alive;
                Same(place, step.Ints("token"), alive.Select(draft => draft.Tokens[^1]));
                Same(place, step.Ints("parent"), alive.Select(draft => draft.Parent ?? 0));
                Close(place, step.Doubles("score"), [.. alive.Select(draft => draft.Score)]);
                Close(place, step.Doubles("gamma"), search.Weights());
                Assert.Equal((place, step.TryGetProperty("refill", out var refill) ? refill.GetInt32() : 0), (place, search.Refilled));
            }
            var ended = toy.Drafts("finished");
            Same(id!, ended.SelectMany(draft => draft.Tokens.Append(-1)), search.Ended.SelectMany(draft => draft.Tokens.Append(-1)));
            Close(id!, [.. ended.Select(draft => draft.Score)], [.. search.Ended.Select(draft => draft.Score)]);
        }
    }

    /// <summary>S06: two steps worked out in the specification.</summary>
    [Fact]
    public void The_worked_example_of_the_specification()
    {
        var counts = new Counts(new()
        {
            ["9"] = new() { [1] = 5, [2] = 3, [3] = 2 },
            ["1"] = new() { [4] = 6, [2] = 4 },
            ["2"] = new() { [1] = 1, [4] = 1, [5] = 2 },
            ["9 1"] = new() { [4] = 9, [5] = 1 },
        });
        var rules = new SuperposedRules
        {
            Count = 2,
            Candidates = 3,
            Temperature = 1,
            NGramWeight = 0.5,
            OrderWeights = [0.25, 0.75],
            Stop = new StopRule(9, [0]),
        };
        var first = new[] { .40, .30, .15 }.Select(p => (float)Math.Log(p)).ToArray();
        var paper = new SuperposedSearch(rules with { FirstStepNGrams = false }, counts, new[] { 9 });
        paper.Step([1, 2, 3], first);
        Close("paper's first step", [.470588, .352941], [.. paper.Alive.Select(draft => Math.Exp(draft.Score))], 1e-5);
        Close("paper's gamma", [.571429, .428571], paper.Weights(), 1e-5);

        var search = new SuperposedSearch(rules, counts, new[] { 9 });
        search.Step([1, 2, 3], first);
        Assert.Equal([[1], [2]], search.Alive.Select(draft => draft.Tokens));
        Close("first step", [-1.416607, -1.815861], [.. search.Alive.Select(draft => draft.Score)], 1e-5);
        Close("first gamma", [.598508, .401492], search.Weights(), 1e-5);
        // All candidates in the order of their scores: more drafts show more of them, and do not change the scores.
        var wide = new SuperposedSearch(rules with { Count = 5 }, counts, new[] { 9 });
        wide.Step([1, 2], first.AsSpan(0, 2));
        var shift = search.Alive[0].Score - wide.Alive[0].Score;        // the first step had one candidate more
        float[] second = [.. new[] { .45, .20, .15 }.Select(p => (float)Math.Log(p))];
        wide.Step([4, 2, 5], second);
        Assert.Equal([[1, 4], [1, 2], [2, 4], [1, 5], [2, 5]], wide.Alive.Select(draft => draft.Tokens));
        Close("candidates", [-1.800475, -3.261046, -3.489837, -3.548728, -3.692570], [.. wide.Alive.Select(draft => draft.Score + shift)],
            1e-5);
        search.Step([4, 2, 5], second);
        Assert.Equal([[1, 4], [1, 2]], search.Alive.Select(draft => draft.Tokens));
        Close("second gamma", [.811620, .188380], search.Weights(), 1e-5);
    }

    /// <summary>S07: a draft that n-grams know nothing of is penalised; weight 0 is the model alone.</summary>
    [Fact]
    public void The_penalty_falls_on_drafts_without_a_hit_and_weight_zero_is_the_model_alone()
    {
        using var file = new TemporaryFile();
        using var store = GoldenDrafts.Store(file, 10, 3, [[5, 6, 7]]);
        var rules =
            new SuperposedRules
            {
                Count = 2,
                Candidates = 4,
                Temperature = .5,
                NGramWeight = .5,
                OrderWeights = [.1, .2],
                Stop = new StopRule(9, [])
            };
        var logits = new[] { 2f, 1, 0, -1 };
        var hit = new SuperposedSearch(rules, store, new[] { 1 });
        hit.Step([3, 4, 8, 9], logits);
        Assert.Equal(.5 * hit.Logs[0] - 200, hit.Alive[0].Score, 12);
        var plain = new SuperposedSearch(rules with { NGramWeight = 0 }, store, new[] { 1 });
        var none = new SuperposedSearch(rules, null, new[] { 1 });
        foreach (var search in (SuperposedSearch[])[plain, none])
        {
            search.Step([3, 4, 8, 9], logits);
            Assert.Equal([search.Logs[0], search.Logs[1]], search.Alive.Select(draft => draft.Score));
        }
    }

    /// <summary>S08 and S09: random toys with all rules.</summary>
    [Fact]
    public void Drafts_are_distinct_and_sorted_never_ended_and_as_many_as_there_can_be()
    {
        for (var seed = 0; seed < 1000; seed++)
        {
            var random = new Random(seed);
            var (vocabulary, count, ends) = (8 + random.Next(12), 1 + random.Next(4), random.Next(3));
            using var file = new TemporaryFile();
            var documents = Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, 30).Select(_ => random.Next(vocabulary)).ToArray())
                .ToArray();
            using var store = seed % 10 == 0 ? GoldenDrafts.Store(file, vocabulary, 3, documents) : null;
            var rules = new SuperposedRules
            {
                Count = count,
                Candidates = Math.Min(vocabulary, 3 * count + ends),
                Temperature = new[] { .06, .5, 1 }[random.Next(3)],
                NGramWeight = new[] { 0, .5, 1 }[random.Next(3)],
                OrderWeights = [.1, .2],
                FirstStepNGrams = random.Next(2) == 0,
                Diverse = random.Next(3) == 0,
                EndsEarly = random.Next(2) == 0,
                MinTokens = random.Next(3),
                MinLogProb = seed % 4 == 3 ? -4 * random.NextDouble() : null,
                Stop = new StopRule(8, [.. Enumerable.Range(0, ends)]),
            };
            var search = new SuperposedSearch(rules, store, documents[0].AsMemory(0, 1 + random.Next(5)));
            var steps = 0;
            for (; !search.IsDone; steps++)
            {
                // Few different values, so that ties decide.
                float[] logits = [.. Enumerable.Range(0, vocabulary).Select(_ => random.Next(seed % 2 == 0 ? 4 : 1000) / 3f)];
                var ids = Enumerable.Range(0, vocabulary).OrderByDescending(i => logits[i]).ThenBy(i => i).Take(rules.Candidates).ToArray();
                var before = search.Alive;
                search.Step(ids, [.. ids.Select(i => logits[i])]);
                var alive = search.Alive;
                if (rules.MinLogProb is null) Assert.Equal(count, alive.Count);
                else Assert.True(alive.Count > 0 || (search.Ended.Count > 0 && steps >= rules.MinTokens), $"{seed}");
                Assert.Equal(alive.Count, alive.Select(draft => string.Join(' ', draft.Tokens)).Distinct().Count());
                Assert.All(alive, draft =>
                    Assert.True(draft.Tokens.Length == steps + 1 && !draft.Tokens.Any(rules.Stop.Ends) && double.IsFinite(draft.Score),
                    $"{seed}"));
                Assert.All(alive, draft => Assert.Equal(before[draft.Parent ?? 0].Tokens, draft.Tokens[..^1]));
                if (search.Refilled == 0) Assert.Equal(alive.OrderByDescending(draft => draft.Score), alive);
                if (rules.Diverse) Assert.Equal(alive.Count, alive.Select(draft => draft.Tokens[0]).Distinct().Count());
                Assert.Equal(search.Ended.OrderByDescending(draft => draft.Score), search.Ended);
                Assert.All(search.Ended, draft =>
                    Assert.True(rules.Stop.Ends(draft.Tokens[^1]) && draft.Tokens.Length > rules.MinTokens, $"{seed}"));
                Assert.True(search.Ended.Count <= count);
                if (alive.Count > 0) Assert.Equal(1, search.Mixture().Weights.Sum(weight => (double)weight), 1e-6);
            }
            Assert.True(steps == 8 || rules.EndsEarly || search.Alive.Count == 0);
            Assert.Equal(search.Ranked.OrderByDescending(draft => draft.Mean), search.Ranked);
            if (!rules.Diverse) continue;
            var beginnings = search.Alive.Concat(search.Ended).Where(draft => draft.Tokens.Length > 0)
                .Select(draft => draft.Tokens[0]).Distinct().Count();
            Assert.Equal(Math.Min(rules.Count, beginnings), search.Ranked.Select(draft => draft.Tokens[0]).Distinct().Count());
        }
    }

    /// <summary>S04: weights are the softmax of the scores; drafts with one last token are one term.</summary>
    [Fact]
    public void Drafts_with_the_same_last_token_are_one_term_of_the_mixture()
    {
        var rules = new SuperposedRules { Count = 4, Candidates = 4, Temperature = 1, Stop = new StopRule(9, []) };
        var search = new SuperposedSearch(rules, null, new[] { 1 });
        search.Step([3, 4, 5, 6], [1, .9f, .8f, .7f]);
        // One token is far ahead: all four drafts take it.
        search.Step([7, 8, 9, 2], [100, 0, 0, 0]);
        var mixture = search.Mixture();
        Assert.Equal((7, 1f, 1), (mixture.Ids[0], mixture.Weights[0], mixture.Ids.Length));
        var best = search.Alive.Max(draft => draft.Score);
        var exponentials = search.Alive.Select(draft => Math.Exp(draft.Score - best)).ToArray();
        Close("gamma", [.. exponentials.Select(e => e / exponentials.Sum())], search.Weights(), 1e-12);
    }

    /// <summary>Ends early only where nothing better can come, so the best drafts are those of the whole run.</summary>
    [Fact]
    public void Ending_early_changes_no_result()
    {
        var early = 0;
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var logits = Enumerable.Range(0, 12)
                .Select(_ => Enumerable.Range(0, 6).Select(i => i == 0 ? 3f : (float)random.NextDouble() * 3).ToArray()).ToArray();
            List<IReadOnlyList<ScoredDraft>> results = [];
            foreach (var endsEarly in (bool[])[true, false])
            {
                var rules =
                    new SuperposedRules { Count = 2, Candidates = 6, Temperature = 1, EndsEarly = endsEarly, Stop = new StopRule(12, [0]) };
                var search = new SuperposedSearch(rules, null, new[] { 1 });
                for (var t = 0; !search.IsDone; t++)
                {
                    var ids = Enumerable.Range(0, 6).OrderByDescending(i => logits[t][i]).ThenBy(i => i).ToArray();
                    search.Step(ids, [.. ids.Select(i => logits[t][i])]);
                    if (endsEarly && search.IsDone && t < 11) early++;
                }
                results.Add(search.Ranked);
            }
            // What goes on may end better than what has ended, never what is worse at its best.
            Assert.True(results[1].Min(draft => draft.Mean) >= results[0].Min(draft => draft.Mean) - 1e-12, $"{seed}");
        }
        Assert.True(early > 30, $"{early}");
    }

    /// <summary>Counts as given, which need not be those of any text.</summary>
    private sealed class Counts(Dictionary<string, Dictionary<int, int>> rows) : INGramCounts
    {
        private readonly string[] _contexts = [.. rows.Keys];

        public int FirstOrder => 2;
        public int LastOrder => 3;

        public bool TryFind(ReadOnlySpan<int> context, out NGramContext found)
        {
            var key = string.Join(' ', context.ToArray());
            found = rows.TryGetValue(key, out var row)
                ? new(context.Length + 1, Array.IndexOf(_contexts, key), row.Count, row.Values.Sum()) : default;
            return found.Total > 0;
        }

        public void Count(in NGramContext context, ReadOnlySpan<int> tokens, Span<long> counts)
        {
            for (var i = 0; i < tokens.Length; i++) counts[i] = rows[_contexts[context.First]].GetValueOrDefault(tokens[i]);
        }
    }

    private static void CheckGrams(
        string place, System.Text.Json.JsonElement grams, NGramStore store, SuperposedRules rules, int[] prompt,
            IReadOnlyList<ScoredDraft> alive)
    {
        var draft = 0;
        foreach (var row in grams.EnumerateArray())
        {
            foreach (var pair in row.EnumerateArray())
            {
                var actual = GoldenDrafts.Gram(store, rules.OrderWeights, [.. prompt, .. alive[draft].Tokens], pair[0].GetInt32());
                Assert.True(Math.Abs(pair[1].GetDouble() - actual) <= Within,
                    $"{place} draft {draft}: g of {pair[0]} must be {pair[1]}, got {actual}");
            }
            draft++;
        }
    }

    private static void Same(string place, IEnumerable<int> expected, IEnumerable<int> actual) =>
        Assert.Equal($"{place}: {string.Join(' ', expected)}", $"{place}: {string.Join(' ', actual)}");

    private static void Close(string place, double[] expected, double[] actual, double within = Within)
    {
        Assert.Equal((place, expected.Length), (place, actual.Length));
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= within, $"{place}: number {i} must be {expected[i]}, got {actual[i]}");
    }
}
