using Coppice.Constraints;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Constraints;

/// <summary>Samples by ASAp with the model that ships with the repository: drawn as the model draws among the allowed texts.</summary>
public sealed class AsapTextTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private const string Prompt = "Returns the number of";

    private static readonly GenerationOptions Options = new() { Temperature = 1, MaxTokens = 24, Choices = [" no", " it", " x"] };

    [Fact]
    public void The_bound_falls_to_the_probability_of_the_language()
    {
        using var session = tiny.Model.NewSession();
        var trie = new AsapTrie();
        var bound = 1.0;
        for (var i = 0; i < 400; i++)
        {
            Assert.Contains(Text(session, trie, i), Options.Choices);
            Assert.True(trie.Bound <= bound, $"sample {i}");
            bound = trie.Bound;
        }
        // Every way to spell one of the texts in tokens, and the end after it.
        var exact = Options.Choices.Sum(text => Spellings(text).Sum(ids => Math.Exp(LogProb([.. ids, tiny.Model.EndTokenIds[0]]))));
        Assert.InRange(trie.Bound / exact, 1 - 1e-4, 1.02);
    }

    [Fact]
    public void The_same_seeds_give_the_same_samples_with_every_drafter()
    {
        using var session = tiny.Model.NewSession();
        var (plain, drafting) = (new AsapTrie(), new AsapTrie());
        for (var i = 0; i < 12; i++)
            Assert.Equal(Text(session, plain, i),
                Text(session, drafting, i, Options with { Drafter = DrafterOptions.Parse("auto:guard=false") }));
        Assert.Equal(plain.Bound, drafting.Bound);
    }

    [Fact]
    public void A_trie_is_for_one_model_prompt_constraint_and_temperature()
    {
        using var session = tiny.Model.NewSession();
        var trie = new AsapTrie();
        Text(session, trie, 0);
        using var file = new MemoryStream();
        trie.Save(file);
        file.Position = 0;
        var loaded = AsapTrie.Load(file);
        Assert.Equal(trie.Key, loaded.Key);
        Text(session, loaded, 1);
        Assert.Throws<ArgumentException>(() => Text(session, loaded, 1, Options with { Temperature = .9f }));
        Assert.Throws<ArgumentException>(() => Text(session, loaded, 1, Options with { Choices = ["a"] }));
    }

    [Fact]
    public void What_changes_probabilities_is_refused()
    {
        using var session = tiny.Model.NewSession();
        GenerationOptions[] wrong =
        [
            Options with { Temperature = 0 }, Options with { TopK = 5 }, Options with { TopP = .9f }, Options with { MinP = .1f },
            Options with { RepetitionPenalty = 1.1f }, Options with { MinTokens = 2 }, Options with { IgnoreEos = true },
            new() { Temperature = 1 },
        ];
        foreach (var options in wrong) Assert.Throws<ArgumentException>(() => Text(session, new AsapTrie(), 0, options));
    }

    private static string Text(Session session, AsapTrie trie, int seed, GenerationOptions? options = null) =>
        string.Concat(session
            .Generate(Prompt, (options ?? Options) with { Asap = trie, Seed = (ulong)seed }, TestContext.Current.CancellationToken)
            .Select(piece => piece.Text));

    private List<int[]> Spellings(string text)
    {
        var vocabulary = tiny.Model.Vocabulary;
        var found = new List<int[]>();
        Extend([], System.Text.Encoding.UTF8.GetBytes(text));
        return found;

        void Extend(int[] ids, byte[] rest)
        {
            if (rest.Length == 0) found.Add(ids);
            for (var id = 0; id < vocabulary.Count; id++)
                if (vocabulary.BytesOf(id) is { IsEmpty: false } bytes && rest.AsSpan().StartsWith(bytes))
                    Extend([.. ids, id], rest[bytes.Length..]);
        }
    }

    /// <summary>By the model alone: each token among all tokens.</summary>
    private double LogProb(int[] ids)
    {
        using var session = tiny.Model.NewSession();
        var (prompt, sum) = (tiny.Model.Tokenizer!.Encode(Prompt).ToList(), 0.0);
        foreach (var id in ids)
        {
            // A token that is the only one allowed is chosen, and its log-probability is the model's own.
            var only = new GenerationOptions { MaxTokens = 1, LogProbs = 0, LogitBias = Others(id), IgnoreEos = false };
            sum += session.Pieces([.. prompt], only)[0].LogProbs!.Chosen;
            prompt.Add(id);
        }
        return sum;
    }

    private Dictionary<int, float> Others(int id) =>
        Enumerable.Range(0, tiny.Model.VocabularySize).Where(other => other != id)
            .ToDictionary(other => other, _ => float.NegativeInfinity);
}
