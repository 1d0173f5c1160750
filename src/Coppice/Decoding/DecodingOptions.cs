using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;

namespace Coppice.Decoding;

/// <summary>How one generation chooses, proposes and ends.</summary>
/// <param name="Sampler">Chooses.</param>
/// <param name="Drafter">Proposes; belongs to the caller.</param>
/// <param name="Stop">Ends.</param>
/// <param name="LogProbs">Best tokens to report for every position, or null for no log-probabilities.</param>
/// <param name="Typical">Accepts by this rule, which changes the text, or null for the target's own law.</param>
/// <param name="Guard">Decides whether to draft, or null to draft always.</param>
internal sealed record DecodingOptions(
    Sampler Sampler, Drafter Drafter, StopRule Stop, int? LogProbs, TypicalAcceptance? Typical = null, SpeculationGuard? Guard = null);
