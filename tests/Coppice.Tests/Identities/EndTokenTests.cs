using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>No drafter spends nodes on what stands after the end of the text.</summary>
public sealed class EndTokenTests
{
    private static readonly string Config = TinyModel.Llama.Replace("\"eos_token_id\": 1",
        $"\"eos_token_id\": [{string.Join(", ", Enumerable.Range(2, 30))}]", StringComparison.Ordinal);

    public static TheoryData<string> Drafters => AllDrafters.Names;

    [Theory, MemberData(nameof(Drafters))]
    public void Nothing_is_proposed_behind_a_token_that_ends_the_text(string name)
    {
        using var pair = new ModelPair(Config);
        using var model = pair.Load();
        foreach (var temperature in (float[])[0, 1])
        {
            var (ended, below, inner) = (0, 0, 0);
            void Look(TokenTree tree)
            {
                for (var node = 1; node < tree.Count; node++)
                {
                    if (tree.FirstChild(node) != TokenTree.None) inner++;
                    if (!tree.Ends(tree.Tokens[node])) continue;
                    ended++;
                    if (tree.FirstChild(node) != TokenTree.None) below++;
                }
            }
            using var plain = model.NewSession();
            using var session = model.NewSession();
            using var drafter = new WatchedDrafter(AllDrafters.Parse(name, pair).Create(model.DraftContext), Look);
            session.Drafter = drafter;
            for (var seed = 0; seed < 60; seed++)
            {
                int[] prompt = [.. TinyModel.Prompt(30, seed), .. TinyModel.Prompt(20, seed)];
                var options = new GenerationOptions { MaxTokens = 20, Temperature = temperature, Seed = (ulong)seed };
                var ids = session.Ids(prompt, options);
                if (temperature == 0) Assert.Equal(plain.Ids(prompt, options), ids);
            }
            Assert.True(ended > 0, $"tokens that end the text must be proposed, got {ended}");
            Assert.True(inner > 0, $"others must have tokens after them, got {inner}");
            Assert.Equal(0, below);
        }
    }

    [Fact]
    public void The_last_token_of_a_prompt_may_be_one_that_ends_texts()
    {
        var tree = new TokenTree(4, 3);
        tree.Reset(7, new StopRule(10, [7]));
        Assert.True(tree.MayExtend(0, 3));
        Assert.False(tree.MayExtend(tree.Add(0, 7), 3));
        Assert.True(tree.MayExtend(tree.Add(0, 8), 3));
        Assert.False(tree.MayExtend(2, 1));
        tree.Reset(7);
        Assert.True(tree.MayExtend(tree.Add(0, 7), 3));
    }
}
