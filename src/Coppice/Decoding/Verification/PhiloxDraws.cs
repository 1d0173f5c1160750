using Coppice.Decoding.Sampling;

namespace Coppice.Decoding.Verification;

/// <summary>The random decisions of verification by the counter-based generator, keyed by the absolute position that is decided.</summary>
/// <param name="seed">The generation's seed.</param>
/// <param name="firstPosition">Position of the token after the root. Every position is decided once, so no number is used twice.</param>
internal readonly struct PhiloxDraws(ulong seed, int firstPosition) : IVerifierDraws<double>
{
    /// <inheritdoc/>
    public bool Accepts(int depth, int sibling, double numerator, double denominator) =>
        Philox.Uniform(seed, RandomStream.Acceptance, firstPosition + depth, sibling) * denominator < numerator;

    /// <inheritdoc/>
    public int Draw(int depth, ReadOnlySpan<double> weights) =>
        Sampler.Draw(weights, Philox.Uniform(seed, RandomStream.Residual, firstPosition + depth));
}
