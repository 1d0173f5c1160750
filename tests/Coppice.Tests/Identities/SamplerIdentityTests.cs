using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>
/// Samplers that remember, or depend on the tokens before, give the text of plain decoding with every drafter; neutral settings give that
/// of options that were never set.
/// </summary>
public sealed class SamplerIdentityTests : IDisposable
{
    private const int Tokens = 60;

    // The second part repeats the first.
    private static readonly int[] Prompt = [.. TinyModel.Prompt(30), .. TinyModel.Prompt(20)];

    private static readonly Dictionary<string, GenerationOptions> Cases = new()
    {
        // Without the penalty the text would be this token alone.
        ["dry, greedy"] = new() { DryMultiplier = 0.8f, LogitBias = new Dictionary<int, float> { [5] = 6 } },
        ["dry"] = new() { Temperature = 0.4f, DryMultiplier = 0.8f, DryAllowedLength = 1, DryWindow = 40 },
        ["dry, top-k"] = new() { Temperature = 0.4f, DryMultiplier = 2, DryAllowedLength = 1, DryWindow = 30, TopK = 12 },
        ["penalties"] = new() { Temperature = 0.5f, RepetitionPenalty = 1.2f, FrequencyPenalty = 0.3f, PresencePenalty = 0.2f },
        ["xtc"] = new() { Temperature = 0.5f, XtcProbability = 0.5f, TopK = 20 },
        ["typical"] = new() { Temperature = 0.7f, TypicalP = 0.8f },
        ["cutoffs"] = new() { Temperature = 0.7f, EpsilonCutoff = 0.02f, EtaCutoff = 0.05f, TopNSigma = 2, MinKeep = 2 },
        ["p-less"] = new() { Temperature = 0.7f, PLess = true },
        ["dynamic"] = new() { Temperature = 0.6f, DynamicTemperatureRange = 0.5f, TopK = 30 },
        ["order"] = new() { Temperature = 1.5f, TopP = 0.8f, MinP = 0.05f, SamplerOrder = SamplerOrder.LlamaCpp },
        ["mirostat 2"] = new() { Strategy = new MirostatOptions { Target = 2, Rate = 0.4 } },
        ["mirostat 2, truncated"] = new() { Strategy = new MirostatOptions { Target = 2, Rate = 0.4, Basis = SurpriseBasis.Truncated } },
        ["mirostat 1"] = new() { Strategy = new MirostatOptions { Version = 1, Target = 2, Rate = 0.4 } },
        ["mirostat 1, truncated, tempered"] =
            new() { Temperature = 0.7f, Strategy = new MirostatOptions { Version = 1, Target = 2, Basis = SurpriseBasis.Truncated } },
        ["mirostat, top-p, dry"] =
            new() { TopP = 0.9f, DryMultiplier = 0.8f, Strategy = new MirostatOptions { Target = 1.5, Rate = 0.5, WithTruncation = true } },
    };

    private static readonly string[] Drafters =
    [
        "auto:nodes=96,guard=false", "prompt-lookup:guard=false", "token-recycling:guard=false",
        "token-recycling:tree=template,guard=false", "suffix:guard=false", "suffix:nodes=60,hot=false,guard=false",
        "aded:nodes=65,guard=false",
    ];

    private static readonly string[] Drawn = ["rsd-c:branches=2-2-1", "rsd-s:width=3,length=3", "dyspec:nodes=8"];

    private readonly ModelPair _pair = new();

    public static TheoryData<string> Names => [.. Cases.Keys];

    public void Dispose() => _pair.Dispose();

    [Theory, MemberData(nameof(Names))]
    public void Text_is_that_of_plain_decoding_with_every_drafter(string name)
    {
        var options = Cases[name] with { MaxTokens = Tokens, IgnoreEos = true, Seed = 6 };
        using var model = _pair.Load();
        using var plain = model.NewSession();
        var expected = plain.Ids(Prompt, options);
        Assert.True(expected.Distinct().Count() > 2, string.Join(' ', expected));
        var without = new GenerationOptions
        {
            MaxTokens = Tokens,
            IgnoreEos = true,
            Seed = 6,
            Temperature = options.Temperature,
            LogitBias = options.LogitBias,
        };
        Assert.NotEqual(plain.Ids(Prompt, without), expected);
        using var session = model.NewSession();
        foreach (var drafter in Drafters.Concat(["draft-model:branches=1,depth=3,adaptive=false,guard=false"]))
        {
            var parsed = drafter.StartsWith("draft", StringComparison.Ordinal)
                ? DrafterOptions.Parse($"{drafter},model={_pair.DraftFolder}")
                : DrafterOptions.Parse(drafter);
            Assert.Equal(expected, session.Ids(Prompt, options with { Drafter = parsed }));
            Assert.Equal(expected, session.Ids(Prompt, options with { Drafter = parsed }));     // with what it has learned
        }
        Assert.True(session.LastResult!.AcceptedTokens > 0, "drafts must have been right somewhere");
    }

