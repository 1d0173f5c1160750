namespace Coppice.Kernels;

/// <summary>Sizes of the keys, or of the values, of a compressed chunk.</summary>
internal sealed class KvPartLayout
{
    internal KvPartLayout(KvCodec codec, bool isKeys, int kvHeads, int headDim, int tokens, int exact)
    {
        IsKeys = isKeys;
        Bits = isKeys ? codec.KeyBits : codec.ValueBits;
        Range = isKeys ? codec.KeyRange : codec.ValueRange;
        Runs = isKeys ? headDim : tokens;
        RunLength = isKeys ? tokens : headDim;
        AlongTokens = isKeys && codec.Backbone is not (KvBackbone.PerToken or KvBackbone.Symmetric or KvBackbone.TwoAxis);
        HasMinimum = codec.Backbone != KvBackbone.Symmetric;
        IsShared = !isKeys && codec.Backbone == KvBackbone.Kcvt;
        GroupSize = AlongTokens
            ? codec.Backbone == KvBackbone.Kivi ? Math.Min(codec.GroupSize, tokens) : tokens
            : codec.Backbone is KvBackbone.Kcvt or KvBackbone.KcvtHeads ? headDim
            : LargestDivisor(headDim, codec.GroupSize, fillsWordsOf: isKeys ? 0 : Bits);
        Groups = AlongTokens ? (tokens + GroupSize - 1) / GroupSize : headDim / GroupSize;
        for (var plane = 0; plane < KvChunkLayout.Planes(Bits); plane++)
        {
            var width = KvChunkLayout.PlaneBits(Bits, plane);
            // A word then never holds codes of two groups. Groups across the run's direction do not meet this.
            Require.That(AlongTokens != isKeys || Groups == 1 || GroupSize * width % 32 == 0, "kv_codec",
                $"a group of {GroupSize} codes must fill whole 32-bit words of {width} bits");
        }
        ByRange = isKeys && codec.KeyBitsByRange;
        Require.That(!ByRange || (AlongTokens && tokens % 32 == 0), "kv_codec",
            $"widths by range need scales by channel and a multiple of 32 tokens, got {codec.Backbone} and {tokens} tokens");
        if (ByRange && codec.KeyWeights is { } weights)
        {
            Require.That(weights.Heads == kvHeads && weights.Channels == kvHeads * headDim, "kv_codec",
                $"weights must be of {kvHeads} heads of {headDim}, got {weights.Heads} heads and {weights.Channels} channels");
            Require.That(weights.AllBits == Bits * kvHeads * headDim, "kv_codec",
                $"heads must have {Bits * kvHeads * headDim} bits in all, got {weights.AllBits}");
            Weights = weights;
        }
        CodeBytes = ByRange ? kvHeads * headDim * (Bits * tokens / 8) : kvHeads * Runs * RunBytes(Bits, RunLength);
        WidthBytes = ByRange ? kvHeads * HeadWidthBytes(headDim) : 0;
        HeadScales = Groups * (AlongTokens ? headDim : tokens);
        ScaleCount = IsShared ? tokens : kvHeads * HeadScales;
        ScalesAreBytes = codec.Scales == KvScaleType.I8 && !IsShared;
        var kinds = HasMinimum ? 2 : 1;
        GroupBytes = ScalesAreBytes ? kvHeads * BoundBytes + (kinds * ScaleCount + 3) / 4 * 4 : ScaleCount * kinds * 2;
        HasChannelScales = codec.Backbone == KvBackbone.TwoAxis;
        ScaleBytes = GroupBytes + (HasChannelScales ? kvHeads * headDim * 2 : 0);

        var policy = isKeys ? codec.KeyOutliers : codec.ValueOutliers;
        OutlierVectors = AlongTokens ? kvHeads * headDim : tokens;
        var length = AlongTokens ? tokens - exact : kvHeads * headDim;
        Outliers = OutlierCount(codec.Sparsity, length, policy);
        OutlierBytes = OutlierVectors * 2 * Outliers * 4;
    }

    /// <summary>Whether these are the keys.</summary>
    internal bool IsKeys { get; }
    /// <summary>Bits of a code.</summary>
    internal int Bits { get; }
    /// <summary>How scales are found.</summary>
    internal KvRange Range { get; }
    /// <summary>Runs of codes of a head: channels of keys, tokens of values.</summary>
    internal int Runs { get; }
    /// <summary>Codes of a run: tokens of keys, channels of values.</summary>
    internal int RunLength { get; }
    /// <summary>
    /// Whether each run has a width of its own. Then a head's runs lie one after another, each as its planes, instead of plane after plane.
    /// </summary>
    internal bool ByRange { get; }
    /// <summary>What channels are worth, where widths follow that too.</summary>
    internal KvKeyWeights? Weights { get; }

