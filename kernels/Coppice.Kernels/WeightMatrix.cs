using Coppice.Kernels.Memory;

namespace Coppice.Kernels;

/// <summary>A weight matrix W [outputs, inputs] in the layout its back end computes with: panels on the CPU, rows on a GPU.</summary>
/// <remarks>Immutable once written. The matrix owns its buffer and returns it when disposed.</remarks>
public abstract class WeightMatrix : IDisposable
{
    /// <summary>A matrix over <paramref name="buffer"/>.</summary>
    protected WeightMatrix(Backend owner, PoolBuffer buffer, int outputs, int inputs, MatrixFormat format,
        ActivationFormat activations = ActivationFormat.F32)
    {
        (Owner, Buffer, Outputs, Inputs, Format, Activations) = (owner, buffer, outputs, inputs, format, activations);
    }

    /// <summary>The back end it belongs to.</summary>
    public Backend Owner { get; }
    /// <summary>Rows of W: elements of y.</summary>
    public int Outputs { get; }
    /// <summary>Columns of W: elements of x.</summary>
    public int Inputs { get; }
    /// <summary>How the weights are kept.</summary>
    public MatrixFormat Format { get; }
    /// <summary>How products read their activations.</summary>
    public ActivationFormat Activations { get; }
    /// <summary>Bytes it takes, padding included.</summary>
    public long Bytes => Buffer.Bytes;

    /// <summary>The memory it lives in.</summary>
    protected internal PoolBuffer Buffer { get; }

    /// <summary>
    /// Stores rows <paramref name="firstOutput"/>… from row-major <paramref name="rows"/> [count, inputs] of type
    /// <paramref name="source"/>, converting to <see cref="Format"/> (nearest even; quantised formats by group).
    /// </summary>
    /// <remarks>Calls for disjoint rows may run concurrently. Every row must be written once before the matrix is used.</remarks>
    /// <exception cref="ArgumentException">The rows do not fit, or the bytes are not whole rows.</exception>
    /// <exception cref="ObjectDisposedException">The matrix has been disposed; disposing it during this call takes effect after
    /// it.</exception>
    public void Write(int firstOutput, ReadOnlySpan<byte> rows, ElementType source)
    {
        var rowBytes = (long)Inputs * source.Size();
        if (source == ElementType.I32) throw new ArgumentException("weight: rows must be F32, F16 or BF16, got I32.", nameof(source));
        if (rows.Length % rowBytes != 0)
            throw new ArgumentException($"weight: rows must be whole rows of {rowBytes} bytes, got {rows.Length} bytes.", nameof(rows));
        var count = (int)(rows.Length / rowBytes);
        if (firstOutput < 0 || firstOutput > Outputs - count)
            throw new ArgumentOutOfRangeException(nameof(firstOutput),
                $"weight: rows {firstOutput}..{(long)firstOutput + count} are outside [{Outputs}, {Inputs}].");
        using var pin = Buffer.Use();
        WriteCore(firstOutput, count, rows, source);
    }

    /// <inheritdoc cref="Write"/>
    protected abstract void WriteCore(int firstOutput, int count, ReadOnlySpan<byte> rows, ElementType source);

    /// <summary>Returns the buffer.</summary>
    public void Dispose()
    {
        Buffer.Dispose();
        GC.SuppressFinalize(this);
    }
}
