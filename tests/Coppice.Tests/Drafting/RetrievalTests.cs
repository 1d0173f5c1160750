using Coppice.Drafting;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>What RASD retrieves, and that it pays where a text repeats itself.</summary>
public sealed class RetrievalTests
{
    [Fact]
    public void A_trie_is_the_union_of_its_continuations_with_their_counts() =>
        Gen.Int[0, 3].Array[0, 6].Array[1, 12].Sample(continuations =>
    {
        var trie = new RetrievedTrie(200);
        foreach (var continuation in continuations) trie.Add(continuation);
        var paths = new Dictionary<string, int>();
        foreach (var continuation in continuations)
            for (var length = 1; length <= continuation.Length; length++)
                paths[Key(continuation[..length])] = paths.GetValueOrDefault(Key(continuation[..length])) + 1;
        Assert.Equal(paths.Count + 1, trie.Count);
        var counts = new double[trie.Count];
        counts[0] = continuations.Length;
        for (var node = 1; node < trie.Count; node++)
        {
            Assert.True(trie.Parent(node) < node);
            counts[node] = counts[trie.Parent(node)] * trie.Share(node);
            var path = new List<int>();
            for (var at = node; at != 0; at = trie.Parent(at)) path.Insert(0, trie.Token(at));
            Assert.Equal(paths[Key(path)], counts[node], 1e-9);
        }
    }, iter: 300);

    private static string Key(IEnumerable<int> tokens) => string.Join(' ', tokens);

    [Fact]
    public void A_full_trie_leaves_out_what_does_not_fit()
    {
        var trie = new RetrievedTrie(3);
        trie.Add([1, 2, 3]);
        trie.Add([1, 4]);
        Assert.Equal((3, 1, 2), (trie.Count, trie.Token(1), trie.Token(2)));
        trie.Clear();
        Assert.Equal(1, trie.Count);
    }

    /// <summary>The shipped model writes documentation in which phrases come again, which retrieval proposes at full length.</summary>
    [Fact]
    public void In_a_text_that_repeats_itself_retrieval_adds_to_what_the_draft_model_gives()
    {
        using var model = LanguageModel.Load(Path.Combine(SharedData.Repository, "weights", "tiny"), new ModelOptions { Device = "cpu" });
        using var session = model.NewSession();
        var prompt = model.Tokenizer!.Encode("Converts the specified");
        var options = new GenerationOptions { MaxTokens = 240, IgnoreEos = true };
        var expected = session.Ids(prompt, options);
        double Mean(string drafter)
        {
            Assert.Equal(expected, session.Ids(prompt, options with { Drafter = DrafterOptions.Parse($"{drafter},guard=false") }));
            return session.LastResult!.MeanAcceptedLength;
        }
        var (alone, fused, pruned) = (Mean("draft-model:nodes=4,branches=3,adaptive=false"), Mean("rasd:nodes=4,adaptive=false"),
            Mean("rasd:nodes=4,retrieved=0,adaptive=false"));
        Assert.Equal(alone, pruned);
        Assert.True(fused > alone + 1, $"fused {fused}, the draft alone {alone}");
    }

    [Fact]
    public void Acceptance_is_believed_as_stated_first_and_as_observed_later()
    {
        var rates = new AcceptanceRates();
        Assert.Equal(0.216, rates.Chance(0.3, first: true), 1e-12);     // p² (3 - 2p)
        Assert.Equal(0.784, rates.Chance(0.7, first: true), 1e-12);
        for (var i = 0; i < 1000; i++) rates.Observe(0.3, first: true, accepted: i % 10 != 0);
        Assert.InRange(rates.Chance(0.3, first: true), 0.85, 0.92);
        Assert.Equal(0.3, rates.Chance(0.3, first: false), 1e-12);
        for (var i = 0; i < 1000; i++) rates.Observe(0.3, first: true, accepted: false);
        Assert.InRange(rates.Chance(0.3, first: true), 0, 0.12);
    }
}