    /// <summary>Bits of the codes of a token of a head, where <see cref="ByRange"/>.</summary>
    internal int HeadBits(int head) => Weights?.Bits(head) ?? Bits * Runs;

    /// <summary>Bytes of codes before those of a head, where <see cref="ByRange"/>.</summary>
    internal int BytesBefore(int head)
    {
        if (Weights is null) return head * Runs * (Bits * RunLength / 8);
        var bits = 0;
        for (var earlier = 0; earlier < head; earlier++) bits += Weights.Bits(earlier);
        return bits * (RunLength / 8);
    }

    /// <summary>Bytes of the widths: [kvHeads][headDim] half bytes, those of a head in whole 32-bit words, the lower half first.</summary>
    internal int WidthBytes { get; }
    /// <summary>Whether a group is consecutive tokens of a channel; else it is consecutive channels of a token.</summary>
    internal bool AlongTokens { get; }
    /// <summary>Whether groups have a minimum beside the scale.</summary>
    internal bool HasMinimum { get; }
    /// <summary>Whether all heads share the scale of a token.</summary>
    internal bool IsShared { get; }
    /// <summary>Elements of a group in one head.</summary>
    internal int GroupSize { get; }
    /// <summary>
    /// Groups side by side. Scales are [kvHeads][groups][headDim] where <see cref="AlongTokens"/>, else [kvHeads][groups][tokens]; where
    /// <see cref="IsShared"/> [tokens].
    /// </summary>
    internal int Groups { get; }
    /// <summary>Scales of a head.</summary>
    internal int HeadScales { get; }
    /// <summary>
    /// Whether minima and scales are bytes. Then <see cref="BoundBytes"/> for each head come first: the F16 that byte 0 of its minima
    /// stands for, what a step adds, and the same of its scales; padding to 4 bytes comes last.
    /// </summary>
    internal bool ScalesAreBytes { get; }
    /// <summary>Bytes that say what the bytes of a head's minima and scales stand for.</summary>
    internal const int BoundBytes = 8;
    /// <summary>Bytes of minima and scales of groups.</summary>
    internal int GroupBytes { get; }
    /// <summary>
    /// Whether each channel has a scale, F16 [kvHeads][headDim] after those of groups, by which tokens are divided first.
    /// </summary>
    internal bool HasChannelScales { get; }
    /// <summary>Scales in all.</summary>
    internal int ScaleCount { get; }
    /// <summary>Bytes of codes.</summary>
    internal int CodeBytes { get; }
    /// <summary>Bytes of minima and scales, those of channels among them.</summary>
    internal int ScaleBytes { get; }
    /// <summary>Vectors that have outliers of their own: channels of keys, or tokens over all heads.</summary>
    internal int OutlierVectors { get; }
    /// <summary>Outliers of a vector at each end.</summary>
    internal int Outliers { get; }
    /// <summary>Bytes of outliers: a 16-bit position and an F16 each.</summary>
    internal int OutlierBytes { get; }

    /// <summary>Bytes of the widths of a head.</summary>
    internal static int HeadWidthBytes(int headDim) => (headDim + 7) / 8 * 4;

    /// <summary>Bytes of a run of <paramref name="length"/> codes, all planes together.</summary>
    internal static int RunBytes(int bits, int length)
    {
        var words = 0;
        for (var plane = 0; plane < KvChunkLayout.Planes(bits); plane++)
            words += KvChunkLayout.Words(length, KvChunkLayout.PlaneBits(bits, plane));
        return 4 * words;
    }

    /// <summary>Outliers at each end of a vector of <paramref name="length"/> elements; both ends together never exceed it.</summary>
    internal static int OutlierCount(double sparsity, int length, KvOutlierCount policy)
    {
        if (sparsity == 0) return 0;
        // A product that is a whole number but for rounding counts as that number.
        var floor = (int)Math.Floor(length * sparsity / 2 + 1e-9);
        var count = policy == KvOutlierCount.AtLeastOne ? Math.Max(floor, 1) : floor;
        return Math.Min(count, length / 2);
    }

    /// <summary>
    /// The largest divisor of <paramref name="number"/> that is at most <paramref name="most"/>, and of which as many codes of
    /// <paramref name="fillsWordsOf"/> bits fill whole words in every plane; the number itself where there is none.
    /// </summary>
    private static int LargestDivisor(int number, int most, int fillsWordsOf)
    {
        for (var divisor = Math.Min(number, most); divisor > 0; divisor--)
        {
            // The narrowest plane is the lowest bit that is set.
            var narrowest = fillsWordsOf & -fillsWordsOf;
            if (number % divisor == 0 && (divisor == number || divisor * narrowest % 32 == 0)) return divisor;
        }
        return number;
    }
}
