using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Tests.Decoding.Laws;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>
/// Texts that whole sessions sample with drafters have the law of the model: all five first tokens together, over several steps, by
/// chi-square.
/// </summary>
public sealed class SampledLawTests : IDisposable
{
    private const int Vocabulary = 16, Length = 5, Samples = 5000;

    private static readonly GenerationOptions Options = new() { MaxTokens = Length, Temperature = 0.9f, TopK = 3, IgnoreEos = true };

    private readonly ModelPair _pair = new(TabledLlama.Config);
    private readonly LanguageModel _model;
    private readonly int[] _prompt = TinyModel.Prompt(6, vocabulary: Vocabulary);

    public SampledLawTests() => _model = _pair.Load(new ModelOptions { Device = "cpu", ContextLength = 40, Threads = 1 });

    public void Dispose()
    {
        _model.Dispose();
        _pair.Dispose();
    }

    /// <summary>Probability of every text of five tokens, three choices each, by the logits of all of them.</summary>
    private Dictionary<string, double> Law()
    {
        var law = new Dictionary<string, double>();
        var sampler = Options.CreateSampler();
        void Go(int[] tokens, double probability)
        {
            if (tokens.Length == _prompt.Length + Length)
            {
                law[string.Join(' ', tokens[_prompt.Length..])] = probability;
                return;
            }
            var (logits, weights) = (Logits.Of(_model, tokens)[^Vocabulary..], new double[Vocabulary]);
            sampler.Weights(tokens, logits, weights);
            for (var token = 0; token < Vocabulary; token++)
                if (weights[token] > 0) Go([.. tokens, token], probability * weights[token] / weights.Sum());
        }
        Go(_prompt, 1);
        Assert.Equal(1, law.Values.Sum(), 1e-9);
        return law;
    }

    private Dictionary<string, int> Sample(Action<Session>? prepare, DrafterOptions drafter)
    {
        using var session = _model.NewSession();
        prepare?.Invoke(session);
        var counts = new Dictionary<string, int>();
        for (var seed = 0; seed < Samples; seed++)
        {
            var key = string.Join(' ', session.Ids(_prompt, Options with { Seed = (ulong)seed, Drafter = drafter }));
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        return counts;
    }

    [Theory]
    [InlineData("none")]
    [InlineData("rsd-c:branches=2-2")]
    [InlineData("rsd-c:branches=1-1-1,support=2")]
    [InlineData("rsd-s:width=3,length=3")]
    [InlineData("dyspec:nodes=5")]
    [InlineData("dyspec:nodes=9,threshold=0.2,temperature=1.5")]
    [InlineData("dyspec:nodes=3,threshold=0.1")]
    [InlineData("rasd:nodes=3,retrieved=4,adaptive=false,sampled=true")]
    public void Texts_have_the_law_of_the_model(string drafter)
    {
        var options = DrafterOptions.Parse(drafter == "none" ? drafter : $"{drafter},model={_pair.DraftFolder}");
        ChiSquare.AssertFits(Law(), Sample(null, options));
    }

    /// <summary>Drafts two children of the root and breaks one condition of recursive rejection.</summary>
    private sealed class Broken(Drafter inner, Func<Proposals<double>, IReadOnlyList<int>, IEnumerable<int>> change) : Drafter
    {
        private readonly TokenTree _drawn = new(8, 2);

        public override Proposals<double> Proposals => inner.Proposals;

        public override void Begin(ReadOnlySpan<int> prompt) => inner.Begin(prompt);

        public override void Draft(in DraftRequest request, TokenTree tree)
        {
            _drawn.Reset(tree.Tokens[0]);
            inner.Draft(request, _drawn);
            foreach (var token in change(Proposals, _drawn.Tokens[1..].ToArray())) tree.AddSampled(0, token);
        }

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private double Deviation(Func<Proposals<double>, IReadOnlyList<int>, IEnumerable<int>> change)
    {
        using var drafter = new Broken(DrafterOptions.Parse($"rsd-c:branches=2,model={_pair.DraftFolder}").Create(_model.DraftContext),
            change);
        return ChiSquare.Deviation(Law(), Sample(session => session.Drafter = drafter, DrafterOptions.None));
    }

    /// <summary>Negative controls: the test sees each of the conditions broken, and the same drafter unbroken passes.</summary>
    [Fact]
    public void Children_that_are_dropped_reordered_or_chosen_by_value_are_found_out()
    {
        Assert.True(Deviation((_, drawn) => drawn) < 4);
        Assert.True(Deviation((_, drawn) => drawn.Reverse()) > 8, "reversed");
        Assert.True(Deviation((proposals, drawn) => drawn.Where(token => Probability(proposals, token) > 0.25)) > 8,
            "dropped below a threshold");
        Assert.True(Deviation((proposals, _) => proposals.Tokens(0)[..Math.Min(2, proposals.Tokens(0).Length)].ToArray()) > 8,
            "the two most probable");
    }

    private static double Probability(Proposals<double> proposals, int token)
    {
        var weights = proposals.Weights(0).ToArray();
        return weights[proposals.Tokens(0).IndexOf(token)] / weights.Sum();
    }
}
