using System.Numerics;

namespace Coppice.Kernels;

/// <summary>Where everything of a compressed chunk of tokens lies, in bytes from its beginning, and how many bytes it takes.</summary>
/// <remarks>
/// A chunk is a header of 64 bytes, then, without gaps: codes of keys, codes of values, minima and scales of both, factors, outliers,
/// widths of keys' codes, exact tokens.
/// Codes are packed along the lanes of attention: those of keys along tokens for a fixed channel, those of values along channels for a
/// fixed token. A run of codes takes whole 32-bit words, little-endian, code i in bits b · (i mod 32 / b) of word i / (32 / b), the
/// unused ones 0. A width that does not divide 32 is stored as planes of 4, 2 and 1 bits, the low bits first: 3 bits are the words of the
/// two lower bits of all codes, then those of the third; each plane [runs][words].
/// </remarks>
public sealed class KvChunkLayout
{
    /// <summary>Bytes before the codes: what the chunk is, for who reads it back.</summary>
    public const int HeaderBytes = 64;
    /// <summary>Chunks begin at multiples of this, and take a multiple of it.</summary>
    public const int Unit = 64;
    /// <summary>Tokens of a chunk at most: positions in it are 16-bit, and workspace is bounded.</summary>
    public const int MostTokens = 4096;
    /// <summary>Columns of a factor at most.</summary>
    public const int MostRank = 16;

    internal KvChunkLayout(KvCodec codec, int kvHeads, int headDim, int tokens, int rank, int exact)
    {
        const string op = "kv_codec";
        Require.That(codec.KeyBits is >= 2 and <= 8 && codec.ValueBits is >= 2 and <= 8, op,
            $"codes must have 2 to 8 bits, got {codec.KeyBits} for keys and {codec.ValueBits} for values");
        Require.That(codec.GroupSize is >= 1 and <= MostTokens, op, $"the group size must be 1..{MostTokens}, got {codec.GroupSize}");
        Require.That(codec.Sparsity is >= 0 and <= 0.5, op, $"the sparsity must be 0..0.5, got {codec.Sparsity}");
        Require.That(codec.Loops is >= 1 and <= 64, op, $"loops must be 1..64, got {codec.Loops}");
        Require.That(kvHeads is >= 1 and <= 1024 && headDim is >= 1 and <= 1024 && kvHeads * headDim <= ushort.MaxValue, op,
            $"heads times head dimension must be 1..{ushort.MaxValue}, got {kvHeads} times {headDim}");
        Require.That(tokens is >= 1 and <= MostTokens, op, $"a chunk must have 1..{MostTokens} tokens, got {tokens}");
        Require.That(rank is >= 0 and <= MostRank, op, $"the rank must be 0..{MostRank}, got {rank}");
        Require.That(exact >= 0 && exact < tokens, op, $"exact tokens must be fewer than the chunk's {tokens}, got {exact}");
        Require.That(!codec.FactorsFirst || codec.Backbone != KvBackbone.Kcvt, op,
            $"factors can be first only where heads share no scales, got {codec.Backbone}");
        Codec = codec;
        KvHeads = kvHeads;
        HeadDim = headDim;
        Tokens = tokens;
        Exact = exact;
        Rank = Math.Min(rank, Math.Min(tokens - exact, headDim));
        Keys = new KvPartLayout(codec, isKeys: true, kvHeads, headDim, tokens, exact);
        Values = new KvPartLayout(codec, isKeys: false, kvHeads, headDim, tokens, exact);
        KeyCodes = HeaderBytes;
        ValueCodes = KeyCodes + Keys.CodeBytes;
        KeyScales = ValueCodes + Values.CodeBytes;
        ValueScales = KeyScales + Keys.ScaleBytes;
        KeyFactors = ValueScales + Values.ScaleBytes;
        FactorBytes = codec.Factors == KvFactorType.F16
            ? kvHeads * (tokens + headDim) * Rank * 2
            : kvHeads * 2 * Rank * 2 + (kvHeads * (tokens + headDim) * Rank + 3) / 4 * 4;
        ValueFactors = KeyFactors + FactorBytes;
        KeyOutliers = ValueFactors + FactorBytes;
        ValueOutliers = KeyOutliers + Keys.OutlierBytes;
        KeyWidths = ValueOutliers + Values.OutlierBytes;
        ExactRows = KeyWidths + Keys.WidthBytes;
        var end = ExactRows + 2 * exact * kvHeads * headDim * 2;
        Bytes = end - HeaderBytes;
        Units = (end + Unit - 1) / Unit;
    }

