using Coppice.Decoding.Sampling;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>Orders of samplers, and the laws that all of them together draw by.</summary>
public sealed class SamplerOrderTests
{
    private static readonly double[] P = [0.5, 0.3, 0.15, 0.05];

    public static TheoryData<string> Presets => ["default", "llama-cpp", "hugging-face", "vllm"];

    [Fact]
    public void Cutting_before_and_after_the_temperature_differ()
    {
        var options = new GenerationOptions { Temperature = 2, TopP = 0.9f };
        var tempered = P.Select(Math.Sqrt).ToArray();
        // At temperature 1 three tokens have 0.95; tempered, the three have 0.88 and all four are needed.
        Check([.. tempered[..3], 0], Law(options with { SamplerOrder = SamplerOrder.LlamaCpp }));
        Check(tempered, Law(options with { SamplerOrder = SamplerOrder.HuggingFace }));
        Check(tempered, Law(options with { SamplerOrder = SamplerOrder.Vllm }));
        Check(tempered, Law(options));
    }

    [Fact]
    public void Cuts_in_another_order_leave_other_tokens()
    {
        // Typical of all is the second token; of what top-p leaves it is the first.
        var typical = new GenerationOptions { Temperature = 1, TypicalP = 0.2f, TopP = 0.45f };
        Check([0, 1, 0, 0], Law(typical));
        Check([1, 0, 0, 0], Law(typical with { SamplerOrder = SamplerOrder.HuggingFace }));
        // Of what min-p leaves the first token has 0.625; of all it has 0.5, and top-p needs the second.
        var minP = new GenerationOptions { Temperature = 1, MinP = 0.4f, TopP = 0.6f };
        Check([1, 0, 0, 0], Law(minP with { SamplerOrder = SamplerOrder.Vllm }));
        Check([0.5, 0.3, 0, 0], Law(minP with { SamplerOrder = SamplerOrder.HuggingFace }));
        Check([1, 0, 0, 0], Law(minP with { SamplerOrder = SamplerOrder.Parse("min-p,top-p") }));
    }

    [Theory, MemberData(nameof(Presets))]
    public void Every_preset_has_every_stage_once(string name) =>
        Assert.Equal(Enum.GetValues<SamplerStage>(), SamplerOrder.Parse(name).Stages.Order());

    [Fact]
    public void An_order_of_ones_own_is_read_and_written()
    {
        var order = SamplerOrder.Parse("top-k, temperature,xtc");
        Assert.Equal([SamplerStage.TopK, SamplerStage.Temperature, SamplerStage.Xtc], order.Stages);
        Assert.Equal("top-k,temperature,xtc", order.ToString());
        Assert.Equal(SamplerOrder.LlamaCpp.Stages, SamplerOrder.Parse(SamplerOrder.LlamaCpp.ToString()).Stages);
    }

    [Theory]
    [InlineData("top-q", "got \"top-q\" (did you mean top-k?)")]
    [InlineData("lama-cpp", "(did you mean llama-cpp?)")]
    [InlineData("top-k,xtc,top-k", "top-k must be given once")]
    [InlineData("", "got \"\"")]
    public void What_is_no_order_is_refused(string text, string expected)
    {
        var error = Assert.Throws<ArgumentException>(() => SamplerOrder.Parse(text));
        Assert.StartsWith("samplers: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_set_must_be_in_the_order()
    {
        var options = new GenerationOptions { Temperature = 0.5f, TopK = 3, SamplerOrder = SamplerOrder.Of(SamplerStage.Temperature) };
        var error = Assert.Throws<ArgumentException>(options.Validate);
        Assert.Equal("options: SamplerOrder must have top-k, which is set, got temperature.", error.Message);
        (options with { TopK = 0 }).Validate();
    }

    public static TheoryData<string, GenerationOptions> Chains => new()
    {
        { "typical", new() { Temperature = 1, TypicalP = 0.7f } },
        { "top-n-sigma", new() { Temperature = 1.5f, TopNSigma = 0.8f } },
        { "epsilon", new() { Temperature = 1, EpsilonCutoff = 0.06f } },
        { "eta", new() { Temperature = 1, EtaCutoff = 0.2f } },
        { "p-less", new() { Temperature = 1, PLess = true } },
        { "dynamic", new() { Temperature = 1, DynamicTemperatureRange = 0.7f } },
        { "dry", new() { Temperature = 1, DryMultiplier = 0.8f } },
        { "min-keep", new() { Temperature = 1, TopP = 0.1f, MinKeep = 3 } },
        {
            "all", new()
            {
                Temperature = 1.3f, TypicalP = 0.95f, TopNSigma = 2, EpsilonCutoff = 0.01f, EtaCutoff = 0.01f, TopK = 9, TopP = 0.95f,
                MinP = 0.05f, RepetitionPenalty = 1.1f, DryMultiplier = 0.5f, DynamicTemperatureRange = 0.2f,
            }
        },
    };

    /// <summary>Draws at many positions follow the weights that a drafter that samples is told.</summary>
    [Theory, MemberData(nameof(Chains), DisableDiscoveryEnumeration = true)]
    public void Draws_follow_the_law(string name, GenerationOptions options)
    {
        const int draws = 100_000;
        float[] row = [1.5f, 0.2f, -1, 2, 1.9f, 0.7f, -0.3f, 1.1f, 0.9f, -2, 0, 0.4f];
        int[] text = [3, 4, 5, 3, 4];
        var weights = new double[row.Length];
        options.CreateSampler().Weights(text, (float[])row.Clone(), weights);
        var law = weights.Select((weight, id) => (Weight: weight / weights.Sum(), Id: id)).Where(item => item.Weight > 0)
            .ToDictionary(item => $"{item.Id}", item => item.Weight);
        var counts = new Dictionary<string, int>();
        var logits = new float[row.Length];
        for (var seed = 0; seed < draws; seed++)
        {
            row.CopyTo(logits, 0);
            var key = $"{(options with { Seed = (ulong)seed }).CreateSampler().Choose(text, logits)}";
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        Assert.True(law.Count > 1, name);
        ChiSquare.AssertFits(law, counts);
    }

    [Fact]
    public void Draws_with_xtc_follow_the_mixture_of_both_laws()
    {
        const int draws = 100_000;
        const double often = 0.4;
        var options = new GenerationOptions { Temperature = 1, XtcProbability = (float)often, XtcThreshold = 0.12f };
        double[] without = [0, 0, 0.15 / 0.2, 0.05 / 0.2];
        var law = P.Select((p, id) => (Id: id, P: (1 - often) * p + often * without[id]))
            .ToDictionary(item => $"{item.Id}", item => item.P);
        var counts = new Dictionary<string, int>();
        for (var seed = 0; seed < draws; seed++)
        {
            var logits = P.Select(p => (float)Math.Log(p)).ToArray();
            var key = $"{(options with { Seed = (ulong)seed }).CreateSampler().Choose([1, 2], logits)}";
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        ChiSquare.AssertFits(law, counts);
    }

    private static double[] Law(GenerationOptions options)
    {
        options.Validate();
        var weights = new double[P.Length];
        options.CreateSampler().Weights([], [.. P.Select(x => (float)Math.Log(x))], weights);
        return weights;
    }

    private static void Check(double[] expected, double[] weights)
    {
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i] / expected.Sum(), weights[i] / weights.Sum(), 1e-5);
    }
}
