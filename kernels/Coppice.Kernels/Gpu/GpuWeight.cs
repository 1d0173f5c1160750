using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;
using ILGPU;
using Half = System.Half;

namespace Coppice.Kernels.Gpu;

/// <summary>W [outputs, inputs] row by row; see <see cref="GpuWeightLayout"/>.</summary>
internal sealed class GpuWeight(
    GpuBackend owner, PoolBuffer buffer, int outputs, int inputs, MatrixFormat format, ActivationFormat activations)
    : WeightMatrix(owner, buffer, outputs, inputs, format, activations)
{
    private readonly GpuWeightLayout _layout = new(outputs, inputs, format);

    internal ref readonly GpuWeightLayout Layout => ref _layout;

    /// <summary>What kernels are given.</summary>
    internal DeviceMatrix View
    {
        get
        {
            var pool = (DevicePool)Buffer.Pool;
            var weights = pool.View<Words4>(Buffer.Offset, _layout.ParameterOffset / Interop.SizeOf<Words4>());
            if (!Format.IsQuantized()) return new DeviceMatrix(weights, weights.Cast<uint>(), _layout.Slots);
            var (offset, count) = (Buffer.Offset + _layout.ParameterOffset, _layout.PaddedOutputs * _layout.ParameterBytes / sizeof(uint));
            return new DeviceMatrix(weights, pool.View<uint>(offset, count), _layout.Slots);
        }
    }

    /// <summary>Whether kernels can index such a matrix: 16-byte loads are counted in 32 bits.</summary>
    internal static bool Fits(int outputs, int inputs, MatrixFormat format) =>
        new GpuWeightLayout(outputs, inputs, format).Bytes / 16 <= int.MaxValue;

    /// <inheritdoc/>
    protected override void WriteCore(int firstOutput, int count, ReadOnlySpan<byte> rows, ElementType source)
    {
        var (rowBytes, parameterBytes, sourceBytes) = (_layout.RowBytes, _layout.ParameterBytes, Inputs * source.Size());
        var rowsAtOnce = Math.Min(count, Math.Max(1, HostStaging.Capacity / 4 / rowBytes));
        var packed = ArrayPool<byte>.Shared.Rent(rowsAtOnce * (rowBytes + parameterBytes));
        var parametersAt = rowsAtOnce * rowBytes;
        try
        {
            for (var first = 0; first < count; first += rowsAtOnce)
            {
                var rowsNow = Math.Min(rowsAtOnce, count - first);
                for (var row = 0; row < rowsNow; row++)
                    Pack(rows.Slice((first + row) * sourceBytes, sourceBytes), source, packed.AsSpan(row * rowBytes, rowBytes),
                        packed.AsSpan(parametersAt + row * parameterBytes, parameterBytes));
                var output = (long)(firstOutput + first);
                Upload(packed.AsSpan(0, rowsNow * rowBytes), output * rowBytes);
                Upload(packed.AsSpan(parametersAt, rowsNow * parameterBytes), _layout.ParameterOffset + output * parameterBytes);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    private void Upload(ReadOnlySpan<byte> rows, long offset) => ((GpuBackend)Owner).UploadWeight(rows, Buffer, offset);

    private void Pack(ReadOnlySpan<byte> row, ElementType source, Span<byte> weights, Span<byte> parameters)
    {
        weights.Clear();
        parameters.Clear();
        if (source.ToMatrixFormat() == Format)
        {
            row.CopyTo(weights);
            return;
        }
        var widened = ArrayPool<float>.Shared.Rent(Inputs);
        try
        {
            Convert(Widen(row, source, widened.AsSpan(0, Inputs)), weights, MemoryMarshal.Cast<byte, Half>(parameters));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(widened);
        }
    }

    private static Span<float> Widen(ReadOnlySpan<byte> row, ElementType source, Span<float> values)
    {
        switch (source)
        {
            case ElementType.F32: MemoryMarshal.Cast<byte, float>(row).CopyTo(values); break;
            case ElementType.F16: TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(row), values); break;
            default:
                var bits = MemoryMarshal.Cast<byte, ushort>(row);
                for (var i = 0; i < values.Length; i++) values[i] = BFloat16.ToSingle(bits[i]);
                break;
        }
        return values;
    }

    private void Convert(ReadOnlySpan<float> values, Span<byte> weights, Span<Half> parameters)
    {
        switch (Format)
        {
            case MatrixFormat.F32: values.CopyTo(MemoryMarshal.Cast<byte, float>(weights)); break;
            case MatrixFormat.F16: TensorPrimitives.ConvertToHalf(values, MemoryMarshal.Cast<byte, Half>(weights)); break;
            case MatrixFormat.BF16:
                var bits = MemoryMarshal.Cast<byte, ushort>(weights);
                for (var i = 0; i < values.Length; i++) bits[i] = BFloat16.FromSingle(values[i]);
                break;
            case MatrixFormat.Q8: ConvertToQ8(values, weights, parameters); break;
            default: ConvertToQ4(values, weights, parameters); break;
        }
    }

    private void ConvertToQ8(ReadOnlySpan<float> values, Span<byte> weights, Span<Half> scales)
    {
        Span<sbyte> codes = stackalloc sbyte[QuantizedGroup.Size];
        for (var group = 0; group * QuantizedGroup.Size < values.Length; group++)
        {
            codes.Clear();
            scales[group] = (Half)QuantizedGroup.EncodeQ8(Group(values, group), codes);
            for (var quarter = 0; quarter < GpuWeightLayout.UnitSlots; quarter++)
            {
                var chunk = ChunkOf(weights, group, quarter);
                for (var i = 0; i < chunk.Length; i++) chunk[i] = (byte)(codes[quarter * GpuWeightLayout.Chunk + i] + 128);
            }
        }
    }

    private void ConvertToQ4(ReadOnlySpan<float> values, Span<byte> weights, Span<Half> parameters)
    {
        Span<byte> codes = stackalloc byte[QuantizedGroup.Size];
        for (var group = 0; group * QuantizedGroup.Size < values.Length; group++)
        {
            codes.Clear();
            var (scale, minimum) = QuantizedGroup.EncodeQ4(Group(values, group), codes);
            (parameters[2 * group], parameters[2 * group + 1]) = ((Half)scale, (Half)minimum);
            for (var quarter = 0; quarter < GpuWeightLayout.UnitSlots; quarter++)
            {
                var chunk = ChunkOf(weights, group, quarter);
                var from = codes.Slice(quarter * GpuWeightLayout.Chunk, GpuWeightLayout.Chunk);
                for (var i = 0; i < chunk.Length; i++) chunk[i] = (byte)(from[i] | from[i + chunk.Length] << 4);
            }
        }
    }

    private static ReadOnlySpan<float> Group(ReadOnlySpan<float> values, int group)
    {
        var first = group * QuantizedGroup.Size;
        return values.Slice(first, Math.Min(QuantizedGroup.Size, values.Length - first));
    }

    /// <summary>The bytes of a quarter of a group.</summary>
    private Span<byte> ChunkOf(Span<byte> weights, int group, int quarter)
    {
        var (unit, chunk) = Math.DivRem(group, _layout.ChunksOfSlot);
        var bytes = 16 / _layout.ChunksOfSlot;
        return weights.Slice((unit * GpuWeightLayout.UnitSlots + quarter) * 16 + chunk * bytes, bytes);
    }
}
