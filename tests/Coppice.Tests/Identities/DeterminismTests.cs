using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>The same seed gives the same trees and the same text, twice on one device and once on each.</summary>
public sealed class DeterminismTests
{
    public static TheoryData<string> Drafters => AllDrafters.Names;

    /// <summary>
    /// Texts and every tree on the way to them; each draft made twice, with one of another sequence between them, where asked for.
    /// </summary>
    private static (List<int> Ids, List<string> Trees) Run(ModelPair pair, string device, string name, int tokens, bool twice = false)
    {
        using var model = pair.Load(new ModelOptions { Device = device, ContextLength = 128 });
        using var session = model.NewSession();
        var (ids, trees) = (new List<int>(), new List<string>());
        using var other = AllDrafters.Parse(name, pair).Create(model.DraftContext);
        using var drafter = new WatchedDrafter(
            AllDrafters.Parse(name, pair).Create(model.DraftContext),
            tree => trees.Add($"{string.Join(' ', tree.Tokens.ToArray())} / {string.Join(' ', tree.Parents.ToArray())}"),
            twice ? () => DraftElsewhere(other) : null);
        session.Drafter = drafter;
        foreach (var temperature in (float[])[0, 0.8f])
        {
            int[] prompt = [.. TinyModel.Prompt(20, 4), .. TinyModel.Prompt(15, 4)];
            ids.AddRange(session.Ids(prompt, new GenerationOptions
            {
                MaxTokens = tokens,
                Temperature = temperature,
                TopK = 20,
                Seed = 17,
                IgnoreEos = true
            }));
        }
        return (ids, trees);
    }

    private static void DraftElsewhere(Drafter drafter)
    {
        var (tokens, tree) = (TinyModel.Prompt(12, 5), new TokenTree(16, 15));
        drafter.Begin(tokens);
        tree.Reset(tokens[^1]);
        var request = new DraftRequest
        {
            Tokens = tokens,
            MaxNodes = 16,
            MaxDepth = 8,
            Sampler = new Sampler([], greedy: true, 0),
            Costs = PassCosts.Of((1, 1), (96, 1)),
        };
        drafter.Draft(request, tree);
    }

    /// <summary>
    /// Where a pass does not fit it is planned again, after drafts of other sequences. Trees may differ, because tables that belong to the
    /// model have learned from the other sequence; the text may not.
    /// </summary>
    [Theory, MemberData(nameof(Drafters))]
    public void Drafts_that_are_made_again_give_the_same_text(string name)
    {
        using var pair = new ModelPair();
        Assert.Equal(Run(pair, "cpu", name, 40).Ids, Run(pair, "cpu", name, 40, twice: true).Ids);
    }

    [Theory, MemberData(nameof(Drafters))]
    public void The_same_seed_gives_the_same_trees_and_text(string name)
    {
        using var pair = new ModelPair();
        var (ids, trees) = Run(pair, "cpu", name, 60);
        var (idsAgain, treesAgain) = Run(pair, "cpu", name, 60);
        Assert.Equal(ids, idsAgain);
        Assert.Equal(trees, treesAgain);
        Assert.Contains(trees, tree => tree.Contains(" 0", StringComparison.Ordinal));
    }

    /// <summary>Device kernels add up in another order; no choice of these texts is so close that it matters.</summary>
    [Theory]
    [InlineData("token-recycling")]
    [InlineData("auto:nodes=8")]
    public void Device_kernels_give_the_trees_and_texts_of_the_processor(string name)
    {
        using var pair = new ModelPair();
        var (ids, trees) = Run(pair, "cpu", name, 6);
        var (idsOfDevice, treesOfDevice) = Run(pair, "ilgpu-cpu", name, 6);
        Assert.Equal(ids, idsOfDevice);
        Assert.Equal(trees, treesOfDevice);
    }
}
