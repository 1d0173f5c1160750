namespace Coppice.Decoding.Sampling;

/// <summary>
/// Keeps tokens of at least a probability that falls with entropy: p ≥ min(ε, √ε · exp(-H)); the others become -∞.
/// </summary>
/// <param name="epsilon">ε, above 0, below 1.</param>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
/// <remarks>Source: Hewitt et al., Truncation Sampling as Language Model Desmoothing, section 4.2.</remarks>
internal sealed class EtaCutoff(double epsilon, int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryOf(ref candidates, out var softmax)) return;
        var log = Math.Log(epsilon);
        Truncation.Below(ref candidates, softmax.LogitOf(Math.Min(log, log / 2 - softmax.Entropy)), least);
    }
}
