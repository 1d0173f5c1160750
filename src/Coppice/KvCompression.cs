using Coppice.Kernels;

namespace Coppice;

/// <summary>How keys and values are compressed once they are no longer recent.</summary>
/// <remarks>
/// 64 positions are compressed together. A token sees them as they are until it is at least 32 positions past their end, and compressed
/// from then on, whoever computes it: alone, in a prompt, in a token tree or after a fork. Texts therefore do not depend on drafting, on
/// other sessions or on how a prompt was cut.
/// </remarks>
public sealed record KvCompression
{
    /// <summary>How 64 positions are compressed.</summary>
    public KvCodec Codec { get; init; } = new();
    /// <summary>Columns of the low-rank correction of each head (GEAR); 0, the default, for none.</summary>
    public int Rank { get; init; }
    /// <summary>The first tokens of a text, which stay exact (attention sinks); 4 by default, less than 64.</summary>
    public int SinkTokens { get; init; } = 4;

    /// <summary>
    /// Whether values are kept times a Hadamard matrix over the head dimension, and outputs turned back: a token's values then have no
    /// few large channels that widen the range of all.
    /// </summary>
    public bool RotateValues { get; init; }

    /// <summary>The same text for equal values, whatever the culture.</summary>
    internal string Description => string.Join(' ',
        Codec.Backbone, Codec.KeyBits, Codec.ValueBits, Codec.GroupSize, BitConverter.DoubleToInt64Bits(Codec.Sparsity), Codec.KeyOutliers,
        Codec.ValueOutliers, Codec.Loops, Codec.Factors, Codec.KeyRange, Codec.ValueRange, Codec.Seed, Rank, SinkTokens,
        Codec.KeyBitsByRange, RotateValues);

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Codec);
        if (Rank is < 0 or > KvChunkLayout.MostRank)
        {
            throw new ArgumentOutOfRangeException(
                nameof(Rank), $"options: KvCache.Compression.Rank must be 0..{KvChunkLayout.MostRank}, got {Rank}.");
        }
        if (SinkTokens is < 0 or >= KvLayout.PageSize)
        {
            throw new ArgumentOutOfRangeException(
                nameof(SinkTokens), $"options: KvCache.Compression.SinkTokens must be 0..{KvLayout.PageSize - 1}, got {SinkTokens}.");
        }
    }
}
