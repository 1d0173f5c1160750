using Coppice.Kernels.Gpu;
using Coppice.Kernels.Memory;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    public override long WeightBytes(int outputs, int inputs, MatrixFormat format) => new GpuWeightLayout(outputs, inputs, format).Bytes;

    /// <inheritdoc/>
    protected override WeightMatrix CreateWeightCore(MemoryPool pool, int outputs, int inputs, MatrixFormat format,
        ActivationFormat activations)
    {
        if (activations == ActivationFormat.BF16)
            throw new NotSupportedException($"weight: activations BF16 need the CPU, got {Name} (choose activations F32).");
        Require.That(ReferenceEquals(pool.Owner, this), "weight", $"the pool must be on {Name}, got one of {pool.Owner.Name}");
        Require.That(outputs > 0 && inputs > 0, "weight", $"extents must be positive, got [{outputs}, {inputs}]");
        Require.That(GpuWeight.Fits(outputs, inputs, format), "weight",
            $"a matrix must have less than 32 GiB, got [{outputs}, {inputs}] of {format}");
        return new GpuWeight(this, pool.Rent(WeightBytes(outputs, inputs, format)), outputs, inputs, format, activations);
    }

    /// <summary>Copies packed rows to <paramref name="byteOffset"/> of a weight's buffer. Thread-safe.</summary>
    internal void UploadWeight(ReadOnlySpan<byte> rows, PoolBuffer buffer, long byteOffset)
    {
        _device.Bind();
        _staging.Upload(rows, ((DevicePool)buffer.Pool).View<byte>(buffer.Offset + byteOffset, rows.Length));
    }

    /// <summary>The bytes from a tensor's first element to its last, as elements of <typeparamref name="T"/>.</summary>
    private static ArrayView<T> View<T>(in Tensor tensor) where T : unmanaged
    {
        var elements = tensor.Rows == 0 ? 0 : (long)(tensor.Rows - 1) * tensor.RowStride + tensor.Shape.RowLength;
        return ((DevicePool)tensor.Buffer.Pool).View<T>(tensor.Buffer.Offset + tensor.ByteOffset,
            elements * tensor.Type.Size() / Interop.SizeOf<T>());
    }
}
