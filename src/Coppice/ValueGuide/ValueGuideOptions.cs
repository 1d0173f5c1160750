using Coppice.Settings;

namespace Coppice;

/// <summary>
/// Controlled decoding: of the k most probable tokens each logit gets weight · value, where the value is what a scorer says of the text
/// with the token, or of that text continued greedily over a horizon; all other tokens are cut off.
/// </summary>
/// <remarks>
/// Without a horizon it is tokenwise controlled decoding by prefix values, with one direct Transfer Q*. Weight 0 is plain top-k and costs
/// nothing. Each token costs k · horizon rows, in common passes, and k scores. Sources: Mudgal et al., Controlled Decoding from Language
/// Models, section 3.1; Chakraborty et al., Transfer Q*, algorithm 1.
/// </remarks>
public sealed record ValueGuideOptions : StepStrategyOptions
{
    internal const string KindName = "value-guide";

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>λ or 1 / α: 0 to 1e6, 1 by default.</summary>
    public double Weight { get; init; } = 1;
    /// <summary>k: 1 to 128, 10 by default.</summary>
    public int Candidates { get; init; } = 10;
    /// <summary>Tokens of each look ahead; 0, the default, for none.</summary>
    public int Horizon { get; init; }
    /// <summary>Rows of less entropy than this, in bits, are left as they are but for the cut; 0, the default, for none.</summary>
    public double LeastEntropy { get; init; }
    /// <summary>What texts are worth; <see cref="SequenceScorers.Likelihood"/> by default.</summary>
    public ISequenceScorer Scorer { get; init; } = SequenceScorers.Likelihood;

    internal static StrategyOptions Read(NamedSettings settings) => new ValueGuideOptions
    {
        Weight = settings.Real("weight", 1),
        Candidates = settings.Whole("k", 10),
        Horizon = settings.Whole("horizon", 0),
        LeastEntropy = settings.Real("entropy", 0),
        Scorer = SequenceScorers.Parse($"strategy {KindName}", settings.Text("scorer")),
    };

    internal override void Validate()
    {
        Require("weight", Weight, 0, 1e6);
        Require("k", Candidates, 1, BestOfOptions.MostSequences);
        Require("horizon", Horizon, 0, 4096);
        Require("entropy", LeastEntropy, 0, 32);
        ArgumentNullException.ThrowIfNull(Scorer);
    }

    internal override IEnumerable<ITokenProcessor> Processors(StepSources sources) =>
        [new ValueGuideProcessor(new ScoredValue(Scorer, Horizon), Candidates, Weight) { LeastEntropy = LeastEntropy }];
}