    /// <summary>Where proposals are drawn the text is another one, but the same twice; Mirostat is told of drawn tokens too.</summary>
    [Theory, MemberData(nameof(Names))]
    public void Text_with_drawn_proposals_is_the_same_twice(string name)
    {
        var options = Cases[name] with { MaxTokens = Tokens, IgnoreEos = true, Seed = 6 };
        using var model = _pair.Load();
        foreach (var drafter in Drawn)
        {
            var drawn = options with { Drafter = AllDrafters.Parse(drafter, _pair) };
            using var session = model.NewSession();
            var once = session.Ids(Prompt, drawn);
            Assert.Equal(Tokens, once.Length);
            Assert.Equal(once, session.Ids(Prompt, drawn));
        }
    }

    [Fact]
    public void Neutral_settings_change_nothing()
    {
        using var model = _pair.Load();
        using var session = model.NewSession();
        foreach (var temperature in (float[])[0, 0.8f])
        {
            var plain = new GenerationOptions { MaxTokens = Tokens, Temperature = temperature, Seed = 3, IgnoreEos = true };
            var neutral = plain with
            {
                TypicalP = 1,
                EpsilonCutoff = 0,
                EtaCutoff = 0,
                TopNSigma = 0,
                XtcProbability = 0,
                XtcThreshold = 0.2f,
                DryMultiplier = 0,
                DryBase = 3,
                DynamicTemperatureRange = 0,
                DynamicTemperatureExponent = 2,
                MinKeep = 1,
                SamplerOrder = SamplerOrder.LlamaCpp,
            };
            var expected = session.Ids(Prompt, plain);
            Assert.Equal(expected, session.Ids(Prompt, neutral));
            // Settings so wide that nothing is cut off.
            var wide = plain with { EpsilonCutoff = 1e-9f, TopNSigma = 1000, MinKeep = 3, DryMultiplier = 5, DryAllowedLength = 500 };
            if (temperature > 0) Assert.Equal(expected, session.Ids(Prompt, wide));
        }
        // A target that is never reached keeps all.
        var mirostat = new GenerationOptions
        {
            MaxTokens = Tokens,
            Temperature = 1,
            Seed = 3,
            IgnoreEos = true,
            Strategy = new MirostatOptions { Target = 32 },
        };
        Assert.Equal(session.Ids(Prompt, mirostat with { Strategy = null }), session.Ids(Prompt, mirostat));
    }

    [Theory]
    [InlineData("dry"), InlineData("typical"), InlineData("cutoffs"), InlineData("p-less"), InlineData("xtc"), InlineData("dynamic")]
    [InlineData("mirostat 2"), InlineData("mirostat 2, truncated"), InlineData("mirostat 1")]
    public void A_token_allocates_nothing(string name)
    {
        var options = Cases[name] with { MaxTokens = Tokens, IgnoreEos = true };
        using var model = _pair.Load();
        using var session = model.NewSession();
        Assert.Equal(0, session.AllocatedBytesPerToken(Prompt, options));
    }

    [Theory]
    [InlineData("none"), InlineData("suffix:guard=false"), InlineData("token-recycling:tree=template,guard=false")]
    public void Final_log_probabilities_are_those_of_what_was_left(string drafter)
    {
        using var model = _pair.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions
        {
            MaxTokens = 30,
            Temperature = 0.7f,
            TopK = 5,
            Seed = 6,
            IgnoreEos = true,
            LogProbs = 20,
            Drafter = DrafterOptions.Parse(drafter),
        };
        var raw = session.Pieces(Prompt, options);
        var final = session.Pieces(Prompt, options with { LogProbMode = LogProbMode.Final });
        Assert.Equal(raw.Select(piece => piece.TokenId), final.Select(piece => piece.TokenId));
        foreach (var (before, after) in raw.Zip(final))
        {
            var kept = before.LogProbs!.Best.Take(5).ToArray();
            var weights = kept.Select(best => Math.Exp(best.LogProbability / 0.7)).ToArray();
            Assert.Equal(kept.Select(best => best.TokenId), after.LogProbs!.Best.Take(5).Select(best => best.TokenId));
            for (var i = 0; i < 5; i++) Assert.Equal(Math.Log(weights[i] / weights.Sum()), after.LogProbs.Best[i].LogProbability, 1e-4);
            Assert.All(after.LogProbs.Best.Skip(5), best => Assert.Equal(double.NegativeInfinity, best.LogProbability));
            Assert.Equal(after.LogProbs.Best.First(best => best.TokenId == after.TokenId).LogProbability, after.LogProbs.Chosen);
        }
    }

    [Theory]
    [InlineData("mirostat", 0f, 0, "above 0 with mirostat")]
    [InlineData("mirostat", 1f, 5, "top-k and mirostat exclude each other")]
    [InlineData("best-of:n=2", 0f, 0, "above 0 with best-of")]
    public void What_does_not_fit_a_strategy_is_refused(string strategy, float temperature, int topK, string expected)
    {
        var options = new GenerationOptions { Strategy = StrategyOptions.Parse(strategy), Temperature = temperature, TopK = topK };
        Assert.Contains(expected, Assert.ThrowsAny<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
    }
}
