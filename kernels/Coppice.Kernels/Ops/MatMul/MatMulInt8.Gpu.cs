using Coppice.Kernels.Gpu;
using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>Products with activations rounded to bytes: the rows are rounded into the workspace, as many at a time as fit.</summary>
    private void MatMulRounded(Tensor x, GpuWeight weight, Tensor bias, Tensor y)
    {
        var chunks = weight.Layout.Slots * weight.Layout.ChunksOfSlot;
        var rowBytes = chunks * GpuWeightLayout.Chunk + chunks / GpuWeightLayout.UnitSlots * sizeof(float);
        var rowsAtOnce = (int)Math.Min(x.Rows, _scratch.Bytes / rowBytes);
        if (rowsAtOnce == 0)
            throw new ArgumentException($"matmul: one row of rounded activations must fit {_scratch.Bytes:N0} bytes, got {rowBytes:N0}.");
        for (var row = 0; row < x.Rows; row += rowsAtOnce)
        {
            var rows = Math.Min(rowsAtOnce, x.Rows - row);
            var count = (long)rows * chunks;
            var scales = Scratch<float>(count * GpuWeightLayout.Chunk, count / GpuWeightLayout.UnitSlots);
            var rounded = new RoundedRows(Scratch<Words2>(0, count), scales, chunks);
            var config = Cells(rows, chunks, out var cells);
            var part = x.Slice(row, rows);
            if (AreAligned(x)) _kernels.Launch(config, RoundRowsKernel<AlignedRow>, cells, Rows(part), rounded);
            else _kernels.Launch(config, RoundRowsKernel<AnyRow>, cells, Rows(part), rounded);
            if (weight.Format == MatrixFormat.Q8) MatMulRounded<Q8Weights>(rounded, rows, weight, bias, y.Slice(row, rows));
            else MatMulRounded<Q4Weights>(rounded, rows, weight, bias, y.Slice(row, rows));
        }
    }

    private void MatMulRounded<T>(RoundedRows x, int rows, GpuWeight weight, Tensor bias, Tensor y) where T : struct, IDeviceCodes
    {
        if (rows == 1) _kernels.Launch(RowConfig(weight.Outputs), MatMulCodesRowKernel<T>, x, weight.View, Bias(bias), Rows(y));
        else
        {
            var config = TileConfig(rows, weight.Outputs, out var warpsAlongRows);
            _kernels.Launch(config, MatMulCodesTileKernel<T>, x, rows, weight.View, warpsAlongRows, Bias(bias), Rows(y));
        }
    }

    /// <summary>Activations as bytes: [rows, chunks] of 8, [rows, chunks / 4] scales, padded with zeros to the weights' units.</summary>
    internal readonly struct RoundedRows(ArrayView<Words2> codes, ArrayView<float> scales, int chunks)
    {
        internal readonly ArrayView<Words2> Codes = codes;
        internal readonly ArrayView<float> Scales = scales;
        internal readonly int Chunks = chunks;

        internal RoundedChunk Load(int at)
        {
            const uint ones = 0x01010101;
            var codes = Codes[at];
            var sum = DeviceCodes.Dot(codes.A, codes.B, ones, ones);
            return new RoundedChunk { A = codes.A, B = codes.B, Scale = Scales[at >> 2], Sum = sum };
        }
    }

    /// <summary>x ≈ scale · byte for each group of 32: scale = max |x| / 127, byte = round(x · (127 / max |x|)).</summary>
    /// <param name="cells">Which chunk.</param>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rounded">The result.</param>
    /// <remarks>
    /// A lane rounds a chunk, four lanes a group. Reads x once and writes a quarter of it. A group with NaN or an infinity has the scale
    /// NaN,
    /// so that its row's products show it.
    /// </remarks>
    [GroupSize(CellGroup)]
    internal static void RoundRowsKernel<TRow>(DeviceCells cells, DeviceRows x, RoundedRows rounded) where TRow : struct, IDeviceRow
    {
        var (row, chunk) = (DeviceCells.Row, DeviceCells.Column);
        var column = GpuWeightLayout.Chunk * chunk;
        Float8 values = default;
        if (column < x.Width) values = TRow.Load8(x, row * x.Stride + column, column);
        var largest = MathF.Max(Largest(values.Low), Largest(values.High));
        largest = MathF.Max(largest, Warp.ShuffleXor(largest, 1));
        largest = MathF.Max(largest, Warp.ShuffleXor(largest, 2));
        var poison = Zero(Zero(0f, values.Low), values.High);
        poison += Warp.ShuffleXor(poison, 1);
        poison += Warp.ShuffleXor(poison, 2);
        if (!cells.Inside) return;
        var inverse = largest > 0f ? 127f / largest : 0f;
        rounded.Codes[row * rounded.Chunks + chunk] = new Words2 { A = Round(values.Low, inverse), B = Round(values.High, inverse) };
        if (chunk % GpuWeightLayout.UnitSlots != 0) return;
        rounded.Scales[(row * rounded.Chunks + chunk) / GpuWeightLayout.UnitSlots] = largest / 127f + poison;
    }

    private static float Largest(Float4 x) =>
        MathF.Max(MathF.Max(MathF.Abs(x.X), MathF.Abs(x.Y)), MathF.Max(MathF.Abs(x.Z), MathF.Abs(x.W)));

    /// <summary>sum + 0 · Σ x: NaN where an x is none of the finite numbers.</summary>
    private static float Zero(float sum, Float4 x)
    {
        sum = DeviceMath.FusedMultiplyAdd(x.X, 0f, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.Y, 0f, sum);
        sum = DeviceMath.FusedMultiplyAdd(x.Z, 0f, sum);
        return DeviceMath.FusedMultiplyAdd(x.W, 0f, sum);
    }

    private static uint Round(Float4 x, float inverse) =>
        Round(x.X, inverse) | Round(x.Y, inverse) << 8 | Round(x.Z, inverse) << 16 | Round(x.W, inverse) << 24;

    /// <summary>round(x · inverse) as a byte, the product rounded first as on the CPU: no plain one, which could be fused.</summary>
    private static uint Round(float x, float inverse) =>
        Interop.FloatAsInt(DeviceMath.FusedMultiplyAdd(x, inverse, 0f) + DeviceCodes.RoundingOffset) & 0xffu;

    /// <summary>As <see cref="MatMulRowKernel"/>, in the same order, with a chunk's eight products as one exact integer.</summary>
    /// <param name="x">[1, inputs].</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="bias">[outputs] or nothing.</param>
    /// <param name="y">[1, outputs].</param>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MatMulCodesRowKernel<T>(RoundedRows x, DeviceMatrix weight, DeviceBias bias, DeviceRows y)
        where T : struct, IDeviceCodes
    {
        var outputs = y.Width;
        var first = (Grid.IdxX * (Group.DimX / Warp.WarpSize) + Warp.WarpIdx) * RowOutputs;
        if (first >= outputs) return;
        Float2 sums = default;
        var slot = Warp.LaneIdx;
        var at = first * weight.Slots + slot;
        var chunk = FirstChunk<T>(slot);
        for (; slot + Warp.WarpSize < weight.Slots; slot += 2 * Warp.WarpSize, at += 2 * Warp.WarpSize)
        {
            var (w0, w1) = (T.Load(weight, at), T.Load(weight, at + weight.Slots));
            var (w2, w3) = (T.Load(weight, at + Warp.WarpSize), T.Load(weight, at + weight.Slots + Warp.WarpSize));
            sums = Add<T>(sums, x, chunk, w0, w1);
            sums = Add<T>(sums, x, chunk + T.Chunks * Warp.WarpSize, w2, w3);
            chunk += 2 * T.Chunks * Warp.WarpSize;
        }
        if (slot < weight.Slots) sums = Add<T>(sums, x, chunk, T.Load(weight, at), T.Load(weight, at + weight.Slots));
        Finish(y, first, sums, bias);
    }

    /// <summary>As <see cref="MatMulTileKernel"/>, with a chunk's eight products as one exact integer.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="rows">Rows of x and y.</param>
    /// <param name="weight">[outputs, inputs].</param>
    /// <param name="warpsAlongRows">Warps of a group that share their outputs and differ in rows.</param>
    /// <param name="bias">[outputs] or nothing.</param>
    /// <param name="y">[rows, outputs].</param>
    /// <remarks>For each chunk a lane does 64 integer dot products of 4 and 64 multiply-adds or, with minima, 96.</remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MatMulCodesTileKernel<T>(
        RoundedRows x, int rows, DeviceMatrix weight, int warpsAlongRows, DeviceBias bias, DeviceRows y)
        where T : struct, IDeviceCodes
    {
        var warpsAlongOutputs = Group.DimX / Warp.WarpSize / warpsAlongRows;
        var m = (Grid.IdxY * warpsAlongRows + Warp.WarpIdx % warpsAlongRows) * TileRows;
        var n = (Grid.IdxX * warpsAlongOutputs + Warp.WarpIdx / warpsAlongRows) * TileOutputs;
        if (m >= rows || n >= y.Width) return;
        var (first, last, slots) = (FirstChunk<T>(Warp.LaneIdx), rows - 1, weight.Slots);
        var (row0, row1) = (m * x.Chunks + first, Math.Min(m + 1, last) * x.Chunks + first);
        var (row2, row3) = (Math.Min(m + 2, last) * x.Chunks + first, Math.Min(m + 3, last) * x.Chunks + first);
        Float4 a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        var at = n * slots + Warp.LaneIdx;
        var chunk = 0;
        for (var slot = Warp.LaneIdx; slot < slots;)
        {
            var (x0, x1, x2, x3) = (x.Load(row0), x.Load(row1), x.Load(row2), x.Load(row3));
            a0 = Add<T>(a0, x0, x1, x2, x3, T.LoadChunk(weight, at, chunk));
            a1 = Add<T>(a1, x0, x1, x2, x3, T.LoadChunk(weight, at + slots, chunk));
            a2 = Add<T>(a2, x0, x1, x2, x3, T.LoadChunk(weight, at + 2 * slots, chunk));
            a3 = Add<T>(a3, x0, x1, x2, x3, T.LoadChunk(weight, at + 3 * slots, chunk));
            a4 = Add<T>(a4, x0, x1, x2, x3, T.LoadChunk(weight, at + 4 * slots, chunk));
            a5 = Add<T>(a5, x0, x1, x2, x3, T.LoadChunk(weight, at + 5 * slots, chunk));
            a6 = Add<T>(a6, x0, x1, x2, x3, T.LoadChunk(weight, at + 6 * slots, chunk));
            a7 = Add<T>(a7, x0, x1, x2, x3, T.LoadChunk(weight, at + 7 * slots, chunk));
            var step = GpuWeightLayout.UnitSlots;
            if (++chunk == T.Chunks)
            {
                step = T.Chunks * Warp.WarpSize - (T.Chunks - 1) * GpuWeightLayout.UnitSlots;
                (chunk, slot, at) = (0, slot + Warp.WarpSize, at + Warp.WarpSize);
            }
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

    /// <summary>Adds the products of one slot of two outputs.</summary>
    private static Float2 Add<T>(Float2 sums, RoundedRows x, int chunk, DeviceSlot w0, DeviceSlot w1) where T : struct, IDeviceCodes
    {
        sums = Add<T>(sums, x.Load(chunk), T.Chunk(w0, 0), T.Chunk(w1, 0));
        sums = Add<T>(sums, x.Load(chunk + GpuWeightLayout.UnitSlots), T.Chunk(w0, 1), T.Chunk(w1, 1));
        if (T.Chunks == 2) return sums;
        sums = Add<T>(sums, x.Load(chunk + 2 * GpuWeightLayout.UnitSlots), T.Chunk(w0, 2), T.Chunk(w1, 2));
        return Add<T>(sums, x.Load(chunk + 3 * GpuWeightLayout.UnitSlots), T.Chunk(w0, 3), T.Chunk(w1, 3));
    }

    private static Float2 Add<T>(Float2 sums, RoundedChunk x, CodeChunk w0, CodeChunk w1) where T : struct, IDeviceCodes =>
        new() { X = T.Add(sums.X, w0, x), Y = T.Add(sums.Y, w1, x) };

    private static Float4 Add<T>(Float4 sums, RoundedChunk x0, RoundedChunk x1, RoundedChunk x2, RoundedChunk x3, CodeChunk w)
        where T : struct, IDeviceCodes => new()
        {
            X = T.Add(sums.X, w, x0),
            Y = T.Add(sums.Y, w, x1),
            Z = T.Add(sums.Z, w, x2),
            W = T.Add(sums.W, w, x3),
        };
}
