using CsCheck;
using Xunit;

namespace Coppice.Tests.PartialPrograms;

/// <summary>
/// Partial programs that hold the truth: exact counts, the solver against all choices, and coverage over many calibrations.
/// </summary>
public sealed class PacTests
{
    [Theory]
    [InlineData(100, .1, .01, 3), InlineData(100, .1, .05, 4), InlineData(500, .1, .01, 34)]
    [InlineData(1000, .05, .01, 34), InlineData(5000, .05, .01, 214)]
    [InlineData(22, .1, .1, 0), InlineData(21, .1, .1, -1), InlineData(44, .1, .01, 0), InlineData(43, .1, .01, -1)]
    public void Errors_that_calibration_allows_are_the_golden_numbers(int pairs, double epsilon, double delta, int expected) =>
        Assert.Equal(expected, PacCodePredictor.MostErrors(pairs, epsilon, delta));

    [Fact]
    public void Too_few_pairs_are_refused_with_the_number_that_is_needed()
    {
        var pair = Pair(new Random(1), .9);
        var error = Assert.Throws<ArgumentException>(() => PacCodePredictor.Calibrate([.. Enumerable.Repeat(pair, 21)], .1, .1));
        Assert.Contains("22 pairs are needed", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Every set of kept nodes of small trees.</summary>
    [Fact]
    public void The_solver_keeps_as_many_nodes_as_the_best_of_all_choices() =>
        Gen.Select(Gen.Int[1, 10], Gen.Int[0, 1_000_000], Gen.Double[0, 12], Gen.Int[1, 3]).Sample((size, seed, budget, holes) =>
        {
            var random = new Random(seed);
            var (code, tree, parents) = Tree(random, size);
            var tokens = Enumerable.Range(1, size).Select(end => (end, 4 * random.NextDouble())).ToArray();
            var program = PredictedProgram.From(code, tokens, tree);
            var best = 0;
            for (var set = 0; set < 1 << size; set++)
            {
                var (isClosed, found, cost, count) = (true, 0, 0.0, 0);
                for (var node = 0; node < size; node++)
                {
                    var isParentKept = node == 0 || (set >> parents[node] & 1) != 0;
                    if ((set >> node & 1) != 0)
                    {
                        isClosed &= isParentKept;
                        (cost, count) = (cost + tokens[node].Item2, count + 1);
                    }
                    else if (isParentKept) found++;
                }
                if (isClosed && found <= holes && cost <= budget) best = Math.Max(best, count);
            }
            var partial = new PartialProgram(program, PruningSolver.Solve(program, budget, holes));
            Assert.Equal(best, partial.KeptNodes);
            Assert.True(partial.Holes <= Math.Max(holes, 1));
        }, iter: 1000);

    [Fact]
    public void Budget_0_leaves_a_hole_and_no_limit_the_program()
    {
        var program = PredictedProgram.From("abc", [(1, 1), (2, 2), (3, 3)], Nested());
        Assert.Equal("??", new PartialProgram(program, PruningSolver.Solve(program, 0, 1)).ToString());
        Assert.Equal("(a(b(c)))", new PartialProgram(program, PruningSolver.Solve(program, double.PositiveInfinity, 1)).ToString());
        Assert.Equal("(a(b??))", new PartialProgram(program, PruningSolver.Solve(program, 3, 1)).ToString());
        var whole = new PartialProgram(program, [true, true, true]);
        Assert.True(whole.Contains("a b c", new CodeNode(0, 5, [new CodeNode(2, 5, [new CodeNode(4, 5, [])])])));
        Assert.False(whole.Contains("abd", Nested()));
        Assert.True(new PartialProgram(program, [true, true, false]).Contains("abd", Nested()));
        Assert.True(new PartialProgram(program, [false, false, false]).Contains("x", new CodeNode(0, 1, [])));

        static CodeNode Nested() => new(0, 3, [new CodeNode(1, 3, [new CodeNode(2, 3, [])])]);
    }

    [Fact]
    public void A_token_that_two_nodes_share_counts_in_both_and_costs_are_held()
    {
        var program = PredictedProgram.From("ab", [(2, 3)], new CodeNode(0, 2, [new CodeNode(1, 2, [])]));
        Assert.Equal([3, 3], new[] { program.Root.Cost, program.Root.Children[0].Cost });
        Assert.Equal(10, PredictedProgram.From("a", [(1, 99)], new CodeNode(0, 1, [])).Root.Cost);
    }

    [Fact]
    public void Sets_lack_the_truth_no_more_often_than_is_promised()
    {
        const double epsilon = .2, delta = .1;
        const int draws = 1000, pairs = 40;
        var random = new Random(11);
        var lost = Enumerable.Range(0, 1500).Select(_ => PacCodePredictor.FirstLost(Pair(random, .93), holes: 1)).ToArray();
        Assert.Contains(lost, level => level < 100);
        var violations = 0;
        for (var draw = 0; draw < draws; draw++)
        {
            var level = PacCodePredictor.Level([.. Enumerable.Range(0, pairs).Select(_ => lost[random.Next(lost.Length)])], epsilon, delta);
            if (lost.Count(budget => budget <= level) > epsilon * lost.Length) violations++;
        }
        Assert.InRange(violations, 1, draws * (delta + 3 * Math.Sqrt(delta * (1 - delta) / draws)));
    }

    [Fact]
    public void A_calibrated_predictor_keeps_what_the_budget_allows()
    {
        var random = new Random(5);
        var predictor = PacCodePredictor.Calibrate([.. Enumerable.Range(0, 60).Select(_ => Pair(random, .97))], .2, .1, holes: 2);
        Assert.True(predictor.Budget > 0);
        var program = Pair(random, .97).Predicted;
        var partial = predictor.Predict(program);
        Assert.True(partial.Holes <= 2);
        Assert.InRange(partial.KeptNodes, 0, program.Count);
    }

    [Fact]
    public void Uncertain_stretches_are_the_tokens_below_the_threshold()
    {
        GeneratedPiece[] pieces =
        [
            Piece("a", 1, .99), Piece("b", 2, .5, 9), Piece("c", 3, .8), Piece("d", 4, .95), Piece("e", 5, .1),
        ];
        var spans = UncertainSpan.In(pieces);
        Assert.Equal([(1, 3, "bc"), (4, 5, "e")], spans.Select(span => (span.Start, span.End, span.Text)));
        Assert.Equal(.5, spans[0].LeastProbability, 1e-12);
        Assert.Equal([9], spans[0].Alternatives.Select(other => other.TokenId));
        Assert.Empty(UncertainSpan.In(pieces, .05));
        Assert.Throws<ArgumentException>(() => UncertainSpan.In([new GeneratedPiece("x", 1, null)]));

        static GeneratedPiece Piece(string text, int id, double p, params int[] others) => new(
            text, id,
            new TokenLogProbs(Math.Log(p), [new TokenLogProb(id, Math.Log(p)), .. others.Select(other => new TokenLogProb(other, -3))]));
    }

    /// <summary>A program of random shape whose model knows how sure it is: each token is wrong as often as it says.</summary>
    private static CalibrationPair Pair(Random random, double sure)
    {
        var (code, tree, _) = Tree(random, 4);
        var truth = code.ToCharArray();
        var tokens = new List<(int, double)>();
        for (var at = 0; at < code.Length; at++)
        {
            var p = random.NextDouble() < .5 ? sure : Math.Max(random.NextDouble(), .05);
            tokens.Add((at + 1, -Math.Log(p)));
            if (random.NextDouble() > p) truth[at] = 'X';
        }
        return new CalibrationPair(PredictedProgram.From(code, tokens, tree), new string(truth), tree);
    }

    /// <summary>A tree whose nodes have a letter each, in the order of the program.</summary>
    private static (string Code, CodeNode Tree, int[] Parents) Tree(Random random, int size)
    {
        // The parent of the next node is on the path to the last one, so that letters stand in order.
        var parents = new int[size];
        for (var node = 1; node < size; node++)
        {
            parents[node] = node - 1;
            while (parents[node] > 0 && random.Next(2) == 0) parents[node] = parents[parents[node]];
        }
        return (new string([.. Enumerable.Range(0, size).Select(node => (char)('a' + node))]), Build(0), parents);

        CodeNode Build(int node)
        {
            CodeNode[] children = [.. Enumerable.Range(node + 1, size - node - 1).Where(child => parents[child] == node).Select(Build)];
            return new CodeNode(node, children.Length == 0 ? node + 1 : children[^1].End, children);
        }
    }
}
