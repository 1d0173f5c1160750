namespace Coppice.Decoding.Sampling;

/// <summary>For every token in the window, prompt included: z / penalty where z > 0, z · penalty where not.</summary>
/// <param name="penalty">Above 1 discourages repetition.</param>
/// <param name="window">Number of last tokens that count; 0 for all of them.</param>
/// <remarks>Source: Keskar et al., CTRL, section 4.1, with the sign rule of the common implementations.</remarks>
internal sealed class RepetitionPenalty(float penalty, int window = 0) : HistoryPenalty(window)
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => penalty >= 1;

    /// <inheritdoc/>
    protected override double Changed(double logit, int count) => logit > 0 ? logit / penalty : logit * penalty;
}
