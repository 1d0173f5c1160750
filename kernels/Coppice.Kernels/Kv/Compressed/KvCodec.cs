namespace Coppice.Kernels;

/// <summary>Which elements of keys and values share a scale: the backbone of a compressed cache.</summary>
public enum KvBackbone
{
    /// <summary>Keys: some consecutive tokens of a channel. Values: some consecutive channels of a token (KIVI).</summary>
    Kivi,
    /// <summary>Keys: a channel over all tokens of the chunk. Values: a token over the channels of all heads (KCVT).</summary>
    Kcvt,
    /// <summary>As <see cref="Kcvt"/>, but values of each head have a scale of their own.</summary>
    KcvtHeads,
    /// <summary>Keys and values: some consecutive channels of a token.</summary>
    PerToken,
    /// <summary>As <see cref="PerToken"/>, but symmetric around 0 with one scale and no minimum: what Q8_0 and Q4_0 store.</summary>
    Symmetric,
    /// <summary>
    /// As <see cref="PerToken"/>, after each channel of a head is divided by its root mean square over the chunk: scales along both axes
    /// (KVarN, arXiv 2606.03458).
    /// </summary>
    TwoAxis,
}

/// <summary>How many outliers a vector of m elements has at each end.</summary>
public enum KvOutlierCount
{
    /// <summary>⌊m · sparsity / 2⌋, which is none for short vectors.</summary>
    Floor,
    /// <summary>The same, but at least one.</summary>
    AtLeastOne,
}

/// <summary>How the factors of the low-rank part are stored.</summary>
public enum KvFactorType
{
    /// <summary>IEEE binary16.</summary>
    F16,
    /// <summary>Signed bytes with an F16 scale for each column.</summary>
    I8,
}

/// <summary>How minima and scales of groups are stored.</summary>
public enum KvScaleType
{
    /// <summary>IEEE binary16.</summary>
    F16,
    /// <summary>
    /// Bytes between the smallest and the largest of a head's, which are F16; minima are rounded down and scales up, so that codes still
    /// reach every element. Scales that all heads share stay F16.
    /// </summary>
    I8,
}

/// <summary>How the minimum and the scale of a group are found.</summary>
public enum KvRange
{
    /// <summary>From its smallest to its largest element.</summary>
    MinMax,
    /// <summary>By least squares over the codes, beginning with <see cref="MinMax"/>: smaller mean error, larger greatest error.</summary>
    Fitted,
}

/// <summary>
/// How the keys and values of a chunk of tokens are compressed: X ≈ scale · code + minimum + A Bᵀ + S, with a backbone of codes, for each
/// head a product of two thin factors, and outliers that are exact.
/// </summary>
/// <remarks>
/// Kang et al., GEAR (arXiv 2403.05527), version 4; without factors and outliers it is KIVI (arXiv 2402.02750), KCVT or a cache of blocks.
/// The rank is not here: it may differ from chunk to chunk. A value; equal codecs give equal bytes for equal tokens.
/// </remarks>
public sealed record KvCodec
{
    /// <summary>Which elements share a scale.</summary>
    public KvBackbone Backbone { get; init; } = KvBackbone.Kivi;
    /// <summary>Bits of a key's code, 2 to 8.</summary>
    public int KeyBits { get; init; } = 4;
    /// <summary>
    /// Whether a channel of a chunk's keys has bits by its range: <see cref="KeyBits"/> is then their mean over the channels of a head,
    /// and each has 1 to 8. A bit goes where it lowers the squared error most. Only where keys have scales by channel, and for
    /// chunks of a multiple of 32 tokens.
    /// </summary>
    public bool KeyBitsByRange { get; init; }
    /// <summary>
    /// How much an error of each channel counts, and how many bits each head has, where <see cref="KeyBitsByRange"/> is set; null where all
    /// count alike. Of one layer.
    /// </summary>
    public KvKeyWeights? KeyWeights { get; init; }
    /// <summary>Bits of a value's code, 2 to 8.</summary>
    public int ValueBits { get; init; } = 4;
    /// <summary>
    /// Elements of a group where <see cref="Backbone"/> has groups, 1 to 4,096, 64 by default; along channels the largest divisor of the
    /// head dimension that is no larger and whose codes of values fill whole 32-bit words, or the head dimension.
    /// </summary>
    public int GroupSize { get; init; } = 64;
    /// <summary>Share of the elements that are kept as outliers, half at each end; 0, the default, for none, at most 0.5.</summary>
    public double Sparsity { get; init; }
    /// <summary>How outliers of keys are counted.</summary>
    public KvOutlierCount KeyOutliers { get; init; } = KvOutlierCount.AtLeastOne;
    /// <summary>How outliers of values are counted.</summary>
    public KvOutlierCount ValueOutliers { get; init; } = KvOutlierCount.Floor;
    /// <summary>Loops of the power iteration that finds the factors; 1 to 64, 3 by default.</summary>
    public int Loops { get; init; } = 3;
    /// <summary>How the factors are stored.</summary>
    public KvFactorType Factors { get; init; } = KvFactorType.F16;
    /// <summary>How minima and scales are stored.</summary>
    public KvScaleType Scales { get; init; } = KvScaleType.F16;
    /// <summary>
    /// Whether the factors are those of the tokens, and codes those of what factors leave, instead of the other way round. Outliers are
    /// chosen first either way. A rotation of the tokens rotates what is left alike.
    /// </summary>
    public bool FactorsFirst { get; init; }
    /// <summary>
    /// Whether the columns of the factors become singular vectors whose values are shrunk by what noise adds to them, so that a head has as
    /// many columns as are above the noise and zeros after them (Gavish and Donoho, Optimal shrinkage of singular values, 2017).
    /// </summary>
    public bool ShrinkFactors { get; init; }
    /// <summary>How scales of keys are found.</summary>
    public KvRange KeyRange { get; init; } = KvRange.MinMax;
    /// <summary>How scales of values are found.</summary>
    public KvRange ValueRange { get; init; } = KvRange.MinMax;
    /// <summary>Names the random start of the power iteration.</summary>
    public ulong Seed { get; init; }

    /// <summary>Blocks of 32 channels with 8-bit codes and an F16 scale, for keys and values.</summary>
    public static KvCodec Q8 { get; } = new() { Backbone = KvBackbone.Symmetric, KeyBits = 8, ValueBits = 8, GroupSize = 32 };
    /// <summary>Blocks of 32 channels with 4-bit codes and an F16 scale, for keys and values.</summary>
    public static KvCodec Q4 { get; } = new() { Backbone = KvBackbone.Symmetric, KeyBits = 4, ValueBits = 4, GroupSize = 32 };

    /// <summary>Where everything of a chunk lies, and how many bytes it takes.</summary>
    /// <param name="kvHeads">KV heads.</param>
    /// <param name="headDim">Elements of a head.</param>
    /// <param name="tokens">Tokens of the chunk, 1 to 4096.</param>
    /// <param name="rank">Columns of the factors; 0 for none. At most 16.</param>
    /// <param name="exact">The first tokens of the chunk that are also kept as they are, in F16, and are read from there.</param>
    /// <exception cref="ArgumentException">The codec or the sizes are out of range.</exception>
    public KvChunkLayout Layout(int kvHeads, int headDim, int tokens, int rank = 0, int exact = 0) =>
        new(this, kvHeads, headDim, tokens, rank, exact);
}
