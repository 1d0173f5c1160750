using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>y = x Wᵀ over panels: one row streams the weights, more rows go through packed activations and register tiles. Work splits by panels, never by k.</summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Rows of a full register tile: 8 x 2 panels take 16 of 32 registers of 512 bits; 6 x 1 take 12 of 16 registers of 256 bits.</summary>
    private static int RowTile => typeof(TLanes) == typeof(Lanes512) ? 8 : 6;
    /// <summary>Panels of one register tile.</summary>
    private static int PanelTile => typeof(TLanes) == typeof(Lanes512) ? 2 : 1;

    /// <summary>Rows whose accumulators stay in the L2 cache together: 96 x 128 F32 is 48 KB. A multiple of both full tiles.</summary>
    private const int RowBlock = 96;
    /// <summary>Pairs of k between two stores of the accumulators: 768 k of a 128-output group is 196 KB of 16-bit weights.</summary>
    private const int PairBlock = 384;
    /// <summary>Most panels that one part takes at a time.</summary>
    private const int GroupPanels = 8;

    /// <summary>Rows of the next tile where <paramref name="left"/> rows are left: full, or the smaller height that wastes least.</summary>
    private static int TileHeight(int left) => left switch
    {
        <= 2 => 2,
        <= 4 => 4,
        7 or 8 => RowTile == 8 ? 8 : 4,
        _ => RowTile,
    };

    /// <summary>Rows of packed x, the last tile's padding included.</summary>
    private static int PackedRows(int rows)
    {
        var packed = 0;
        while (packed < rows) packed += TileHeight(rows - packed);
        return packed;
    }

    private Job? _matMulF32, _matMulF16, _matMulBF16;
    private PackJob? _pack;

    protected override void MatMulCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y)
    {
        var w = (PanelMatrix)weight;
        switch (w.Format)
        {
            case ElementType.F32: MatMul<F32Panels<TLanes>>(ref _matMulF32, x, w, bias, y); break;
            case ElementType.F16: MatMul<F16Panels<TLanes>>(ref _matMulF16, x, w, bias, y); break;
            default: MatMul<BF16Panels<TLanes>>(ref _matMulBF16, x, w, bias, y); break;
        }
    }

    private void MatMul<TFormat>(ref Job? job, in Tensor x, PanelMatrix w, in Tensor bias, in Tensor y) where TFormat : struct, IPanelFormat<TLanes>
    {
        var matMul = (MatMulJob<TFormat>)(job ??= new MatMulJob<TFormat>());
        var (rows, k) = (x.Rows, 2 * w.Pairs);
        var packedRows = rows == 1 ? 0 : PackedRows(rows);
        var packed = packedRows > 0 ? (long)packedRows * k : k == w.Inputs ? 0 : k;
        packed = (packed + 15) / 16 * 16;
        var accumulators = (packedRows == 0 ? 1 : Math.Min(packedRows, RowBlock)) * GroupPanels * Lanes;
        var scratch = _scratch.Get((packed + (long)accumulators * Threads) * sizeof(float));
        if (packedRows > 0) Pack(x, k, scratch);
        else if (packed > 0) PackRow(Row(x, 0), w.Inputs, scratch);
        matMul.Set(packed > 0 ? scratch : Row(x, 0), w, bias.IsEmpty ? null : Row(bias, 0), y, scratch + packed, accumulators);
        // One row is bound by memory: parts as large as balance allows. More rows are bound by arithmetic: several parts a thread.
        matMul.Parts = Threads == 1 ? 1 : Math.Clamp(w.Panels / PanelTile, 1, Threads * (rows < 16 ? 4 : 8));
        _team.Run(matMul, matMul.Parts);
    }

    private static void PackRow(float* x, int inputs, float* packed)
    {
        new ReadOnlySpan<float>(x, inputs).CopyTo(new Span<float>(packed, inputs));
        packed[inputs] = 0f;
    }

    private void Pack(in Tensor x, int k, float* packed)
    {
        var pack = _pack ??= new PackJob();
        pack.Set(x, k, packed);
        var parts = (x.Rows + RowBlock - 1) / RowBlock;
        _team.Run(pack, parts);
    }

    /// <summary>Rows of x, a tile at a time, as [k][tile rows], so that a step of the inner loop reads one cache line; rows and inputs that are not there are zeros.</summary>
    private sealed class PackJob : Job
    {
        private float* _x, _packed;
        private int _rows, _inputs, _stride, _k;

        internal void Set(in Tensor x, int k, float* packed)
        {
            _x = Row(x, 0);
            _packed = packed;
            (_rows, _inputs, _stride, _k) = (x.Rows, x.Shape.RowLength, x.RowStride, k);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        internal override void Execute(int block, int worker)
        {
            var end = Math.Min((block + 1) * RowBlock, _rows);
            for (var row = block * RowBlock; row < end;)
            {
                var height = TileHeight(end - row);
                var destination = _packed + (long)row * _k;
                var r = 0;
                for (; r + 4 <= Math.Min(height, end - row); r += 4) FourRows(_x + (long)(row + r) * _stride, destination + r, height);
                for (; r < height; r++)
                {
                    var source = _x + (long)(row + r) * _stride;
                    var inputs = row + r < end ? _inputs : 0;
                    for (var i = 0; i < inputs; i++) destination[i * height + r] = source[i];
                    for (var i = inputs; i < _k; i++) destination[i * height + r] = 0f;
                }
                row += height;
            }
        }

        /// <summary>Four rows, transposed four by four: one 16-byte store for each k.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void FourRows(float* x0, float* destination, int height)
        {
            float* x1 = x0 + _stride, x2 = x1 + _stride, x3 = x2 + _stride;
            var (i, inputs) = (0, _inputs);
            if (Sse.IsSupported)
                for (; i <= inputs - 4; i += 4)
                {
                    Vector128<float> a = Vector128.Load(x0 + i), b = Vector128.Load(x1 + i), c = Vector128.Load(x2 + i), d = Vector128.Load(x3 + i);
                    Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d);
                    Sse.MoveLowToHigh(ab, cd).Store(destination + i * height);
                    Sse.MoveHighToLow(cd, ab).Store(destination + (i + 1) * height);
                    (ab, cd) = (Sse.UnpackHigh(a, b), Sse.UnpackHigh(c, d));
                    Sse.MoveLowToHigh(ab, cd).Store(destination + (i + 2) * height);
                    Sse.MoveHighToLow(cd, ab).Store(destination + (i + 3) * height);
                }
            for (; i < inputs; i++) Vector128.Create(x0[i], x1[i], x2[i], x3[i]).Store(destination + i * height);
            if (inputs < _k) Vector128<float>.Zero.Store(destination + inputs * height);
        }
    }

    private sealed class MatMulJob<TFormat> : Job where TFormat : struct, IPanelFormat<TLanes>
    {
        private PanelMatrix _weight = null!;
        private float* _x, _bias, _y, _accumulators;
        private int _rows, _outputs, _yStride, _accumulatorCount;

        private readonly nint _alias = 0;

        internal int Parts { get; set; }

        internal void Set(float* x, PanelMatrix weight, float* bias, in Tensor y, float* accumulators, int accumulatorCount)
        {
            _x = x;
            _bias = bias;
            _y = Row(y, 0);
            _accumulators = accumulators;
            (_weight, _accumulatorCount) = (weight, accumulatorCount);
            (_rows, _outputs, _yStride) = (y.Rows, weight.Outputs, y.RowStride);
        }

        internal override void Execute(int part, int worker)
        {
            var groups = (_weight.Panels + PanelTile - 1) / PanelTile;
            var first = (int)((long)groups * part / Parts) * PanelTile;
            var end = Math.Min((int)((long)groups * (part + 1) / Parts) * PanelTile, _weight.Panels);
            var accumulators = _accumulators + (long)worker * _accumulatorCount;
            for (var panel = first; panel < end; panel += GroupPanels)
            {
                var panels = Math.Min(GroupPanels, end - panel);
                if (_rows == 1) OneRow(panel, panels, accumulators);
                else
                    for (var row = 0; row < _rows; row += RowBlock) Block(panel, panels, row, Math.Min(RowBlock, _rows - row), accumulators);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void OneRow(int panel, int panels, float* sums)
        {
            var bytes = _weight.PanelBytes;
            for (var p = 0; p < panels;)
            {
                var source = _weight.Panel(panel + p);
                if (panels - p >= 4) { Row1x4<TFormat>(_x, source, bytes, _weight.Pairs, sums + p * Lanes); p += 4; }
                else if (panels - p >= 2) { Row1x2<TFormat>(_x, source, bytes, _weight.Pairs, sums + p * Lanes); p += 2; }
                else { Row1x1<TFormat>(_x, source, bytes, _weight.Pairs, sums + p * Lanes); p++; }
            }
            Finish(sums, panel * Lanes, Math.Min(panels * Lanes, _outputs - panel * Lanes), _y);
        }

        /// <summary>Up to 96 rows by up to 128 outputs, blocked over k so that the weights of a group stay in the L2 cache.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Block(int panel, int panels, int firstRow, int rows, float* sums)
        {
            for (var pair = 0; pair < _weight.Pairs; pair += PairBlock)
            {
                var pairs = Math.Min(PairBlock, _weight.Pairs - pair);
                var last = pair + pairs == _weight.Pairs;
                for (var row = 0; row < rows;)
                {
                    var height = TileHeight(rows - row);
                    var x = _x + (long)(firstRow + row) * 2 * _weight.Pairs + (long)pair * 2 * height;
                    for (var p = 0; p < panels; p += PanelTile)
                    {
                        var w = _weight.Panel(panel + p) + (long)pair * TFormat.PairBytes;
                        var c = sums + row * GroupPanels * Lanes + p * height * Lanes;
                        var output = (panel + p) * Lanes;
                        var y = _y + (long)(firstRow + row) * _yStride + output;
                        // The last block of a whole tile goes straight to y; all else by way of the accumulators' memory.
                        var direct = last && _bias is null && height <= rows - row && output + PanelTile * Lanes <= _outputs;
                        Tile(height, x, w, p + 1 < panels ? w + _weight.PanelBytes : w, pairs, pair == 0 ? null : c, direct ? y : c, direct ? _yStride : PanelTile * Lanes, _alias);
                        if (last && !direct)
                            for (var r = 0; r < height && row + r < rows; r++)
                                Finish(c + r * PanelTile * Lanes, output, Math.Min(PanelTile * Lanes, _outputs - output), _y + (long)(firstRow + row + r) * _yStride);
                    }
                    row += height;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Tile(int height, float* x, byte* w0, byte* w1, int pairs, float* c, float* y, int apart, nint alias)
        {
            if (PanelTile == 2)
            {
                if (height == 8) Tile8x2<TFormat>(x, w0, w1, pairs, c, y, apart, alias);
                else if (height == 4) Tile4x2<TFormat>(x, w0, w1, pairs, c, y, apart, alias);
                else Tile2x2<TFormat>(x, w0, w1, pairs, c, y, apart, alias);
            }
            else if (height == 6) Tile6x1<TFormat>(x, w0, pairs, c, y, apart, alias);
            else if (height == 4) Tile4x1<TFormat>(x, w0, pairs, c, y, apart, alias);
            else Tile2x1<TFormat>(x, w0, pairs, c, y, apart, alias);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Finish(float* sums, int output, int count, float* y)
        {
            if (_bias is null) new ReadOnlySpan<float>(sums, count).CopyTo(new Span<float>(y + output, count));
            else
                for (var i = 0; i < count; i++) y[output + i] = sums[i] + _bias[output + i];
        }
    }
}
