using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

/// <summary>Compressed chunks of one sequence in device memory: see <see cref="CompressedKv"/>.</summary>
internal readonly struct DeviceChunks(
    ArrayView<byte> bytes, ArrayView<ushort> halves, ArrayView<int> table, ArrayView<int> layouts, int kvHeads, int blocksPerChunk)
{
    private readonly ArrayView<byte> _bytes = bytes;
    private readonly ArrayView<ushort> _halves = halves;
    private readonly ArrayView<int> _table = table;
    private readonly ArrayView<int> _layouts = layouts;
    private readonly int _kvHeads = kvHeads, _blocksPerChunk = blocksPerChunk;

    /// <summary>KV heads of every chunk.</summary>
    internal int KvHeads => _kvHeads;

    /// <summary>One head of 64 tokens of a chunk, or of those that are left of it.</summary>
    internal DeviceChunkPart Part(int block, int head)
    {
        var (entry, first) = (block / _blocksPerChunk * 4, block % _blocksPerChunk * KvLayout.PageSize);
        return new DeviceChunkPart(_bytes, _halves, _layouts, _table[entry + 2] * DeviceLayout.Words(_kvHeads),
            (long)_table[entry] * KvChunkLayout.Unit, _table[entry + 1], head, first);
    }
}

/// <summary>What kernels know of a <see cref="KvChunkLayout"/>: numbers, one after another.</summary>
internal static class DeviceLayout
{
    internal const int HeadDim = 0, KvHeads = 1, Tokens = 2, Exact = 3, Rank = 4, FactorsAreBytes = 5, Widths = 6, ExactRows = 7;
    /// <summary>Where the numbers of keys begin, and those of values.</summary>
    internal const int Keys = 8, Values = 24;
    /// <summary>From where a side begins.</summary>
    internal const int Bits = 0, Codes = 1, AlongTokens = 2, HasMinimum = 3, IsShared = 4, GroupSize = 5, Groups = 6, ScaleCount = 7,
        ScalesAreBytes = 8, Scales = 9, ChannelScales = 10, Outliers = 11, Positions = 12, Vectors = 13, Factors = 14, ByRange = 15;
    /// <summary>Bytes of codes before those of each head, and after the last, where widths differ.</summary>
    internal const int Before = 40;

    /// <summary>Numbers of a layout.</summary>
    internal static int Words(int kvHeads) => Before + kvHeads + 1;

    /// <summary>The numbers of <paramref name="layout"/>.</summary>
    internal static void Describe(KvChunkLayout layout, Span<int> words)
    {
        words.Clear();
        (words[HeadDim], words[KvHeads], words[Tokens], words[Exact]) = (layout.HeadDim, layout.KvHeads, layout.Tokens, layout.Exact);
        (words[Rank], words[FactorsAreBytes]) = (layout.Rank, layout.Codec.Factors == KvFactorType.I8 ? 1 : 0);
        (words[Widths], words[ExactRows]) = (layout.KeyWidths, layout.ExactRows);
        Describe(layout.Keys, layout.KeyCodes, layout.KeyScales, layout.KeyOutliers, layout.KeyFactors, words[Keys..]);
        Describe(layout.Values, layout.ValueCodes, layout.ValueScales, layout.ValueOutliers, layout.ValueFactors, words[Values..]);
        for (var head = 0; layout.Keys.ByRange && head <= layout.KvHeads; head++) words[Before + head] = layout.Keys.BytesBefore(head);
    }

    private static void Describe(KvPartLayout side, int codes, int scales, int outliers, int factors, Span<int> words)
    {
        (words[Bits], words[Codes], words[GroupSize], words[Groups]) = (side.Bits, codes, side.GroupSize, side.Groups);
        (words[AlongTokens], words[HasMinimum], words[IsShared]) =
            (side.AlongTokens ? 1 : 0, side.HasMinimum ? 1 : 0, side.IsShared ? 1 : 0);
        (words[ScaleCount], words[ScalesAreBytes], words[Scales]) = (side.ScaleCount, side.ScalesAreBytes ? 1 : 0, scales);
        words[ChannelScales] = side.HasChannelScales ? scales + side.GroupBytes : 0;
        (words[Outliers], words[Positions], words[Vectors]) = (2 * side.Outliers, outliers, side.OutlierVectors);
        (words[Factors], words[ByRange]) = (factors, side.ByRange ? 1 : 0);
    }
}

