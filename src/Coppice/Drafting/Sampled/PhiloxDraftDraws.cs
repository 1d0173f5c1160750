using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>The draws of one draft by the counter-based generator, keyed by the position after the root and counted.</summary>
/// <remarks>
/// The position of the drawn token itself would not do as a key: how large a tree becomes depends on its draws, so that what a later draft
/// draws for the same position must not repeat them. No two drafts have one root.
/// </remarks>
internal sealed class PhiloxDraftDraws : IDraftDraws
{
    private ulong _seed;
    private int _position, _counter;

    /// <summary>Begins the draws of another draft.</summary>
    /// <param name="seed">The generation's seed.</param>
    /// <param name="position">Position of the token after the root.</param>
    public void Begin(ulong seed, int position) => (_seed, _position, _counter) = (seed, position, 0);

    /// <inheritdoc/>
    public double Uniform() => Philox.Uniform(_seed, RandomStream.Draft, _position, _counter++);

    /// <inheritdoc/>
    public int Draw(TokenTree tree, int parent, ReadOnlySpan<double> weights) => Sampler.Draw(weights, Uniform());
}
