using Coppice.Kernels.Gpu;
using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>
    /// Outputs of a warp of <see cref="MatMulRowKernel"/>: two weight loads for each pair of x loads, and still many warps.
    /// </summary>
    private const int RowOutputs = 2;
    /// <summary>Rows and outputs of a warp of <see cref="MatMulTileKernel"/>: 32 sums, all in registers.</summary>
    private const int TileRows = 4, TileOutputs = 8;

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y)
    {
        if ((long)x.Rows * x.RowStride > int.MaxValue)
            throw new ArgumentException($"matmul: x must have less than 2^31 elements on a GPU, got {x.Shape}.");
        if (weight.Activations == ActivationFormat.Int8) MatMulRounded(x, (GpuWeight)weight, bias, y);
        else weight.Format.Dispatch(new MatMulCall(this, x, (GpuWeight)weight, bias, y));
    }

    private readonly struct MatMulCall(GpuBackend backend, Tensor x, GpuWeight weight, Tensor bias, Tensor y) : IDeviceWeightsCall
    {
        public void Run<T>() where T : struct, IDeviceWeights
        {
            if (AreAligned(x)) Run<T, AlignedRow>();
            else Run<T, AnyRow>();
        }

        private void Run<T, TRow>() where T : struct, IDeviceWeights where TRow : struct, IDeviceRow
        {
            var offset = backend.Bias(bias);
            var matrix = weight.View;
            if (x.Rows == 1)
            {
                backend._kernels.Launch(backend.RowConfig(weight.Outputs), MatMulRowKernel<T, TRow>, Rows(x), matrix, offset, Rows(y));
                return;
            }
            var config = backend.TileConfig(x.Rows, weight.Outputs, out var warpsAlongRows);
            backend._kernels.Launch(config, MatMulTileKernel<T, TRow>, Rows(x), x.Rows, matrix, warpsAlongRows, offset, Rows(y));
        }
    }

    /// <summary>Whether rows begin at 16-byte boundaries and are whole chunks.</summary>
    private static bool AreAligned(in Tensor x) =>
        x.ByteOffset % 16 == 0 && x.RowStride % 4 == 0 && x.Shape.RowLength % GpuWeightLayout.Chunk == 0;

    private DeviceBias Bias(in Tensor bias) => new(ViewOrAny<float>(bias), bias.IsEmpty ? 0 : 1);

    /// <summary>A warp for each two outputs.</summary>
    private KernelConfig RowConfig(int outputs)
    {
        var tiles = (outputs + RowOutputs - 1) / RowOutputs;
        return new KernelConfig((tiles + WarpsPerGroup - 1) / WarpsPerGroup, WarpsPerGroup * WarpSize);
    }

    /// <summary>A warp for each tile; the warps of a group along rows where there are enough of them.</summary>
    private KernelConfig TileConfig(int rows, int outputs, out int warpsAlongRows)
    {
        var (rowTiles, outputTiles) = ((rows + TileRows - 1) / TileRows, (outputs + TileOutputs - 1) / TileOutputs);
        warpsAlongRows = rowTiles >= WarpsPerGroup ? WarpsPerGroup : 1;
        var warpsAlongOutputs = WarpsPerGroup / warpsAlongRows;
        var (columns, lines) = ((outputTiles + warpsAlongOutputs - 1) / warpsAlongOutputs,
            (rowTiles + warpsAlongRows - 1) / warpsAlongRows);
        return new KernelConfig(new Index3D(columns, lines, 1), new Index3D(WarpsPerGroup * WarpSize, 1, 1));
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
        /// <summary>
        /// Elements at, at + 1, … + 7 of <paramref name="x"/>, which are columns <paramref name="column"/> … + 7 of their row.
        /// </summary>
        static abstract Float8 Load8(DeviceRows x, int at, int column);
    }

    /// <summary>Rows that begin at 16-byte boundaries and have whole chunks: two 16-byte loads.</summary>
    internal readonly struct AlignedRow : IDeviceRow
    {
        public static Float8 Load8(DeviceRows x, int at, int column)
        {
            var view = x.View.Cast<Float4>();
            return new Float8 { Low = view[at >> 2], High = view[(at >> 2) + 1] };
        }
    }

    /// <summary>Any rows: eight loads, zeros after the end, where the padded weights are zero too.</summary>
    internal readonly struct AnyRow : IDeviceRow
    {
        public static Float8 Load8(DeviceRows x, int at, int column) =>
            new() { Low = Load4(x, at, column), High = Load4(x, at + 4, column + 4) };

        private static Float4 Load4(DeviceRows x, int at, int column) => new()
        {
            X = column < x.Width ? x.View[at] : 0f,
            Y = column + 1 < x.Width ? x.View[at + 1] : 0f,
            Z = column + 2 < x.Width ? x.View[at + 2] : 0f,
            W = column + 3 < x.Width ? x.View[at + 3] : 0f,
        };
    }

    /// <summary>y[n] = Σ_k x[k] W[n, k] + bias[n] for one row x: a warp computes two outputs.</summary>
    /// <param name="x">[1, inputs].</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="bias">[outputs] or nothing.</param>
    /// <param name="y">[1, outputs].</param>
    /// <remarks>
    /// Lane l multiplies slots l, l + warpSize, …: a warp reads 512 consecutive bytes of a row at a time. Every weight is read once from
    /// memory, x from cache; bound by memory bandwidth. The order of a sum: eight products of a chunk ascending, a slot's chunks ascending,
    /// the lane's slots ascending, then the butterfly over lanes. <see cref="MatMulTileKernel"/> keeps the same order, so the number of
    /// rows
    /// never shows in a result.
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MatMulRowKernel<T, TRow>(DeviceRows x, DeviceMatrix weight, DeviceBias bias, DeviceRows y)
        where T : struct, IDeviceWeights where TRow : struct, IDeviceRow
    {
        var outputs = y.Width;
        var first = (Grid.IdxX * (Group.DimX / Warp.WarpSize) + Warp.WarpIdx) * RowOutputs;
        if (first >= outputs) return;
        Float2 sums = default;
        var slot = Warp.LaneIdx;
        var at = first * weight.Slots + slot;
        var column = FirstColumn<T>(slot);
        for (; slot + Warp.WarpSize < weight.Slots; slot += 2 * Warp.WarpSize, at += 2 * Warp.WarpSize)
        {
            // Two steps at once: four weight loads under way.
            var (w0, w1) = (T.Load(weight, at), T.Load(weight, at + weight.Slots));
            var (w2, w3) = (T.Load(weight, at + Warp.WarpSize), T.Load(weight, at + weight.Slots + Warp.WarpSize));
            sums = Multiply<T, TRow>(sums, x, column, w0, w1);
            sums = Multiply<T, TRow>(sums, x, column + Columns<T>(), w2, w3);
            column += 2 * Columns<T>();
        }
        if (slot < weight.Slots) sums = Multiply<T, TRow>(sums, x, column, T.Load(weight, at), T.Load(weight, at + weight.Slots));
        Finish(y, first, sums, bias);
    }

    /// <summary>y[m, n] = Σ_k x[m, k] W[n, k] + bias[n] for two rows or more: a warp computes a tile of 4 rows and 8 outputs.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y.</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="warpsAlongRows">Warps of a group that share their outputs and differ in rows, so that they find each other's weights in
    /// L1.</param>
    /// <param name="bias">[outputs] or nothing.</param>
    /// <param name="y">[rows, outputs].</param>
    /// <remarks>
    /// Lanes split k as in <see cref="MatMulRowKernel"/>, in the same order, so there is nothing to share between lanes and no barrier. For
    /// each chunk
    /// a lane loads 8 · 8 weights and 4 · 8 activations and does 256 multiply-adds. Rows beyond the end repeat the last; they, and outputs
    /// beyond the end, are not stored.
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MatMulTileKernel<T, TRow>(
        DeviceRows x, int rows, DeviceMatrix weight, int warpsAlongRows, DeviceBias bias, DeviceRows y)
        where T : struct, IDeviceWeights where TRow : struct, IDeviceRow
    {
        var warpsAlongOutputs = Group.DimX / Warp.WarpSize / warpsAlongRows;
        var m = (Grid.IdxY * warpsAlongRows + Warp.WarpIdx % warpsAlongRows) * TileRows;
        var n = (Grid.IdxX * warpsAlongOutputs + Warp.WarpIdx / warpsAlongRows) * TileOutputs;
        if (m >= rows || n >= y.Width) return;

        // Where each row's chunk begins moves along with the loop: ILGPU would compute a loop-invariant row offset anew in every step.
        var (column, last, slots) = (FirstColumn<T>(Warp.LaneIdx), rows - 1, weight.Slots);
        var (row0, row1) = (m * x.Stride + column, Math.Min(m + 1, last) * x.Stride + column);
        var (row2, row3) = (Math.Min(m + 2, last) * x.Stride + column, Math.Min(m + 3, last) * x.Stride + column);
        Float4 a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        var at = n * slots + Warp.LaneIdx;
        var chunk = 0;
        for (var slot = Warp.LaneIdx; slot < slots;)
        {
            var (x0, x1) = (Load8<T, TRow>(x, row0, column), Load8<T, TRow>(x, row1, column));
            var (x2, x3) = (Load8<T, TRow>(x, row2, column), Load8<T, TRow>(x, row3, column));
            a0 = Multiply(a0, x0, x1, x2, x3, T.Load8(weight, at, chunk));
            a1 = Multiply(a1, x0, x1, x2, x3, T.Load8(weight, at + slots, chunk));
            a2 = Multiply(a2, x0, x1, x2, x3, T.Load8(weight, at + 2 * slots, chunk));
            a3 = Multiply(a3, x0, x1, x2, x3, T.Load8(weight, at + 3 * slots, chunk));
            a4 = Multiply(a4, x0, x1, x2, x3, T.Load8(weight, at + 4 * slots, chunk));
            a5 = Multiply(a5, x0, x1, x2, x3, T.Load8(weight, at + 5 * slots, chunk));
            a6 = Multiply(a6, x0, x1, x2, x3, T.Load8(weight, at + 6 * slots, chunk));
            a7 = Multiply(a7, x0, x1, x2, x3, T.Load8(weight, at + 7 * slots, chunk));
            var step = ChunkColumns;
            if (++chunk == T.Chunks)
            {
                step = Columns<T>() - (T.Chunks - 1) * ChunkColumns;
                (chunk, slot, at) = (0, slot + Warp.WarpSize, at + Warp.WarpSize);
            }
            column += step;
            (row0, row1, row2, row3) = (row0 + step, row1 + step, row2 + step, row3 + step);
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

    /// <summary>Columns from chunk to chunk of a slot.</summary>
    private const int ChunkColumns = Numerics.QuantizedGroup.Size;

    /// <summary>The chunk of a row with which slot <paramref name="slot"/> begins; the others of the slot are four chunks apart.</summary>
    private static int FirstChunk<T>(int slot) where T : struct, IDeviceWeights =>
        T.Chunks == 1 ? slot : T.Chunks * (slot & -GpuWeightLayout.UnitSlots) + (slot & (GpuWeightLayout.UnitSlots - 1));

    private static int FirstColumn<T>(int slot) where T : struct, IDeviceWeights => GpuWeightLayout.Chunk * FirstChunk<T>(slot);

    /// <summary>Columns from a lane's slot to its next; a warp is whole units.</summary>
    private static int Columns<T>() where T : struct, IDeviceWeights => GpuWeightLayout.Chunk * T.Chunks * Warp.WarpSize;

    /// <summary>Adds the products of one slot of two outputs.</summary>
    private static Float2 Multiply<T, TRow>(Float2 sums, DeviceRows x, int column, DeviceSlot w0, DeviceSlot w1)
        where T : struct, IDeviceWeights where TRow : struct, IDeviceRow
    {
        sums = Multiply(sums, Load8<T, TRow>(x, column, column), T.Widen(w0, 0), T.Widen(w1, 0));
        if (T.Chunks == 1) return sums;
        column += ChunkColumns;
        sums = Multiply(sums, Load8<T, TRow>(x, column, column), T.Widen(w0, 1), T.Widen(w1, 1));
        if (T.Chunks == 2) return sums;
        column += ChunkColumns;
        sums = Multiply(sums, Load8<T, TRow>(x, column, column), T.Widen(w0, 2), T.Widen(w1, 2));
        column += ChunkColumns;
        return Multiply(sums, Load8<T, TRow>(x, column, column), T.Widen(w0, 3), T.Widen(w1, 3));
    }

    /// <summary>A chunk of activations; zeros where a row's last unit has chunks that the row does not have.</summary>
    private static Float8 Load8<T, TRow>(DeviceRows x, int at, int column)
        where T : struct, IDeviceWeights where TRow : struct, IDeviceRow =>
        T.Chunks == 1 || column < x.Width ? TRow.Load8(x, at, column) : default;

    private static Float2 Multiply(Float2 sums, Float8 x, Float8 w0, Float8 w1) =>
        new() { X = Multiply(sums.X, x, w0), Y = Multiply(sums.Y, x, w1) };

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

    /// <summary>Adds the lanes of a row's sums for two outputs; the first lane stores those that exist.</summary>
    private static void Finish(DeviceRows y, int n, Float2 sums, DeviceBias bias)
    {
        var (sum0, sum1) = (Reduction.WarpSum(sums.X), Reduction.WarpSum(sums.Y));
        if (Warp.LaneIdx != 0) return;
        y.View[n] = sum0 + bias[n];
        if (n + 1 < y.Width) y.View[n + 1] = sum1 + bias[n + 1];
    }

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
