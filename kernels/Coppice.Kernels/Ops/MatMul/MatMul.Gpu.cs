using Coppice.Kernels.Gpu;
using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>Outputs of a warp of <see cref="MatMulRowKernel"/>: two weight loads for each pair of x loads, and still many warps.</summary>
    private const int RowOutputs = 2;
    /// <summary>Rows and outputs of a warp of <see cref="MatMulTileKernel"/>: 32 sums, all in registers.</summary>
    private const int TileRows = 4, TileOutputs = 8;

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y) =>
        weight.Format.Dispatch(new MatMulCall(this, x, (GpuWeight)weight, bias, y));

    private readonly struct MatMulCall(GpuBackend backend, Tensor x, GpuWeight weight, Tensor bias, Tensor y) : IDeviceElementCall
    {
        public void Run<T>() where T : unmanaged, IDeviceElement<T>
        {
            var aligned = x.ByteOffset % 16 == 0 && x.RowStride % 4 == 0 && weight.Inputs % GpuWeight.Chunk == 0;
            if (aligned) Run<T, AlignedRow>();
            else Run<T, AnyRow>();
        }

        private void Run<T, TRow>() where T : unmanaged, IDeviceElement<T> where TRow : struct, IDeviceRow
        {
            var warps = backend.WarpsPerGroup;
            var offset = new DeviceBias(backend.ViewOrAny<float>(bias), bias.IsEmpty ? 0 : 1);
            if (x.Rows == 1)
            {
                var tiles = (weight.Outputs + RowOutputs - 1) / RowOutputs;
                var config = new KernelConfig((tiles + warps - 1) / warps, warps * backend.WarpSize);
                backend._kernels.Launch(config, MatMulRowKernel<T, TRow>, Rows(x), weight.View<UInt4>(), weight.Chunks, offset, Rows(y));
                return;
            }
            var rowTiles = (x.Rows + TileRows - 1) / TileRows;
            var warpsAlongRows = rowTiles >= warps ? warps : 1;
            var warpsAlongOutputs = warps / warpsAlongRows;
            var outputTiles = (weight.Outputs + TileOutputs - 1) / TileOutputs;
            var grid = new Index3D((outputTiles + warpsAlongOutputs - 1) / warpsAlongOutputs, (rowTiles + warpsAlongRows - 1) / warpsAlongRows, 1);
            backend._kernels.Launch(new KernelConfig(grid, new Index3D(warps * backend.WarpSize, 1, 1)), MatMulTileKernel<T, TRow>,
                Rows(x), x.Rows, weight.View<UInt4>(), weight.Chunks, warpsAlongRows, offset, Rows(y));
        }
    }

    /// <summary>What is added to each output: nothing, or one bias.</summary>
    internal readonly struct DeviceBias(ArrayView<float> view, int present)
    {
        private readonly ArrayView<float> _view = view;
        private readonly int _present = present;

        internal float this[int output] => _present != 0 ? _view[output] : 0f;
    }

    /// <summary>How a lane reads eight activations.</summary>
    internal interface IDeviceRow
    {
        /// <summary>Elements 8 · chunk … + 7 of the row that begins at <paramref name="offset"/>.</summary>
        static abstract Float8 Load8(DeviceRows x, long offset, int chunk);
    }

    /// <summary>Rows that begin at 16-byte boundaries and have whole chunks: two 16-byte loads.</summary>
    internal readonly struct AlignedRow : IDeviceRow
    {
        public static Float8 Load8(DeviceRows x, long offset, int chunk)
        {
            var view = x.View.Cast<Float4>();
            var first = offset / 4 + 2 * chunk;
            return new Float8 { Low = view[first], High = view[first + 1] };
        }
    }

    /// <summary>Any rows: eight loads, zeros behind the end, where the padded weights are zero too.</summary>
    internal readonly struct AnyRow : IDeviceRow
    {
        public static Float8 Load8(DeviceRows x, long offset, int chunk) => new()
        {
            Low = new Float4 { X = Load(x, offset, 8 * chunk), Y = Load(x, offset, 8 * chunk + 1), Z = Load(x, offset, 8 * chunk + 2), W = Load(x, offset, 8 * chunk + 3) },
            High = new Float4 { X = Load(x, offset, 8 * chunk + 4), Y = Load(x, offset, 8 * chunk + 5), Z = Load(x, offset, 8 * chunk + 6), W = Load(x, offset, 8 * chunk + 7) },
        };

        private static float Load(DeviceRows x, long offset, int column) => column < x.Width ? x.View[offset + column] : 0f;
    }

    /// <summary>y[n] = Σ_k x[k] W[n, k] + bias[n] for one row x: a warp computes two outputs.</summary>
    /// <param name="x">[1, inputs].</param>
    /// <param name="weight">[outputs, chunks] chunks of 8 weights.</param>
    /// <param name="chunks">Chunks of a row of W.</param>
    /// <param name="bias">[outputs] or nothing.</param>
    /// <param name="y">[1, outputs].</param>
    /// <remarks>
    /// Lane l multiplies chunks l, l + warpSize, …: a warp reads 512 consecutive bytes of 16-bit weights at a time. Every weight is read once from
    /// memory, x from cache; bound by memory bandwidth. The order of a sum: eight products of a chunk ascending, the lane's chunks
    /// ascending, then the butterfly over lanes. <see cref="MatMulTileKernel"/> keeps the same order, so the number of rows never shows in a result.
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MatMulRowKernel<T, TRow>(DeviceRows x, ArrayView<UInt4> weight, int chunks, DeviceBias bias, DeviceRows y)
        where T : unmanaged, IDeviceElement<T> where TRow : struct, IDeviceRow
    {
        var outputs = y.Width;
        var first = (Grid.IdxX * (Group.DimX / Warp.WarpSize) + Warp.WarpIdx) * RowOutputs;
        if (first >= outputs) return;
        var second = Math.Min(first + 1, outputs - 1);
        var (sum0, sum1) = (0f, 0f);
        for (var chunk = Warp.LaneIdx; chunk < chunks; chunk += Warp.WarpSize)
        {
            var w0 = T.Load8(weight, (long)first * chunks + chunk);
            var w1 = T.Load8(weight, (long)second * chunks + chunk);
            var x0 = TRow.Load8(x, 0, chunk);
            sum0 = Multiply(sum0, x0, w0);
            sum1 = Multiply(sum1, x0, w1);
        }
        sum0 = Reduction.WarpSum(sum0);
        sum1 = Reduction.WarpSum(sum1);
        if (Warp.LaneIdx != 0) return;
        y.View[first] = sum0 + bias[first];
        y.View[second] = sum1 + bias[second];
    }

    /// <summary>y[m, n] = Σ_k x[m, k] W[n, k] + bias[n] for two rows or more: a warp computes a tile of 4 rows and 8 outputs.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y.</param>
    /// <param name="weight">[outputs, chunks] chunks of 8 weights.</param>
    /// <param name="chunks">Chunks of a row of W.</param>
    /// <param name="warpsAlongRows">Warps of a group that share their outputs and differ in rows, so that they find each other's weights in L1.</param>
    /// <param name="bias">[outputs] or nothing.</param>
    /// <param name="y">[rows, outputs].</param>
    /// <remarks>
    /// Lanes split k as in <see cref="MatMulRowKernel"/>, in the same order, so there is nothing to share between lanes and no barrier. For each chunk
    /// a lane loads 8 · 8 weights and 4 · 8 activations and does 256 multiply-adds. Rows and outputs beyond the end repeat the last and are not stored.
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MatMulTileKernel<T, TRow>(
        DeviceRows x, int rows, ArrayView<UInt4> weight, int chunks, int warpsAlongRows, DeviceBias bias, DeviceRows y)
        where T : unmanaged, IDeviceElement<T> where TRow : struct, IDeviceRow
    {
        var last = y.Width - 1;
        var warpsAlongOutputs = Group.DimX / Warp.WarpSize / warpsAlongRows;
        var m = (Grid.IdxY * warpsAlongRows + Warp.WarpIdx % warpsAlongRows) * TileRows;
        var n = (Grid.IdxX * warpsAlongOutputs + Warp.WarpIdx / warpsAlongRows) * TileOutputs;
        if (m >= rows || n > last) return;

        var (from0, from1) = (x.Offset(m), x.Offset(Math.Min(m + 1, rows - 1)));
        var (from2, from3) = (x.Offset(Math.Min(m + 2, rows - 1)), x.Offset(Math.Min(m + 3, rows - 1)));
        Float4 a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        for (var chunk = Warp.LaneIdx; chunk < chunks; chunk += Warp.WarpSize)
        {
            var x0 = TRow.Load8(x, from0, chunk);
            var x1 = TRow.Load8(x, from1, chunk);
            var x2 = TRow.Load8(x, from2, chunk);
            var x3 = TRow.Load8(x, from3, chunk);
            a0 = Multiply(a0, x0, x1, x2, x3, T.Load8(weight, (long)n * chunks + chunk));
            a1 = Multiply(a1, x0, x1, x2, x3, T.Load8(weight, (long)Math.Min(n + 1, last) * chunks + chunk));
            a2 = Multiply(a2, x0, x1, x2, x3, T.Load8(weight, (long)Math.Min(n + 2, last) * chunks + chunk));
            a3 = Multiply(a3, x0, x1, x2, x3, T.Load8(weight, (long)Math.Min(n + 3, last) * chunks + chunk));
            a4 = Multiply(a4, x0, x1, x2, x3, T.Load8(weight, (long)Math.Min(n + 4, last) * chunks + chunk));
            a5 = Multiply(a5, x0, x1, x2, x3, T.Load8(weight, (long)Math.Min(n + 5, last) * chunks + chunk));
            a6 = Multiply(a6, x0, x1, x2, x3, T.Load8(weight, (long)Math.Min(n + 6, last) * chunks + chunk));
            a7 = Multiply(a7, x0, x1, x2, x3, T.Load8(weight, (long)Math.Min(n + 7, last) * chunks + chunk));
        }
        Finish(y, m, rows, n, a0, bias);
        Finish(y, m, rows, n + 1, a1, bias);
        Finish(y, m, rows, n + 2, a2, bias);
        Finish(y, m, rows, n + 3, a3, bias);
        Finish(y, m, rows, n + 4, a4, bias);
        Finish(y, m, rows, n + 5, a5, bias);
        Finish(y, m, rows, n + 6, a6, bias);
        Finish(y, m, rows, n + 7, a7, bias);
    }

    /// <summary>sum + Σ_i x[i] w[i], i ascending: the order that both kernels share.</summary>
    private static float Multiply(float sum, Float8 x, Float8 w)
    {
        sum = DeviceMath.FusedMultiplyAdd(x.Low.X, w.Low.X, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.Low.Y, w.Low.Y, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.Low.Z, w.Low.Z, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.Low.W, w.Low.W, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.High.X, w.High.X, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.High.Y, w.High.Y, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.High.Z, w.High.Z, sum);
        return DeviceMath.FusedMultiplyAdd(x.High.W, w.High.W, sum);
    }

    private static Float4 Multiply(Float4 sums, Float8 x0, Float8 x1, Float8 x2, Float8 x3, Float8 w) => new()
    {
        X = Multiply(sums.X, x0, w),
        Y = Multiply(sums.Y, x1, w),
        Z = Multiply(sums.Z, x2, w),
        W = Multiply(sums.W, x3, w),
    };

    /// <summary>Adds the lanes of four rows' sums for output <paramref name="n"/>; the first lane stores those that exist.</summary>
    private static void Finish(DeviceRows y, int m, int rows, int n, Float4 sums, DeviceBias bias)
    {
        if (n >= y.Width) return;
        var (sum0, sum1) = (Reduction.WarpSum(sums.X), Reduction.WarpSum(sums.Y));
        var (sum2, sum3) = (Reduction.WarpSum(sums.Z), Reduction.WarpSum(sums.W));
        if (Warp.LaneIdx != 0) return;
        var offset = bias[n];
        y.View[y.Offset(m) + n] = sum0 + offset;
        if (m + 1 < rows) y.View[y.Offset(m + 1) + n] = sum1 + offset;
        if (m + 2 < rows) y.View[y.Offset(m + 2) + n] = sum2 + offset;
        if (m + 3 < rows) y.View[y.Offset(m + 3) + n] = sum3 + offset;
    }
}
