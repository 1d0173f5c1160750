using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>How blocks of 64 positions are compressed, and what they take in every layer.</summary>
/// <remarks>
/// A block is one chunk. Which blocks a row sees compressed depends on its position alone (canonical): those that end at least
/// <see cref="Delay"/> positions before it. Rows of a token tree are at most that deep, so a block that one of them sees compressed is
/// committed; hence decoding, trees, and prompts however they are cut see the same.
/// </remarks>
internal sealed class KvChunkFormat
{
    /// <summary>
    /// Positions by which a row must be past the end of a block to see it compressed: one more than the depth of the deepest node of a
    /// token tree, so that neither a node nor the row after it sees anything compressed that is not committed.
    /// </summary>
    public const int Delay = 32;

    private readonly KvChunkLayout[][] _layouts;        // by layer, or one for all

    /// <summary>Numbers of a state of attention besides the output: the largest score, and the sum of weights.</summary>
    public const int StateScalars = 2;

    /// <summary>The format of <paramref name="compression"/> for a model with such keys and values.</summary>
    /// <param name="compression">How.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="passRows">Rows of one sequence in a pass, at most.</param>
    /// <exception cref="ArgumentException">The codec does not suit the sizes.</exception>
    public KvChunkFormat(KvCompression compression, KvGeometry geometry, int passRows)
    {
        (Compression, Geometry, PassRows) = (compression, geometry, passRows);
        if (compression.Calibration is not { } known)
        {
            _layouts = [Both(compression.Codec)];
            return;
        }
        if ((known.Layers, known.KvHeads, known.HeadDim) != (geometry.Layers, geometry.KvHeads, geometry.HeadDim))
            throw new ArgumentException(
                $"cache: the calibration must be of {geometry.Layers} layers with {geometry.KvHeads} heads of {geometry.HeadDim}, got "
                + $"{known.Layers} with {known.KvHeads} of {known.HeadDim} (calibrate with this model).");
        _layouts =
        [
            .. Enumerable.Range(0, geometry.Layers).Select(layer =>
                Both(compression.Codec with { KeyWeights = known.OfLayer(layer, compression.Codec.KeyBits) })),
        ];
    }

    /// <summary>How keys and values are compressed.</summary>
    public KvCompression Compression { get; }
    /// <summary>Sizes of keys and values, and how recent ones are kept.</summary>
    public KvGeometry Geometry { get; }
    /// <summary>Rows of one sequence in a pass, at most.</summary>
    public int PassRows { get; }
    /// <summary>
    /// Layouts of a layer's block, and of the first one of a sequence, which has exact tokens; of the same sizes in all layers.
    /// </summary>
    public KvChunkLayout[] Layouts(int layer) => _layouts[Math.Min(layer, _layouts.Length - 1)];

    /// <summary>Pages of exact keys and values that one sequence needs in a pass, and one for a copy.</summary>
    public int PassPages => KvLayout.Pages(Delay + KvLayout.PageSize - 1 + PassRows) + 2;

    /// <summary>Layout of a layer's block, or of the first one of a sequence.</summary>
    public KvChunkLayout Layout(bool isFirst, int layer = 0) => Layouts(layer)[isFirst ? 1 : 0];

    /// <summary>Bytes of a block in all layers.</summary>
    public long Bytes(bool isFirst) => (long)Geometry.Layers * Layout(isFirst).StoredBytes;

    /// <summary>The first block that a row at <paramref name="position"/> sees as it is.</summary>
    public static int FirstExact(int position) => Math.Max(position - Delay, 0) / KvLayout.PageSize;

    /// <summary>
    /// Committed positions after the end of a block at which the chunk of <paramref name="layer"/> is made: spread over the layers, so that
    /// no step of decoding compresses a block in all of them, and done in all before it is seen.
    /// </summary>
    public int Offset(int layer) => layer * Delay / Geometry.Layers;

    /// <summary>
    /// Bytes that <paramref name="length"/> tokens occupy: chunks of the blocks that are compressed by then, and exact pages.
    /// </summary>
    public long SequenceBytes(int length)
    {
        var compressed = FirstExact(length);
        var chunks = compressed == 0 ? 0 : Bytes(isFirst: true) + (compressed - 1) * Bytes(isFirst: false);
        return chunks + Geometry.Bytes(KvLayout.Pages(length) - compressed);
    }

    private KvChunkLayout[] Both(KvCodec codec) =>
    [
        codec.Layout(Geometry.KvHeads, Geometry.HeadDim, KvLayout.PageSize, Compression.Rank),
        codec.Layout(Geometry.KvHeads, Geometry.HeadDim, KvLayout.PageSize, Compression.Rank, Compression.SinkTokens),
    ];
}
