using Coppice.Decoding.Sampling;
using Coppice.Drafting;
using Coppice.Drafting.Datastores;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>Drafters that retrieve, in whole sessions: a text that was seen before takes few passes and is the same.</summary>
public sealed class RetrievalIdentityTests
{
    private static readonly GenerationOptions Options = new() { MaxTokens = 100, IgnoreEos = true };

    /// <summary>The shipped model repeats itself in the end: the prompt holds what it goes on with, word for word.</summary>
    [Theory]
    [InlineData("prompt-lookup:length=10")]
    [InlineData("rasd:nodes=4,retrieved=20,adaptive=false")]
    public void An_answer_that_the_prompt_holds_is_copied_at_eight_tokens_a_pass(string drafter)
    {
        using var model = LanguageModel.Load(Path.Combine(SharedData.Repository, "weights", "tiny"),
            new ModelOptions { Device = "cpu", ContextLength = 512 });
        using var session = model.NewSession();
        var begun = model.Tokenizer!.Encode("Returns the");
        int[] prompt = [.. begun, .. session.Ids(begun, Options with { MaxTokens = 200 })];
        var expected = session.Ids(prompt, Options);
        Assert.Equal(expected, session.Ids(prompt, Options with { Drafter = DrafterOptions.Parse($"{drafter},guard=false") }));
        Assert.True(session.LastResult!.MeanAcceptedLength >= 8, $"got {session.LastResult.MeanAcceptedLength} a pass");
    }

    [Theory]
    [InlineData("rasd:nodes=4,adaptive=false")]
    [InlineData("rasd:nodes=4,adaptive=false,sampled=true")]
    public void Rasd_over_a_datastore_of_its_own_texts_accepts_more(string drafter)
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        using var session = model.NewSession();
        int[][] texts = [.. Enumerable.Range(0, 6).Select(seed => (int[])[.. TinyModel.Prompt(20, seed),
            .. session.Ids(TinyModel.Prompt(20, seed), Options)])];
        using var temporary = new TemporaryFile();
        using (var file = File.Create(temporary.Path)) SuffixDatastore.Build(file, model.DraftContext.TokenizerFingerprint, texts);
        double Mean(string settings)
        {
            var (tokens, steps) = (0, 0);
            foreach (var text in texts)
            {
                Assert.Equal(text[20..], session.Ids(text[..20],
                    Options with { Drafter = AllDrafters.Parse(drafter, pair, $"guard=false{settings}") }));
                tokens += 100;
                steps += session.LastResult!.Steps;
            }
            return (double)tokens / steps;
        }
        var (without, with) = (Mean(""), Mean($",file={temporary.Path}"));
        Assert.True(with > without + 1.5, $"with the datastore {with:f2}, without {without:f2}");
        var sampled = Options with { Temperature = 0.8f, Seed = 4 };
        var asked = sampled with { Drafter = AllDrafters.Parse(drafter, pair, $"guard=false,file={temporary.Path}") };
        var text = session.Ids(texts[0][..20], asked);
        if (drafter.EndsWith("sampled=true", StringComparison.Ordinal)) Assert.Equal(text, session.Ids(texts[0][..20], asked));
        else Assert.Equal(session.Ids(texts[0][..20], sampled), text);
    }

    [Fact]
    public void A_datastore_that_is_missing_or_of_other_tokens_is_refused()
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        using var session = model.NewSession();
        using var temporary = new TemporaryFile();
        string Refused() => Assert.Throws<CheckpointException>(() => session.Ids([5],
            Options with { Drafter = AllDrafters.Parse("rasd", pair, $"file={temporary.Path}") })).Message;
        Assert.Contains("cannot be read", Refused(), StringComparison.Ordinal);
        using (var file = File.Create(temporary.Path)) SuffixDatastore.Build(file, [.. Enumerable.Repeat((byte)1, 32)], [[1, 2, 3]]);
        Assert.Contains("tokenizer", Refused(), StringComparison.Ordinal);
        using (var file = File.Create(temporary.Path)) SuffixDatastore.Build(file, model.DraftContext.TokenizerFingerprint, [[1, 2, 96]]);
        Assert.Contains("tokens must be below 96, found 96", Refused(), StringComparison.Ordinal);
    }
}
