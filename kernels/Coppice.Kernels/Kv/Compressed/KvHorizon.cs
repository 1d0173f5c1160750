using System.Diagnostics.CodeAnalysis;

namespace Coppice.Kernels;

/// <summary>Up to which position a row sees compressed keys and values; from there on it sees the recent ones as they are.</summary>
/// <param name="Tokens">Positions that are compressed: chunks cover 0 … Tokens - 1 without gaps.</param>
/// <param name="Step">Tokens of every chunk; 0 where chunks have different lengths and every row sees all of them.</param>
/// <param name="Delay">Positions by which a row must be past a chunk's end to see it: at least the deepest token tree.</param>
/// <remarks>
/// It depends on the row's own position alone, so a row sees the same however the tokens were cut into passes. A chunk that ends before
/// position e is seen by rows at positions ≥ e + Delay. Example: Step 64, Delay 16: the row at 143 sees positions 0 … 63 compressed, the
/// row at 144 those up to 127.
/// </remarks>
[SuppressMessage("Naming", "CA1720", Justification = "Step is the name of a distance.")]
public readonly record struct KvHorizon(int Tokens, int Step, int Delay)
{
    /// <summary>The first position that a row at <paramref name="position"/> does not see compressed.</summary>
    public int Of(int position) =>
        Step == 0 ? Tokens : Math.Clamp((position - Delay) / Step * Step, 0, Tokens);
}
