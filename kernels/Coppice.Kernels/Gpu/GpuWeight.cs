using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;
using ILGPU;
using Half = System.Half;

namespace Coppice.Kernels.Gpu;

/// <summary>W [outputs, inputs] row by row, each row padded with zeros to whole chunks of 8 weights, so that every row begins at a 16-byte boundary.</summary>
/// <remarks>There is room for whole tiles of 8 rows: a kernel may read rows behind the last, whose content does not matter, and need not ask.</remarks>
internal sealed class GpuWeight(GpuBackend owner, PoolBuffer buffer, int outputs, int inputs, MatrixFormat format)
    : WeightMatrix(owner, buffer, outputs, inputs, format)
{
    /// <summary>Weights that one lane multiplies at a time: one 16-byte load of 16-bit weights, two of F32.</summary>
    internal const int Chunk = 8;

    private const int RowTile = 8;

    /// <summary>Chunks of a row.</summary>
    internal int Chunks => ChunksOf(Inputs);

    /// <summary>All of it as elements of <typeparamref name="T"/>.</summary>
    internal ArrayView<T> View<T>() where T : unmanaged =>
        ((DevicePool)Buffer.Pool).View<T>(Buffer.Offset, BytesOf(Outputs, Inputs, Format) / Interop.SizeOf<T>());

    private static int ChunksOf(int inputs) => (inputs + Chunk - 1) / Chunk;

    private static long ElementsOf(int outputs, int inputs) => (long)((outputs + RowTile - 1) / RowTile * RowTile) * ChunksOf(inputs) * Chunk;

    /// <summary>Bytes that a matrix of this shape takes.</summary>
    internal static long BytesOf(int outputs, int inputs, MatrixFormat format) => ElementsOf(outputs, inputs) * format.RowBytes(1);

    /// <summary>Whether kernels can index such a matrix: 16-byte loads are counted in 32 bits.</summary>
    internal static bool Fits(int outputs, int inputs, MatrixFormat format) => BytesOf(outputs, inputs, format) / 16 <= int.MaxValue;

    /// <inheritdoc/>
    protected override void WriteCore(int firstOutput, int count, ReadOnlySpan<byte> rows, ElementType source)
    {
        var rowBytes = Chunks * Chunk * (int)Format.RowBytes(1);
        var sourceBytes = Inputs * source.Size();
        var rowsAtOnce = Math.Max(1, HostStaging.Capacity / 4 / rowBytes);
        var packed = ArrayPool<byte>.Shared.Rent(Math.Min(rowsAtOnce, count) * rowBytes);
        try
        {
            for (var first = 0; first < count; first += rowsAtOnce)
            {
                var rowsNow = Math.Min(rowsAtOnce, count - first);
                for (var row = 0; row < rowsNow; row++)
                {
                    var target = packed.AsSpan(row * rowBytes, rowBytes);
                    Convert(rows.Slice((first + row) * sourceBytes, sourceBytes), source, target);
                    target[(Inputs * (int)Format.RowBytes(1))..].Clear();
                }
                ((GpuBackend)Owner).UploadWeight(packed.AsSpan(0, rowsNow * rowBytes), Buffer, (long)(firstOutput + first) * rowBytes);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    private void Convert(ReadOnlySpan<byte> row, ElementType source, Span<byte> target)
    {
        if (source.ToMatrixFormat() == Format)
        {
            row.CopyTo(target);
            return;
        }
        var widened = ArrayPool<float>.Shared.Rent(Inputs);
        var values = widened.AsSpan(0, Inputs);
        switch (source)
        {
            case ElementType.F32: MemoryMarshal.Cast<byte, float>(row).CopyTo(values); break;
            case ElementType.F16: TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(row), values); break;
            default:
                var bits = MemoryMarshal.Cast<byte, ushort>(row);
                for (var i = 0; i < values.Length; i++) values[i] = BFloat16.ToSingle(bits[i]);
                break;
        }
        switch (Format)
        {
            case MatrixFormat.F32: values.CopyTo(MemoryMarshal.Cast<byte, float>(target)); break;
            case MatrixFormat.F16: TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<byte, Half>(target)); break;
            default:
                var bits = MemoryMarshal.Cast<byte, ushort>(target);
                for (var i = 0; i < values.Length; i++) bits[i] = BFloat16.FromSingle(values[i]);
                break;
        }
        ArrayPool<float>.Shared.Return(widened);
    }
}
