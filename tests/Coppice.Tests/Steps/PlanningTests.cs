using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Steps;

/// <summary>Planning: the selection rule, the golden numbers of a toy search, and the whole strategy against greedy decoding.</summary>
public sealed class PlanningTests : IDisposable
{
    private static readonly int[] Prompt = TinyModel.Prompt(9);
    private readonly TinyModel _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_selection_rule_has_the_golden_value() =>
        Assert.Equal(1.2793317, new PlanningTree<string>(4, 10).Rate(10, .6, 3, .2), 1e-7);

    [Theory]
    [InlineData(.4, "1111", 52), InlineData(.3, "1111", 156), InlineData(.3, "1110", 46)]
    public void A_toy_search_is_rewarded_at_the_golden_visit(double q, string target, int expected)
    {
        (int Token, double Prior)[] Candidates(string text) => text.Length == 4 ? [] : [(0, 1 - q), (1, q)];
        var tree = new PlanningTree<string>(4, 10);
        var root = new PlanningTree<string>.Node("", Candidates(""));
        for (var visit = 1; visit <= expected; visit++)
        {
            var (nodes, edges) = tree.Select(root);
            if (edges.Count == nodes.Count)
            {
                var text = nodes[^1].State + edges[^1].Token;
                nodes.Add(edges[^1].Child = new PlanningTree<string>.Node(text, Candidates(text)));
            }
            var reward = nodes[^1].State.PadRight(4, '0') == target ? 1 : 0;
            Assert.Equal(visit == expected ? 1 : 0, reward);
            PlanningTree<string>.Return(nodes, edges, reward);
        }
    }

    [Fact]
    public void One_evaluation_is_greedy_decoding()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 15 };
        var strategy = StrategyOptions.Parse("planning:evaluations=1");
        Assert.Equal(session.Ids(Prompt, options), session.Ids(Prompt, options with { Strategy = strategy }));
    }

    [Theory]
    [InlineData(1), InlineData(3)]
    public void More_evaluations_find_what_scores_better(int beams)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var calls = 0;
        var scorer = SequenceScorers.Of(text =>
        {
            Interlocked.Increment(ref calls);
            return text.Tokens.Count(token => token % 2 == 0) / 6.0;
        });
        var options = new GenerationOptions { MaxTokens = 6, IgnoreEos = true };
        double Score(int evaluations)
        {
            calls = 0;
            var ids = session.Ids(Prompt, options with
            {
                Strategy = new PlanningOptions { Evaluations = evaluations, Beams = beams, Scorer = scorer, EnoughScore = 2 },
            });
            Assert.Equal(6, ids.Length);
            Assert.True(calls <= evaluations, $"{evaluations} evaluations were allowed, got {calls}");
            return ids.Count(token => token % 2 == 0) / 6.0;
        }
        var (one, some, many) = (Score(1), Score(8), Score(40));
        Assert.True(one <= some && some <= many && one < many, $"scores must rise, got {one}, {some}, {many}");
    }

    [Fact]
    public void The_text_keeps_the_sessions_keys_and_values()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 6, IgnoreEos = true, Strategy = new PlanningOptions { Evaluations = 5 } };
        var ids = session.Ids(Prompt, options);
        Assert.Equal((int[])[.. Prompt, .. ids], session.Tokens);
        Assert.Equal(ids, session.LastResult!.Ids);
    }
}
