using Coppice.Decoding.Sampling;
using Coppice.Drafting;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>With every drafter, on every kind of cache, the text is that of plain decoding, token for token.</summary>
public sealed class DrafterIdentityTests
{
    /// <summary>Every deterministic drafter with its defaults, and settings that make trees large or small.</summary>
    public static TheoryData<string> Drafters =>
        ["auto", "auto:nodes=4,hot=false", "auto:nodes=96", "prompt-lookup", "prompt-lookup:length=31,max-match=2",
         "token-recycling", "token-recycling:tree=template", "token-recycling:nodes=20,width=3,update=visited,hot=false",
         "suffix", "suffix:nodes=60,hot=false", "aded", "aded:nodes=65,reward=as-released,count-once=true"];

    private static readonly GenerationOptions[] Choices =
    [
        new() { Temperature = 0 },
        new() { Temperature = 0, RepetitionPenalty = 1.1f, RepetitionWindow = 20 },
        new() { Temperature = 0.3f, Seed = 5 },
        new() { Temperature = 0.7f, TopK = 40, Seed = 6 },
        new() { Temperature = 1, TopP = 0.9f, Seed = 7 },
    ];

    [Theory, MemberData(nameof(Drafters))]
    public void Text_equals_plain_text_greedy_and_sampled_on_every_cache(string name)
    {
        var drafter = DrafterOptions.Parse(name);
        using var folder = new TinyModel();
        foreach (var (type, shared) in (ReadOnlySpan<(ElementType, int)>)[(ElementType.F32, 0), (ElementType.F16, 0),
            (ElementType.F32, 512), (ElementType.F16, 512)])
        {
            using var model = folder.Load(new ModelOptions
            {
                Device = "cpu",
                ContextLength = 200,
                KvCache = new KvCacheOptions { Type = type, SharedTokens = shared }
            });
            using var plain = model.NewSession();
            using var session = model.NewSession();
            foreach (var options in Choices)
            {
                int[] prompt = [.. TinyModel.Prompt(30), .. TinyModel.Prompt(20)];     // the second part repeats the first
                var asked = options with { MaxTokens = 60, IgnoreEos = true };
                var expected = plain.Ids(prompt, asked);
                Assert.Equal(expected, session.Ids(prompt, asked with { Drafter = drafter }));
                Assert.Equal(expected, session.Ids(prompt, asked with { Drafter = drafter }));      // with what it has learned
            }
        }
    }

    [Theory, MemberData(nameof(Drafters))]
    public void Sampled_text_is_that_of_plain_decoding_at_every_temperature_with_and_without_top_p_and_top_k(string name)
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var plain = model.NewSession();
        using var session = model.NewSession();
        int[] prompt = [.. TinyModel.Prompt(30), .. TinyModel.Prompt(20)];
        foreach (var temperature in (float[])[0.3f, 0.7f, 1])
        {
            foreach (var (topP, topK) in (IEnumerable<(float, int)>)[(1, 0), (0.9f, 0), (1, 40), (0.9f, 40)])
            {
                var options = new GenerationOptions
                {
                    MaxTokens = 60,
                    Temperature = temperature,
                    TopP = topP,
                    TopK = topK,
                    Seed = 9,
                    IgnoreEos = true
                };
                Assert.Equal(plain.Ids(prompt, options), session.Ids(prompt, options with { Drafter = DrafterOptions.Parse(name) }));
            }
        }
    }
}
