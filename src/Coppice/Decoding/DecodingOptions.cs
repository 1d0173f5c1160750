using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Decoding;

/// <summary>How one generation chooses, proposes and ends.</summary>
/// <param name="Sampler">Chooses.</param>
/// <param name="Drafter">Proposes; belongs to the caller.</param>
/// <param name="Stop">Ends.</param>
/// <param name="LogProbs">Best tokens to report for every position, or null for no log-probabilities.</param>
/// <param name="Typical">Accepts by this rule, which changes the text, or null for the target's own law.</param>
/// <param name="Guard">Decides whether to draft, or null to draft always.</param>
internal sealed record DecodingOptions(
    Sampler Sampler, Drafter Drafter, StopRule Stop, int? LogProbs, TypicalAcceptance? Typical = null, SpeculationGuard? Guard = null)
{
    /// <summary>Greedy, without drafts, and at its end before it begins.</summary>
    public static DecodingOptions Nothing { get; } = new(new Sampler([], greedy: true, 0), new NoDrafter(), new StopRule(0, []), null);

    /// <summary>What texts are allowed, or null for all.</summary>
    public SequenceConstraint? Constraint { get; init; }

    /// <summary>Where the sample stands in what earlier ones have shown of the constraint; null for plain masks.</summary>
    public AsapCursor? Asap { get; init; }
    /// <summary>Records the passes, or null for none.</summary>
    public GenerationTrace? Trace { get; init; }
    /// <summary>Whether log-probabilities are those of what was left to choose from, instead of the model's own.</summary>
    public bool FinalLogProbs { get; init; }

    /// <summary>Whether what was left of a row to choose from is reported, or learned from.</summary>
    public bool WatchesFinal => Sampler.Mirostat is { Basis: SurpriseBasis.Truncated } || (LogProbs is not null && FinalLogProbs);

    /// <summary>How many of a row's largest logits nearly always decide the next token; 0 where the whole row is needed.</summary>
    public int Candidates => Typical is null && Asap is null ? Sampler.Candidates : 0;
    /// <summary>How many of a row's largest logits are asked for.</summary>
    public int TopCount => Math.Max(Drafter.TopCount, Candidates);
}
