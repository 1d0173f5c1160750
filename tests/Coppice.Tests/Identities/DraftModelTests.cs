using Coppice.Decoding.Sampling;
using Coppice.Drafting;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>
/// Drafters with a draft model: lossless on every cache, repeatable, within limits, and their own cache is that of a fresh prefill.
/// </summary>
public sealed class DraftModelTests
{
    private static readonly string[] Shapes =
    [
        "draft-model:branches=1,depth=3,adaptive=false", "draft-model:nodes=9,branches=3,adaptive=false", "rsd-c:branches=2-2-1",
            "rsd-c:branches=1-1-1-1", "rsd-s:width=3,length=3",
        "dyspec:nodes=8", "dyspec:nodes=20,threshold=0.2", "rasd:nodes=4,adaptive=false", "rasd:nodes=4,adaptive=false,sampled=true",
    ];

    public static TheoryData<string> Drafters => [.. Shapes];

    private static DrafterOptions Parse(string drafter, ModelPair pair) =>
        DrafterOptions.Parse($"{drafter},guard=false,model={pair.DraftFolder}");

    public static TheoryData<string, string> FamiliesAndDrafters
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var family in (string[])["llama", "mistral", "gemma2", "gpt2"])
                foreach (var drafter in Shapes) data.Add(family, drafter);
            return data;
        }
    }

    [Theory, MemberData(nameof(Drafters))]
    public void Sessions_of_a_few_tokens_have_drafters_too(string drafter)
    {
        using var pair = new ModelPair();
        foreach (var tokens in (int[])[2, 3, 4, 5, 8, 9])
        {
            using var model = pair.Load(new ModelOptions { Device = "cpu", ContextLength = tokens });
            var options = new GenerationOptions { MaxTokens = 50, IgnoreEos = true };
            using var plain = model.NewSession();
            using var session = model.NewSession();
            Assert.Equal(plain.Ids(TinyModel.Prompt(1), options),
                session.Ids(TinyModel.Prompt(1), options with { Drafter = Parse(drafter, pair) }));
        }
    }

    [Theory, MemberData(nameof(FamiliesAndDrafters))]
    public void Greedy_text_is_that_of_plain_decoding_on_every_cache(string family, string drafter)
    {
        using var pair = new ModelPair(TinyFamilies.Configs[family]);
        foreach (var (type, shared) in (IEnumerable<(ElementType, int)>)[(ElementType.F32, 0), (ElementType.F16, 0),
            (ElementType.F32, 256), (ElementType.F16, 256)])
        {
            using var model = pair.Load(new ModelOptions
            {
                Device = "cpu",
                ContextLength = 128,
                KvCache = new() { Type = type, SharedTokens = shared }
            });
            var options = new GenerationOptions { MaxTokens = 50, RepetitionPenalty = 1.1f, IgnoreEos = true };
            foreach (var prompt in (int[][])[TinyModel.Prompt(40), TinyModel.Prompt(1)])
            {
                using var plain = model.NewSession();
                var expected = plain.Ids(prompt, options);
                using var session = model.NewSession();
                Assert.Equal(expected, session.Ids(prompt, options with { Drafter = Parse(drafter, pair) }));
                Assert.True(session.LastResult!.MeanAcceptedLength > 1.03,
                    $"some drafts must be accepted, got {session.LastResult.MeanAcceptedLength} a step");
            }
        }
    }

    [Theory]
    [InlineData("draft-model:branches=1,depth=3,adaptive=false")]
    [InlineData("draft-model:nodes=9,branches=3,adaptive=false")]
    [InlineData("draft-model:depth=6")]
    [InlineData("rasd:nodes=4,adaptive=false")]
    [InlineData("rasd:depth=6")]
    public void Sampled_text_of_a_drafter_without_chance_is_that_of_plain_decoding(string drafter)
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        foreach (var (temperature, topP, topK) in (IEnumerable<(float, float, int)>)[(0.3f, 1, 0), (0.7f, 0.9f, 0), (1, 1, 40),
            (1, 0.9f, 40)])
        {
            var options = new GenerationOptions
            {
                MaxTokens = 60,
                Temperature = temperature,
                TopP = topP,
                TopK = topK,
                Seed = 11,
                IgnoreEos = true
            };
            using var plain = model.NewSession();
            using var session = model.NewSession();
            Assert.Equal(plain.Ids(TinyModel.Prompt(20), options),
                session.Ids(TinyModel.Prompt(20), options with { Drafter = Parse(drafter, pair) }));
        }
    }

    [Fact]
    public void A_draft_model_is_kept_in_8_bits_or_as_stored_and_each_is_loaded_once()
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        var (small, stored) = (model.OpenDraft(pair.DraftFolder, quantized: true), model.OpenDraft(pair.DraftFolder, quantized: false));
        Assert.True(small.WeightBytes < stored.WeightBytes, $"{small.WeightBytes} bytes in 8 bits, {stored.WeightBytes} as stored");
        Assert.Same(small, model.OpenDraft(pair.DraftFolder, quantized: true));
        Assert.Same(stored, model.OpenDraft(pair.DraftFolder, quantized: false));
    }

    [Theory, MemberData(nameof(Drafters))]
    public void A_draft_that_is_the_target_is_accepted_to_its_end(string drafter)
    {
        using var pair = new ModelPair(same: true);
        using var model = pair.Load();
        using var session = model.NewSession();
        if (drafter.StartsWith("rasd", StringComparison.Ordinal)) return;       // its tree is another drafter's, and more
        var deterministic = drafter.StartsWith("draft-model", StringComparison.Ordinal);
        session.Ids(TinyModel.Prompt(20), new()
        {
            MaxTokens = 80,
            Temperature = deterministic ? 0 : 1,
            Seed = 2,
            IgnoreEos = true,
            Drafter = DrafterOptions.Parse(
                $"{drafter}{(deterministic ? "" : ",support=96")},guard=false,quantized=false,model={pair.DraftFolder}"),
        });
        var rates = session.LastResult!.AcceptanceByDepth;
        Assert.Equal(1, rates[0]);
        if (!drafter.Contains("nodes=", StringComparison.Ordinal))
            Assert.All(rates, rate => Assert.Equal(1, rate));     // others end where it pays, not at a depth
    }

    /// <summary>
    /// In a pass that others share, trees shrink to what pays; the text stays. Trees that are drawn for a sampled text decide it, so they
    /// stay too.
    /// </summary>
    [Theory, MemberData(nameof(Drafters))]
    public void The_same_seed_gives_the_same_text_and_trees_and_other_sessions_change_no_token(string drafter)
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        var options = new GenerationOptions
        {
            MaxTokens = 50,
            Temperature = 0.9f,
            Seed = 3,
            IgnoreEos = true,
            Drafter = Parse(drafter, pair)
        };
        using var first = model.NewSession();
        var expected = first.Ids(TinyModel.Prompt(20), options);
        var (steps, drafted) = (first.LastResult!.Steps, first.LastResult.DraftedTokens);
        Assert.Equal(expected, first.Ids(TinyModel.Prompt(20), options));
        using var again = model.NewSession();
        Assert.Equal(expected, again.Ids(TinyModel.Prompt(20), options));
        Assert.Equal((steps, drafted), (again.LastResult!.Steps, again.LastResult.DraftedTokens));
        using var second = model.NewSession();
        using var other = model.NewSession();
        using var interleaved = second.Generate(TinyModel.Prompt(20), options, TestContext.Current.CancellationToken).GetEnumerator();
        using var beside = other.Generate(TinyModel.Prompt(31, 4), options with { Seed = 9 }, TestContext.Current.CancellationToken)
            .GetEnumerator();
        var ids = new List<int>();
        while (interleaved.MoveNext())
        {
            ids.Add(interleaved.Current.TokenId);
            beside.MoveNext();
        }
        Assert.Equal(expected, ids);
        if (options.Drafter.DrawsProposals) Assert.Equal((steps, drafted), (second.LastResult!.Steps, second.LastResult.DraftedTokens));
    }

    [Theory, MemberData(nameof(Drafters))]
    public void Limits_cut_drafts_and_change_nothing(string drafter)
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        using var plain = model.NewSession();
        using var session = model.NewSession();
        foreach (var (prompt, most) in (IEnumerable<(int, int)>)[(127, 5), (126, 5), (120, 100), (10, 1), (10, 2), (10, 3)])
        {
            var options = new GenerationOptions { MaxTokens = most, IgnoreEos = true };
            var expected = plain.Ids(TinyModel.Prompt(prompt), options);
            Assert.Equal(expected, session.Ids(TinyModel.Prompt(prompt), options with { Drafter = Parse(drafter, pair) }));
            Assert.Equal(prompt + expected.Length, session.Tokens.Count);
        }
    }

    /// <summary>Rests of a drafter depend on times: of a text that is sampled with drawn proposals they must not.</summary>
    [Theory]
    [InlineData("rsd-c:branches=4-4-2")]
    [InlineData("rasd:sampled=true,adaptive=false,nodes=20")]
    public void Sampled_text_with_drawn_proposals_is_repeatable_though_drafting_does_not_pay(string drafter)
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        var options = new GenerationOptions { MaxTokens = 100, Temperature = 1, Seed = 5, IgnoreEos = true };
        using var session = model.NewSession();
        var expected = session.Ids(TinyModel.Prompt(20), options with { Drafter = Parse(drafter, pair) });
        Assert.Equal(expected, session.Ids(TinyModel.Prompt(20),
            options with { Drafter = DrafterOptions.Parse($"{drafter},model={pair.DraftFolder}") }));
    }

    [Fact]
    public void A_draft_with_a_shorter_context_stops_proposing_at_its_end()
    {
        using var target = new TinyModel();
        using var small = new TinyModel(TinyModel.Llama.Replace("\"max_position_embeddings\": 256", "\"max_position_embeddings\": 40",
            StringComparison.Ordinal));
        using var model = target.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 60, IgnoreEos = true };
        var expected = session.Ids(TinyModel.Prompt(20), options);
        foreach (var drafter in Shapes)
            Assert.Equal(expected, session.Ids(TinyModel.Prompt(20),
                options with { Drafter = DrafterOptions.Parse($"{drafter},guard=false,model={small.Folder}") }));
        Assert.True(session.LastResult!.AcceptedTokens > 5);
    }

    /// <summary>
    /// A conversation goes on: the draft's cache keeps the common beginning, and what it then proposes is what a fresh one proposes.
    /// </summary>
    [Theory, MemberData(nameof(Drafters))]
    public void A_session_that_goes_on_drafts_as_a_fresh_one_does(string drafter)
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        var options = new GenerationOptions
        {
            MaxTokens = 20,
            Seed = 3,
            Temperature = 0.8f,
            IgnoreEos = true,
            Drafter = Parse(drafter, pair)
        };
        using var session = model.NewSession();
        int[] prompt = TinyModel.Prompt(15);
        int[] next = [.. prompt, .. session.Ids(prompt, options)[..7], 9, 8, 7];
        var continued = session.Ids(next, options);
        var drafted = session.LastResult!.DraftedTokens;
        using var fresh = model.NewSession();
        Assert.Equal(fresh.Ids(next, options), continued);
        if (!drafter.Contains("adaptive=false", StringComparison.Ordinal)) Assert.Equal(fresh.LastResult!.DraftedTokens, drafted);
    }

    [Theory, MemberData(nameof(Drafters))]
    public void No_token_lies_outside_the_nucleus_and_decoding_allocates_nothing(string drafter)
    {
        using var pair = new ModelPair();
        using var model = pair.Load(new ModelOptions { Device = "cpu", ContextLength = 256 });
        var options = new GenerationOptions
        {
            MaxTokens = 200,
            Temperature = 1,
            TopP = 0.5f,
            TopK = 5,
            Seed = 8,
            IgnoreEos = true,
            Drafter = Parse(drafter, pair)
        };
        using var session = model.NewSession();
        var prompt = TinyModel.Prompt(10);
        int[] ids = [];
        var least = double.PositiveInfinity;
        // the shared array pool may be trimmed, or miss when the thread changes its processor
        for (var run = 0; run < 40 && least > 0; run++)
        {
            ids = session.Ids(prompt, options);
            least = Math.Min(least, session.LastResult!.AllocatedBytesPerToken);
        }
        Assert.Equal(0, least);
        int[] all = [.. prompt, .. ids];
        var logits = Logits.Of(model, all);
        var sampler = options.CreateSampler();
        var weights = new double[model.VocabularySize];
        for (var i = prompt.Length; i < all.Length; i++)
        {
            sampler.Weights(all.AsSpan(0, i), logits.AsSpan((i - 1) * weights.Length, weights.Length), weights);
            Assert.True(weights[all[i]] > 0, $"token {i} lies outside the nucleus");
        }
    }

    [Fact]
    public void A_model_of_other_tokens_or_none_is_refused()
    {
        using var pair = new ModelPair();
        using var other = new TinyModel(TinyModel.Llama.Replace("\"vocab_size\": 96", "\"vocab_size\": 97", StringComparison.Ordinal));
        using var model = pair.Load();
        using var session = model.NewSession();
        string Refused(string drafter) =>
            Assert.Throws<CheckpointException>(() => session.Ids([5], new() { Drafter = DrafterOptions.Parse(drafter) })).Message;
        Assert.Contains("must have the model's 96 tokens, got 97", Refused($"draft-model:model={other.Folder}"), StringComparison.Ordinal);
        Assert.Contains("draft model must be there", Refused("rsd-c"), StringComparison.Ordinal);
        Assert.Contains("a model folder must be there", Refused("dyspec:model=/nowhere/at/all"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("draft-model:nodes=0", "nodes must be from 1 to 63, got 0")]
    [InlineData("rsd-c:branches=2-x", "each of branches must be from 1 to 63, got 0")]
    [InlineData("rsd-c:branches=8-8", "nodes of branches must be from 1 to 63, got 72")]
    [InlineData("rsd-s:width=33", "width must be from 1 to 32, got 33")]
    [InlineData("dyspec:threshold=2", "threshold must be from 0 to 1, got 2")]
    [InlineData("dyspec:typical=2", "typical must be from 0 to 1, got 2")]
    [InlineData("dyspec:depth=2", "settings are")]
    public void Settings_out_of_range_are_refused_by_name(string drafter, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(() => DrafterOptions.Parse(drafter)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Typical_acceptance_is_used_only_where_it_is_asked_for_and_accepts_more()
    {
        using var pair = new ModelPair();
        using var model = pair.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 80, Temperature = 0.7f, Seed = 4, IgnoreEos = true };
        double Mean(string drafter)
        {
            session.Ids(TinyModel.Prompt(20), options with { Drafter = Parse(drafter, pair) });
            return session.LastResult!.MeanAcceptedLength;
        }
        Assert.True(Mean("draft-model:adaptive=false,typical=0.01") > Mean("draft-model:adaptive=false"));
        Assert.Null(DrafterOptions.Parse("draft-model").Acceptance);
    }
}
