using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Coppice.Kernels;
using Coppice.Kernels.Numerics;
using Coppice.Weights;
using Coppice.Weights.Gguf;

namespace Coppice.Conversion;

/// <summary>Rows of a stored tensor as F32, in the order that the target wants them.</summary>
/// <param name="tensor">The tensor, [rows, columns] or a vector of rows with one column.</param>
/// <param name="rows">Rows.</param>
/// <param name="columns">Elements of a row.</param>
/// <param name="heads">Heads whose halves are interleaved - rows i and i + d/2 of a head of d become 2i and 2i + 1 - or 0 for rows as they
/// are.</param>
internal sealed class StoredRows(CheckpointTensor tensor, long rows, int columns, int heads = 0)
{
    private readonly int _size = tensor.ElementType.Size();

    public long Rows => rows;
    public int Columns => columns;
    /// <summary>How messages name the tensor.</summary>
    public string Label => tensor.Label;

    /// <summary>Reads the rows from <paramref name="first"/> on that fill <paramref name="target"/>.</summary>
    /// <exception cref="CheckpointException">An element is not finite, or larger than <paramref name="type"/> holds.</exception>
    public void Read(long first, Span<float> target, GgufType type)
    {
        if (heads == 0) Widen(first * columns, target);
        else
        {
            for (var i = 0; i < target.Length / columns; i++) Widen(Source(first + i) * columns, target.Slice(i * columns, columns));
        }
        var largest = TensorPrimitives.MaxMagnitude<float>(target);
        if (Math.Abs(largest) <= type.Largest()) return;
        throw new CheckpointException(
            $"{Label} must hold finite numbers of at most {type.Largest():g6} to be written as {type.Name()}, found {largest:g6}.");
    }

    private long Source(long row)
    {
        var dim = rows / heads;
        var (head, element) = (row / dim, row % dim);
        return head * dim + element % 2 * (dim / 2) + element / 2;
    }

    private void Widen(long offset, Span<float> target)
    {
        var bytes = tensor.Bytes(offset * _size, checked(target.Length * _size));
        switch (tensor.ElementType)
        {
            case ElementType.F16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), target);
                break;
            case ElementType.BF16:
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < target.Length; i++) target[i] = BFloat16.ToSingle(upper[i]);
                break;
            default:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(target);
                break;
        }
    }
}
