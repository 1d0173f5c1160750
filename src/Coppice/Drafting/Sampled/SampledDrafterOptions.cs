using Coppice.Decoding.Sampling;

namespace Coppice.Drafting;

/// <summary>
/// A drafter that draws its proposals from a draft model: sampled text has the model's own law, but is not that of plain decoding for the
/// same seed.
/// </summary>
public abstract record SampledDrafterOptions : ModelDrafterOptions
{
    private protected SampledDrafterOptions() { }

    /// <summary>Temperature of the draft's draws; 0, the default, for that of the text, and 0.6 where the text is greedy.</summary>
    public double Temperature { get; init; }
    /// <summary>Most probable tokens that draws are made from; 32 by default.</summary>
    public int Support { get; init; } = 32;

    private protected sealed override int KeptTokens => Support;

    internal sealed override bool DrawsProposals => true;

    /// <summary>Reads the settings that all of them have.</summary>
    private protected static T ReadDraws<T>(DrafterSettings settings, T options) where T : SampledDrafterOptions =>
        ReadModel(settings, options) with
        {
            Temperature = settings.Real("temperature", options.Temperature),
            Support = settings.Whole("support", options.Support),
        };

    internal override void Validate()
    {
        Require("temperature", Temperature, 0, 10);
        Require("support", Support, 1, 1024);
    }
}
