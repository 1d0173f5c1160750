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
    /// <summary>
    /// Whether keys, after RoPE, and queries are turned by a Hadamard matrix over the head dimension: scores stay what they are, and a
    /// token's keys have no few large channels. It takes away what scales by channel use, so it is for backbones by token.
    /// </summary>
    public bool RotateKeys { get; init; }

    /// <summary>
    /// What a text has shown of the model's keys, by which their bits are divided among heads and channels; null for what the model's
    /// folder has (<see cref="KvCalibration.FileName"/>), or else by ranges alone. Only where <see cref="KvCodec.KeyBitsByRange"/> is set
    /// and <see cref="PrefillExact"/> is not.
    /// </summary>
    public KvCalibration? Calibration { get; init; }

    /// <summary>
    /// Whether blocks follow the history of a session, as in the GEAR paper, instead of positions alone: a prompt is attended to exactly
    /// and compressed when it has ended, and after it the last <see cref="BufferTokens"/> tokens are, each time that as many are there.
    /// Sessions then share nothing, cannot be saved, and a text may depend on where earlier prompts ended. For comparisons.
    /// </summary>
    public bool PrefillExact { get; init; }
    /// <summary>
    /// Tokens that are compressed together after a prompt; 64 by default, 1 to 4,096, and where <see cref="KvBackbone.Kivi"/> groups keys a
    /// multiple of a group. Only where <see cref="PrefillExact"/> is set.
    /// </summary>
    public int BufferTokens { get; init; } = KvLayout.PageSize;
    /// <summary>
    /// The <see cref="Rank"/> of chunks of prompts, in pieces of at most 4,096 tokens; 4 by default. Only where <see cref="PrefillExact"/>
    /// is set.
    /// </summary>
    public int PromptRank { get; init; } = 4;

    /// <summary>The same text for equal values, whatever the culture.</summary>
    internal string Description => string.Join(' ',
        Codec.Backbone, Codec.KeyBits, Codec.ValueBits, Codec.GroupSize, BitConverter.DoubleToInt64Bits(Codec.Sparsity), Codec.KeyOutliers,
        Codec.ValueOutliers, Codec.Loops, Codec.Factors, Codec.KeyRange, Codec.ValueRange, Codec.Seed, Rank, SinkTokens,
        Codec.KeyBitsByRange, RotateValues, PrefillExact, BufferTokens, PromptRank, RotateKeys,
        Codec.Scales, Codec.FactorsFirst, Codec.ShrinkFactors, Calibration?.Fingerprint);

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Codec);
        if (Rank is < 0 or > KvChunkLayout.MostRank)
        {
            throw new ArgumentOutOfRangeException(
                nameof(Rank), $"options: KvCache.Compression.Rank must be 0..{KvChunkLayout.MostRank}, got {Rank}.");
        }
        if (PromptRank is < 0 or > KvChunkLayout.MostRank)
        {
            throw new ArgumentOutOfRangeException(
                nameof(PromptRank), $"options: KvCache.Compression.PromptRank must be 0..{KvChunkLayout.MostRank}, got {PromptRank}.");
        }
        if (BufferTokens is < 1 or > KvChunkLayout.MostTokens)
        {
            throw new ArgumentOutOfRangeException(
                nameof(BufferTokens),
                $"options: KvCache.Compression.BufferTokens must be 1..{KvChunkLayout.MostTokens}, got {BufferTokens}.");
        }
        if (PrefillExact && Codec.Backbone == KvBackbone.Kivi && BufferTokens % Codec.GroupSize != 0)
        {
            throw new ArgumentException(
                $"options: KvCache.Compression.BufferTokens must be a multiple of the {Codec.GroupSize} keys of a group, got "
                + $"{BufferTokens}.");
        }
        if (PrefillExact && Codec.KeyBitsByRange && (Codec.Backbone != KvBackbone.Kivi || Codec.GroupSize % 32 != 0))
        {
            throw new ArgumentException(
                "options: KvCache.Compression.PrefillExact with widths by range needs keys in groups of a multiple of 32 tokens, got "
                + $"{Codec.Backbone} and {Codec.GroupSize}.");
        }
        if (Calibration is not null && (!Codec.KeyBitsByRange || PrefillExact))
        {
            throw new ArgumentException(
                "options: KvCache.Compression.Calibration needs a codec with KeyBitsByRange, and chunks that do not follow the history.");
        }
        if (SinkTokens is < 0 or >= KvLayout.PageSize)
        {
            throw new ArgumentOutOfRangeException(
                nameof(SinkTokens), $"options: KvCache.Compression.SinkTokens must be 0..{KvLayout.PageSize - 1}, got {SinkTokens}.");
        }
    }
}