    /// <summary>How the chunk is compressed.</summary>
    public KvCodec Codec { get; }
    /// <summary>KV heads.</summary>
    public int KvHeads { get; }
    /// <summary>Elements of a head.</summary>
    public int HeadDim { get; }
    /// <summary>Tokens of the chunk, the exact ones among them.</summary>
    public int Tokens { get; }
    /// <summary>The first tokens, which are kept in F16 and have no part in scales, outliers and factors.</summary>
    public int Exact { get; }
    /// <summary>Columns of the factors: what was asked for, but no more than tokens or channels.</summary>
    public int Rank { get; }
    /// <summary>Bytes of everything but the header and the padding at the end.</summary>
    public int Bytes { get; }
    /// <summary>Bytes that a chunk takes in units of <see cref="Unit"/>, header and padding included.</summary>
    public int Units { get; }
    /// <summary>Bytes that a chunk takes, header and padding included.</summary>
    public int StoredBytes => Units * Unit;
    /// <summary>Bytes of the same tokens in F16.</summary>
    public int DenseBytes => 4 * Tokens * KvHeads * HeadDim;

    /// <summary>What is counted of the keys.</summary>
    internal KvPartLayout Keys { get; }
    /// <summary>What is counted of the values.</summary>
    internal KvPartLayout Values { get; }
    /// <summary>Plane after plane [kvHeads][headDim][words along tokens].</summary>
    internal int KeyCodes { get; }
    /// <summary>Plane after plane [kvHeads][tokens][words along channels].</summary>
    internal int ValueCodes { get; }
    /// <summary>
    /// Minima, then scales, in F16, or bytes as <see cref="KvPartLayout.ScalesAreBytes"/> says: each as <see cref="KvPartLayout.Groups"/>
    /// says.
    /// </summary>
    internal int KeyScales { get; }
    /// <inheritdoc cref="KeyScales"/>
    internal int ValueScales { get; }
    /// <summary>
    /// A of all heads [kvHeads][rank][tokens], then B [kvHeads][rank][headDim]; where they are bytes, after F16 scales of both
    /// [2][kvHeads][rank], and padded to 4 bytes.
    /// </summary>
    internal int KeyFactors { get; }
    /// <inheritdoc cref="KeyFactors"/>
    internal int ValueFactors { get; }
    /// <summary>Bytes of the factors of keys, and of values.</summary>
    internal int FactorBytes { get; }
    /// <summary>16-bit positions [vectors][2 · count] ascending, then F16 deltas in the same order.</summary>
    internal int KeyOutliers { get; }
    /// <inheritdoc cref="KeyOutliers"/>
    internal int ValueOutliers { get; }
    /// <summary>Bits of the codes of every channel, where they differ: see <see cref="KvPartLayout.WidthBytes"/>.</summary>
    internal int KeyWidths { get; }
    /// <summary>F16: keys [kvHeads][exact][headDim], then values.</summary>
    internal int ExactRows { get; }

    /// <summary>Widths of the planes of codes of <paramref name="bits"/> bits, the lowest bits first: 7 is 4, 2, 1.</summary>
    internal static int PlaneBits(int bits, int plane)
    {
        for (var width = 8; width > 0; width >>= 1)
            if ((bits & width) != 0 && plane-- == 0) return width;
        return 0;
    }

    /// <summary>How many planes codes of <paramref name="bits"/> bits have.</summary>
    internal static int Planes(int bits) => BitOperations.PopCount((uint)bits);

    /// <summary>32-bit words of a run of <paramref name="count"/> codes in one plane.</summary>
    internal static int Words(int count, int planeBits) => (count * planeBits + 31) / 32;
}