/// <summary>Reads the parts of one head of a block of a chunk, as they are stored.</summary>
internal readonly struct DeviceChunkPart(
    ArrayView<byte> bytes, ArrayView<ushort> halves, ArrayView<int> layouts, int layout, long at, int position, int head, int first)
{
    private readonly ArrayView<byte> _bytes = bytes;
    private readonly ArrayView<ushort> _halves = halves;
    private readonly ArrayView<int> _layouts = layouts;
    private readonly int _layout = layout, _head = head;
    private readonly long _at = at;

    /// <summary>Position of the chunk's first token, and the block's first token in the chunk.</summary>
    internal readonly int Position = position, First = first;

    internal int HeadDim => Word(DeviceLayout.HeadDim);
    internal int Tokens => Word(DeviceLayout.Tokens);
    internal int Exact => Word(DeviceLayout.Exact);
    internal int Rank => Word(DeviceLayout.Rank);
    /// <summary>Tokens of the block; not above 0 where the chunk has fewer blocks than others.</summary>
    internal int Count => Math.Min(KvLayout.PageSize, Tokens - First);

    private int Word(int index) => _layouts[_layout + index];
    private float Half(long offset) => DeviceF16.Widen(_halves[(_at + offset) / 2]);

    /// <summary>Code of a token and channel of the values, or of keys whose channels have equal widths.</summary>
    internal int Code(int side, int token, int channel)
    {
        var isKeys = side == DeviceLayout.Keys;
        var (run, runs, index, length) = isKeys ? (channel, HeadDim, token, Tokens) : (token, Tokens, channel, HeadDim);
        var heads = Word(DeviceLayout.KvHeads);
        var bits = Word(side + DeviceLayout.Bits);
        var (start, code, shift) = ((long)Word(side + DeviceLayout.Codes), 0, 0);
        for (var width = 8; width > 0; width >>= 1)
        {
            if ((bits & width) == 0) continue;
            var size = (length * width + 31) / 32 * 4;
            code |= Plane(start + ((long)_head * runs + run) * size, index, width) << shift;
            start += (long)heads * runs * size;
            shift += width;
        }
        return code;
    }

    /// <summary>Whether channels of keys have widths of their own.</summary>
    internal bool ByRange => Word(DeviceLayout.Keys + DeviceLayout.ByRange) != 0;
    /// <summary>Where codes of the head's first channel begin then.</summary>
    internal long FirstRun => Word(DeviceLayout.Keys + DeviceLayout.Codes) + Word(DeviceLayout.Before + _head);
    /// <summary>Bits of a token of the head then.</summary>
    internal int HeadBits => (Word(DeviceLayout.Before + _head + 1) - Word(DeviceLayout.Before + _head)) * 8 / Tokens;
    /// <summary>Bits of the codes of a channel then, at most 8.</summary>
    internal int Width(int channel) =>
        Math.Min(_bytes[_at + Word(DeviceLayout.Widths) + (long)_head * ((HeadDim + 7) / 8 * 4) + channel / 2] >> channel % 2 * 4 & 15, 8);

    /// <summary>Code of a token in the run that begins at <paramref name="start"/>.</summary>
    internal int RunCode(long start, int token, int bits)
    {
        var (code, shift) = (0, 0);
        for (var width = 8; width > 0; width >>= 1)
        {
            if ((bits & width) == 0) continue;
            code |= Plane(start, token, width) << shift;
            start += Tokens * width / 8;
            shift += width;
        }
        return code;
    }

    private int Plane(long start, int index, int width)
    {
        var bit = index * width;
        return _bytes[_at + start + bit / 8] >> (bit & 7) & ((1 << width) - 1);
    }

    /// <summary>Scale of a token and channel.</summary>
    internal float Scale(int side, int token, int channel) => Number(side, 1, Index(side, token, channel));

    /// <summary>What code 0 of a token and channel stands for.</summary>
    internal float Minimum(int side, int token, int channel)
    {
        var index = Index(side, token, channel);
        return Word(side + DeviceLayout.HasMinimum) != 0 ? Number(side, 0, index)
            : -(1 << Word(side + DeviceLayout.Bits) - 1) * Number(side, 1, index);
    }

    private int Index(int side, int token, int channel)
    {
        if (Word(side + DeviceLayout.IsShared) != 0) return token;
        var (groups, size) = (Word(side + DeviceLayout.Groups), Word(side + DeviceLayout.GroupSize));
        return Word(side + DeviceLayout.AlongTokens) != 0 ? (_head * groups + token / size) * HeadDim + channel
            : (_head * groups + channel / size) * Tokens + token;
    }

    private float Number(int side, int which, int index)
    {
        var scales = Word(side + DeviceLayout.Scales);
        var before = Word(side + DeviceLayout.HasMinimum) * which * Word(side + DeviceLayout.ScaleCount);
        if (Word(side + DeviceLayout.ScalesAreBytes) == 0) return Half(scales + 2L * (before + index));
        var bounds = scales + _head * KvPartLayout.BoundBytes + 4 * which;
        var place = _bytes[_at + scales + Word(DeviceLayout.KvHeads) * KvPartLayout.BoundBytes + before + index];
        return DeviceMath.FusedMultiplyAdd(Half(bounds + 2), place, Half(bounds));
    }

    /// <summary>Scale of a channel; 1 where channels have none.</summary>
    internal float ChannelScale(int side, int channel)
    {
        var scales = Word(side + DeviceLayout.ChannelScales);
        return scales == 0 ? 1f : Half(scales + 2L * (_head * HeadDim + channel));
    }

    /// <summary>A[token, column].</summary>
    internal float A(int side, int token, int column)
    {
        var rank = Word(DeviceLayout.Rank);
        return Factor(side, (long)(_head * rank + column) * Tokens + token, _head * rank + column);
    }

    /// <summary>B[channel, column].</summary>
    internal float B(int side, int channel, int column)
    {
        var (rank, heads) = (Word(DeviceLayout.Rank), Word(DeviceLayout.KvHeads));
        return Factor(side, (long)heads * rank * Tokens + (long)(_head * rank + column) * HeadDim + channel,
            heads * rank + _head * rank + column);
    }

    private float Factor(int side, long index, int scale)
    {
        var factors = Word(side + DeviceLayout.Factors);
        if (Word(DeviceLayout.FactorsAreBytes) == 0) return Half(factors + 2 * index);
        var bytes = factors + 4L * Word(DeviceLayout.KvHeads) * Word(DeviceLayout.Rank);
        return (sbyte)_bytes[_at + bytes + index] * Half(factors + 2L * scale);
    }

    /// <summary>Outliers of a vector.</summary>
    internal int Outliers(int side) => Word(side + DeviceLayout.Outliers);
    /// <summary>Whether vectors of outliers are channels of the head, whose positions are tokens.</summary>
    internal bool AlongTokens(int side) => Word(side + DeviceLayout.AlongTokens) != 0;

    /// <summary>Position of an outlier of a channel: a token; or of a token: a channel of this head, or beyond it.</summary>
    internal int OutlierPosition(int side, int vector, int index)
    {
        var isAlong = AlongTokens(side);
        var position = _halves[(_at + Word(side + DeviceLayout.Positions)) / 2 + OutlierIndex(side, vector, index)];
        return isAlong ? position : position - _head * HeadDim;
    }

    /// <summary>What an outlier adds.</summary>
    internal float OutlierDelta(int side, int vector, int index) => Half(Word(side + DeviceLayout.Positions)
        + 2L * (Word(side + DeviceLayout.Vectors) * Outliers(side) + OutlierIndex(side, vector, index)));

    private int OutlierIndex(int side, int vector, int index) =>
        (AlongTokens(side) ? _head * HeadDim + vector : vector) * Outliers(side) + index;

    /// <summary>An element of a token that is kept as it is.</summary>
    internal float ExactElement(int side, int token, int channel)
    {
        var row = ((side == DeviceLayout.Keys ? 0 : Word(DeviceLayout.KvHeads)) + _head) * Exact + token;
        return Half(Word(DeviceLayout.ExactRows) + 2L * (row * HeadDim + channel));
    }
}
