using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Assembled;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>
/// y = x Wᵀ over panels: one row streams the weights, more rows go through packed activations and register tiles. Work splits by panels,
/// never by k.
/// </summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>
    /// Rows of a full register tile: 8 x 2 panels take 16 of 32 registers of 512 bits, 6 x 4 take 24; 6 x 1 take 12 of 16 registers of 256
    /// bits.
    /// </summary>
    private static int RowTile => typeof(TLanes) == typeof(Lanes512) ? 8 : 6;
    /// <summary>Panels of one register tile.</summary>
    private static int PanelTile => typeof(TLanes) == typeof(Lanes512) ? 2 : 1;

    /// <summary>Rows whose accumulators stay in the L2 cache together: 96 x 128 F32 is 48 KB. A multiple of both full tiles.</summary>
    private const int RowBlock = 96;
    /// <summary>Pairs of k between two stores of the accumulators: 768 k of a 128-output group is 196 KB of 16-bit weights.</summary>
    private const int PairBlock = 384;
    /// <summary>Panels that one row of x goes through together.</summary>
    private const int RowPanels = 4;
    /// <summary>
    /// Pairs of k whose weights are widened at a time: 384 k of a 128-output group is 196 KB of F32. A whole number of quantisation groups.
    /// </summary>
    private const int ExpandedPairs = 192;
    /// <summary>Rows below which a product is bound by memory more than by arithmetic.</summary>
    private const int FewRows = 16;
    /// <summary>Most panels that one part takes at a time.</summary>
    private const int GroupPanels = 8;

    private PanelJob? _matMulF32, _matMulF16, _matMulBF16, _matMulQ8, _matMulQ4;
    private IntegerJob? _matMulInt8Q8, _matMulInt8Q4;
    private PackJob? _pack;

    protected override void MatMulCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y) => MatMul(x, weight, bias, y, default);

    private void MatMul(in Tensor x, WeightMatrix weight, in Tensor bias, in Tensor y, BestLists best)
    {
        var w = (PanelMatrix)weight;
        if (w.Activations == ActivationFormat.Int8)
        {
            if (w.Format == MatrixFormat.Q8) MatMul(_matMulInt8Q8 ??= new BytesJob(), x, w, bias, y, best);
            else MatMul(_matMulInt8Q4 ??= new NibblesJob(), x, w, bias, y, best);
            return;
        }
        if (w.Activations == ActivationFormat.BF16 && Tier == CpuTier.Assembled && TileKernels.Wait(TileKind.BF16) is { } kernels)
        {
            MatMul(kernels, x, w, bias, y, best);
            return;
        }
        MatMul(w.Format switch
        {
            MatrixFormat.F32 => _matMulF32 ??= new DirectJob<F32Panels<TLanes>>(),
            MatrixFormat.F16 => _matMulF16 ??= new DirectJob<F16Panels<TLanes>>(),
            MatrixFormat.BF16 => _matMulBF16 ??= new DirectJob<BF16Panels<TLanes>>(),
            MatrixFormat.Q8 => _matMulQ8 ??= new CodeJob<Q8Panels<TLanes>>(),
            _ => _matMulQ4 ??= new CodeJob<Q4Panels<TLanes>>(),
        }, x, w, bias, y, best);
    }

    private void MatMul(PanelJob matMul, in Tensor x, PanelMatrix w, in Tensor bias, in Tensor y, BestLists best)
    {
        var (rows, k) = (x.Rows, w.Layout.Inputs);
        var packedRows = rows == 1 ? 0 : matMul.PackedRows(rows);
        var rounds = w.Activations == ActivationFormat.BF16;
        var packed = packedRows > 0 ? (long)packedRows * k : k == w.Inputs && !rounds ? 0 : k;
        if (packed > 0) packed = packed / 16 * 16 + 16;     // a height of 3 is packed by fours, so that one more is written
        var accumulators = (packedRows == 0 ? 1 : Math.Min(packedRows, RowBlock)) * GroupPanels * Lanes;
        var expanded = packedRows > 0 && matMul.Expands(rows) ? GroupPanels * ExpandedPairs * 2 * Lanes : 0;
        var scratch = _scratch.Get((packed + (long)(accumulators + expanded) * Threads) * sizeof(float));
        if (packedRows > 0) Pack(matMul, x, k, rounds, scratch);
        else if (packed > 0) PackRow(Row(x, 0), w.Inputs, k, rounds, scratch);
        matMul.Set(packed > 0 ? scratch : Row(x, 0), w, bias, y, best);
        matMul.SetScratch(scratch + packed, accumulators, expanded);
        matMul.Split(Threads);
        _team.Run(matMul, matMul.Parts);
    }

    private static void PackRow(float* x, int inputs, int padded, bool rounds, float* packed)
    {
        new ReadOnlySpan<float>(x, inputs).CopyTo(new Span<float>(packed, inputs));
        new Span<float>(packed + inputs, padded - inputs).Clear();
        if (rounds) BFloat16.Round(packed, padded);
    }

    private void Pack(PanelJob matMul, in Tensor x, int k, bool rounds, float* packed)
    {
        var pack = _pack ??= new PackJob();
        pack.Set(matMul, x, k, rounds, packed);
        var parts = (x.Rows + RowBlock - 1) / RowBlock;
        _team.Run(pack, parts);
    }

    /// <summary>
    /// Rows of x, a tile at a time, as [k][tile rows], so that a step of the inner loop reads one cache line; rows and inputs that are not
    /// there are zeros.
    /// </summary>
    private sealed class PackJob : Job
    {
        private PanelJob _product = null!;
        private float* _x, _packed;
        private int _rows, _inputs, _stride, _k;
        private bool _rounds;

        internal void Set(PanelJob product, in Tensor x, int k, bool rounds, float* packed)
        {
            _product = product;
            _rounds = rounds;
            _x = Row(x, 0);
            _packed = packed;
            (_rows, _inputs, _stride, _k) = (x.Rows, x.Shape.RowLength, x.RowStride, k);
        }

        [MethodImpl(Compiled.Alone)]
        internal override void Execute(int block, int worker)
        {
            var end = Math.Min((block + 1) * RowBlock, _rows);
            for (var row = block * RowBlock; row < end;)
            {
                var height = _product.TileHeight(end - row);
                var destination = _packed + (long)row * _k;
                // Where there are fewer rows, the last stands in for them: what it gives there is not kept. Of a height of 3, the fourth of
                // each k is overwritten by the next.
                var r = 0;
                for (; r <= height - 3; r += 4)
                    FourRows(At(row + r, end), At(row + r + 1, end), At(row + r + 2, end), At(row + r + 3, end), destination + r, height);
                if (r < height) TwoRows(At(row + r, end), At(row + r + 1, end), destination + r, height);
                if (_rounds) BFloat16.Round(destination, height * _k);
                row += height;
            }
        }

        private float* At(int row, int end) => _x + (long)Math.Min(row, end - 1) * _stride;

        /// <summary>Four rows, transposed four by four: one 16-byte store for each k.</summary>
        [MethodImpl(Compiled.Alone)]
        private void FourRows(float* x0, float* x1, float* x2, float* x3, float* destination, int height)
        {
            var (i, inputs) = (0, _inputs);
            if (Sse.IsSupported)
                for (; i <= inputs - 4; i += 4)
                {
                    Vector128<float> a = Vector128.Load(x0 + i), b = Vector128.Load(x1 + i), c = Vector128.Load(x2 + i),
                        d = Vector128.Load(x3 + i);
                    Vector128<float> ab = Sse.UnpackLow(a, b), cd = Sse.UnpackLow(c, d);
                    Sse.MoveLowToHigh(ab, cd).Store(destination + i * height);
                    Sse.MoveHighToLow(cd, ab).Store(destination + (i + 1) * height);
                    (ab, cd) = (Sse.UnpackHigh(a, b), Sse.UnpackHigh(c, d));
                    Sse.MoveLowToHigh(ab, cd).Store(destination + (i + 2) * height);
                    Sse.MoveHighToLow(cd, ab).Store(destination + (i + 3) * height);
                }
            for (; i < inputs; i++) Vector128.Create(x0[i], x1[i], x2[i], x3[i]).Store(destination + i * height);
            for (; i < _k; i++) Vector128<float>.Zero.Store(destination + i * height);
        }

        /// <summary>Two rows: an 8-byte store for each k.</summary>
        [MethodImpl(Compiled.Alone)]
        private void TwoRows(float* x0, float* x1, float* destination, int height)
        {
            var (i, inputs) = (0, _inputs);
            if (Sse.IsSupported)
                for (; i <= inputs - 4; i += 4)
                {
                    Vector128<float> a = Vector128.Load(x0 + i), b = Vector128.Load(x1 + i);
                    Vector128<float> low = Sse.UnpackLow(a, b), high = Sse.UnpackHigh(a, b);
                    Sse.StoreLow(destination + i * height, low);
                    Sse.StoreHigh(destination + (i + 1) * height, low);
                    Sse.StoreLow(destination + (i + 2) * height, high);
                    Sse.StoreHigh(destination + (i + 3) * height, high);
                }
            for (; i < inputs; i++) (destination[i * height], destination[i * height + 1]) = (x0[i], x1[i]);
            for (; i < _k; i++) (destination[i * height], destination[i * height + 1]) = (0f, 0f);
        }
    }
}
