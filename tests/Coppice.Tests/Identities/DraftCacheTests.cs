using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>
/// Whatever was drafted, expanded, accepted or planned again before, a draft model then proposes what a fresh one does, bit for bit.
/// </summary>
public sealed class DraftCacheTests
{
    private const int Width = 8;

    /// <summary>
    /// Draws of a step: nodes by parent and token, how many of them are expanded, how often the target's pass does not take place and the
    /// draft is made again, which node is accepted, whether the text ended inside the path.
    /// </summary>
    private static readonly Gen<((int Parent, int Token)[] Nodes, int Expanded, int Repeats, int Accepted, bool Ends)[]> Steps = Gen.Select(
        Gen.Select(Gen.Int[0, 100], Gen.Int[2, 95]).Array[1, 12], Gen.Int[0, 12], Gen.Int[0, 2], Gen.Int[0, 100],
        Gen.Int[0, 7].Select(n => n == 0)).Array[1, 6];

    [Theory]
    [InlineData("llama")]
    [InlineData("mistral")]
    public void What_a_draft_model_proposes_does_not_depend_on_how_it_came_there(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var loaded = folder.Load();
        using var model = new DraftModel(loaded.Runner, Width);
        using var fresh = new DraftModel(loaded.Runner, Width);
        Assert.True(model.PassSeconds > 0, "what a pass takes must be known before the first draft");
        var tree = new TokenTree(32, 31);
        Steps.Sample(steps =>
        {
            List<int> tokens = [.. TinyModel.Prompt(20)];
            model.Begin([.. tokens]);
            foreach (var (nodes, expanded, repeats, accepted, ends) in steps)
            {
                for (var draft = 0; draft <= repeats; draft++)
                {
                    AssertSameProposal(model, fresh, [.. tokens]);
                    tree.Reset(tokens[^1]);
                    foreach (var (parent, token) in nodes) tree.Add(parent % tree.Count, token);
                    for (var node = 1; node < Math.Min(expanded, tree.Count); node++) model.Expand(tree, [node]);
                }
                var path = tree.Path(accepted % tree.Count).ToArray();
                int[] emitted = [.. path[1..].Select(node => tree.Tokens[node]), 7];
                if (ends) emitted = emitted[..Math.Max(emitted.Length - 2, 1)];
                tokens.AddRange(emitted);
                model.Accept(new VerificationResult
                {
                    Tree = tree,
                    Path = path,
                    Tokens = tokens.ToArray(),
                    Emitted = emitted,
                    Best = default
                });
                if (ends) model.Begin(tokens.ToArray());        // a text that has ended goes on only as the prompt of another
            }
            AssertSameProposal(model, fresh, [.. tokens]);
            int[] shorter = [.. tokens[..12], 5];
            model.Begin(shorter);
            AssertSameProposal(model, fresh, shorter);
        }, iter: 60, threads: 1);
    }

    private static void AssertSameProposal(DraftModel model, DraftModel fresh, int[] tokens)
    {
        fresh.Begin([1]);
        fresh.Start(tokens, SamplingShape.Unchanged);
        model.Start(tokens, SamplingShape.Unchanged);
        Assert.Equal(fresh.Proposals.Tokens(0).ToArray(), model.Proposals.Tokens(0).ToArray());
        Assert.Equal(fresh.Proposals.Weights(0).ToArray(), model.Proposals.Weights(0).ToArray());
    }
}
