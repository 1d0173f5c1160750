using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>The GEAR paper's own mode in whole models: prompts are exact, and a text is that of token-by-token decoding.</summary>
public sealed class PrefillExactTests : IDisposable
{
    private readonly TinyModel _folder = new("""
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
         "intermediate_size": 80, "num_hidden_layers": 3, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": false, "eos_token_id": 1}
        """);
    private readonly TemporaryFile _file = new();

    private static readonly string[] Drafters =
        ["prompt-lookup:guard=false", "suffix:guard=false", "token-recycling:tree=template,guard=false"];

    public static TheoryData<string> Kinds => ["gear4-paper", "gear2-paper"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _file.Dispose();
        _folder.Dispose();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_token_after_a_prompt_has_the_probability_that_exact_keys_give(string kind)
    {
        var (prompt, next) = (TinyModel.Prompt(200), TinyModel.Prompt(230)[200..]);
        var expected = Scores("f16", prompt, next);
        var found = Scores(kind, prompt, next);
        // The last row of the prompt scores the first token.
        Assert.Equal(expected[0], found[0]);
        Assert.NotEqual(expected[1], found[1]);
        // Without a prompt the first buffer is exact, and nothing after it.
        var buffer = kind == "gear4-paper" ? 20 : 64;
        expected = Scores("f16", [], prompt);
        found = Scores(kind, [], prompt);
        Assert.Equal(expected.Take(buffer - 1), found.Take(buffer - 1));
        Assert.NotEqual(expected[buffer], found[buffer]);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Scores_and_texts_do_not_depend_on_how_passes_are_cut(string kind)
    {
        var ids = TinyModel.Prompt(250);
        var (scores, text) = Run(1);
        foreach (var chunk in (int[])[7, 64, 250])
        {
            var found = Run(chunk);
            Assert.Equal(scores, found.Scores);
            Assert.Equal(text, found.Text);
        }

        (IReadOnlyList<double> Scores, int[] Text) Run(int chunk)
        {
            using var model = _folder.Load(Options(kind) with { PrefillChunk = chunk });
            using var scorer = new Scorer(model);
            using var session = model.NewSession();
            return (scorer.NegativeLogLikelihoods(ids, cancellationToken: Cancellation), session.Greedy(ids, 60));
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_drafter_gives_the_text_of_plain_decoding(string kind)
    {
        using var model = _folder.Load(Options(kind));
        foreach (var prompt in (int[][])[TinyModel.Prompt(100), TinyModel.Prompt(3)])
            foreach (var temperature in (float[])[0, 0.8f])
            {
                using var plain = model.NewSession();
                var expected = plain.Ids(prompt, With(DrafterOptions.None, temperature));
                foreach (var name in Drafters)
                {
                    using var session = model.NewSession();
                    Assert.Equal(expected, session.Ids(prompt, With(DrafterOptions.Parse(name), temperature)));
                }
            }

        static GenerationOptions With(DrafterOptions drafter, float temperature) =>
            new() { MaxTokens = 200, IgnoreEos = true, Drafter = drafter, Temperature = temperature, Seed = 3 };
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_prompt_that_was_run_before_gives_the_same_text(string kind)
    {
        using var model = _folder.Load(Options(kind));
        var prompt = TinyModel.Prompt(150);
        using var plain = model.NewSession();
        var expected = plain.Greedy(prompt, 60);
        using var session = model.NewSession();
        await session.PrefillAsync(prompt, cancellationToken: Cancellation);
        Assert.Equal(expected, session.Greedy(prompt, 60));
        Assert.Equal(149, session.LastResult!.ReusedTokens);
        using var fork = session.Fork();
        int[] more = [.. prompt, .. expected, 5, 6];
        Assert.Equal(session.Greedy(more, 40), fork.Greedy(more, 40));
        Assert.Equal(prompt.Length + expected.Length - 1, fork.LastResult!.ReusedTokens);
    }

    [Fact]
    public async Task A_session_shares_nothing_and_is_not_saved()
    {
        using var model = _folder.Load(Options("gear2-paper"));
        Assert.Null(model.Prefixes);
        using var session = model.NewSession();
        session.Greedy(TinyModel.Prompt(150), 10);
        var error = await Assert.ThrowsAsync<NotSupportedException>(() => session.SaveAsync(_file.Path, Cancellation));
        Assert.Contains("PrefillExact", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gear2-paper", 60)]
    [InlineData("gear4-paper", 0)]
    [InlineData("gear4-paper", 4097)]
    public void A_buffer_that_cannot_be_is_refused(string kind, int tokens)
    {
        var options = Options(kind);
        options = options with
        {
            KvCache = options.KvCache with { Compression = options.KvCache.Compression! with { BufferTokens = tokens } },
        };
        var error = Assert.ThrowsAny<ArgumentException>(() => _folder.Load(options));
        Assert.Contains("BufferTokens", error.Message, StringComparison.Ordinal);
    }

    private static ModelOptions Options(string kind) =>
        new() { Device = "cpu", Threads = 2, ContextLength = 400, KvCache = KvCacheOptions.Named(kind) };

    private IReadOnlyList<double> Scores(string kind, int[] prompt, int[] text)
    {
        using var model = _folder.Load(Options(kind) with { PrefillChunk = 60 });
        using var scorer = new Scorer(model);
        return scorer.LogProbabilities(new ScoredText(prompt, text), Cancellation);
    }
}
