using Coppice.Settings;

namespace Coppice;

/// <summary>
/// Contrast of two runs of one text: z = (1 + α) · z⁺ - α · z⁻, where z⁺ are the model's logits and z⁻ those of a run that lacks something,
/// among tokens that the first finds plausible: z⁺ ≥ ln β + max z⁺.
/// </summary>
/// <remarks>
/// With a negative prompt that lacks the context it is context-aware decoding and guidance (CFG with γ = 1 + α, whose rows of
/// log-probabilities differ by a constant); with an amateur model contrastive decoding. α = 0 is plain decoding. Costs a pass of the other
/// run for each token. Source: Leng et al., Mitigating Object Hallucinations through Visual Contrastive Decoding, equations 3 and 6.
/// </remarks>
public sealed record ContrastOptions : StepStrategyOptions
{
    internal const string KindName = "contrast";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>α: 0, the default, to 100.</summary>
    public double Alpha { get; init; }
    /// <summary>β: 0 to 1, 0.1 by default; 0 cuts off nothing.</summary>
    public double Beta { get; init; } = .1;
    /// <summary>What the negative run begins with in place of the prompt; null where <see cref="Model"/> is given, or α is 0.</summary>
    public string? Negative { get; init; }
    /// <summary>
    /// The folder of an amateur with the same tokens, which runs the same text; null where <see cref="Negative"/> is given.
    /// </summary>
    public string? Model { get; init; }

    internal static StrategyOptions Read(NamedSettings settings) => new ContrastOptions
    {
        Alpha = settings.Real("alpha", 0),
        Beta = settings.Real("beta", .1),
        Negative = settings.Text("negative"),
        Model = settings.Text("model"),
    };

    internal override void Validate()
    {
        Require("alpha", Alpha, 0, 100);
        Require("beta", Beta, 0, 1);
        if (Alpha > 0 && Negative is null == Model is null)
            throw new ArgumentException(
                $"strategy {Name}: one of negative and model must be given, got {(Model is null ? "none" : "both")}.");
    }

    internal override IStepModel Compose(IStepModel model, IReadOnlyList<int> prompt, StepSources sources)
    {
        if (Alpha == 0) return model;
        var other = Negative is not null ? sources.Beginning(Negative) : sources.Other(Model!, prompt);
        return new ContrastiveModel([new ContrastTerm(model, (float)(1 + Alpha)), new ContrastTerm(other, (float)-Alpha)]);
    }

    internal override IEnumerable<ITokenProcessor> Processors(StepSources sources) =>
        Alpha > 0 && Beta > 0 ? [new PlausibilityCut(Beta)] : [];
}
