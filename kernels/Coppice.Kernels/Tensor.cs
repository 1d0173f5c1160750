using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Coppice.Kernels.Memory;

namespace Coppice.Kernels;

/// <summary>A view of a rented buffer: shape, element type, place. Rows (the first axis) may be further apart than they are long.</summary>
/// <remarks>
/// A value: slicing costs nothing and owns nothing; the buffer belongs to whoever rented it. Not usable after the buffer is returned.
/// Example: the fused projection [tokens, (queryHeads + 2 * kvHeads) * headDim] seen as queries is
/// <c>qkv.Columns(0, queryHeads * headDim).Heads(queryHeads)</c>: [tokens, queryHeads, headDim] with the row stride of the whole.
/// </remarks>
[SuppressMessage("Performance", "CA1815", Justification = "Tensors are never compared.")]
public readonly struct Tensor
{
    /// <summary>A view of <paramref name="buffer"/> that begins <paramref name="byteOffset"/> bytes into it.</summary>
    internal Tensor(PoolBuffer buffer, long byteOffset, Shape shape, ElementType type, int rowStride)
    {
        Buffer = buffer;
        ByteOffset = byteOffset;
        Shape = shape;
        Type = type;
        RowStride = rowStride;
    }

    /// <summary>The memory this is a view of.</summary>
    public PoolBuffer Buffer { get; }
    /// <summary>Where the view begins in <see cref="Buffer"/>, in bytes.</summary>
    public long ByteOffset { get; }
    /// <summary>Extents.</summary>
    public Shape Shape { get; }
    /// <summary>Storage of one element.</summary>
    public ElementType Type { get; }
    /// <summary>Elements from the start of one row to the start of the next; at least <see cref="Shape.RowLength"/>.</summary>
    public int RowStride { get; }
    /// <summary>Whether this is the default value, which views nothing.</summary>
    public bool IsEmpty => Buffer is null;
    /// <summary>Whether rows follow each other without gaps.</summary>
    public bool IsContiguous => RowStride == Shape.RowLength || Shape.First <= 1;
    /// <summary>The first extent.</summary>
    public int Rows => Shape.First;
    /// <summary>The last extent.</summary>
    public int Last => Shape.Last;

    /// <summary>Rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> - 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tensor does not have them.</exception>
    public Tensor Slice(int first, int count)
    {
        if (first < 0 || count < 0 || first > Shape.First - count)
            throw new ArgumentOutOfRangeException(nameof(first), $"tensor: rows {first}..{(long)first + count} are outside {Shape}.");
        return new Tensor(Buffer, ByteOffset + (long)first * RowStride * Type.Size(), Shape.WithFirst(count), Type, RowStride);
    }

    /// <summary>
    /// Columns <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> - 1 of every row: [rows, count] with this
    /// row stride.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Rows do not have them.</exception>
    public Tensor Columns(int first, int count)
    {
        if (first < 0 || count < 0 || first > Shape.RowLength - count)
            throw new ArgumentOutOfRangeException(nameof(first), $"tensor: columns {first}..{(long)first + count} are outside {Shape}.");
        return new Tensor(Buffer, ByteOffset + (long)first * Type.Size(), new Shape(Shape.First, count), Type, RowStride);
    }

    /// <summary>[rows, heads * headDim] seen as [rows, heads, headDim].</summary>
    /// <exception cref="ArgumentOutOfRangeException">Rows do not divide into that many heads.</exception>
    public Tensor Heads(int heads)
    {
        if (heads <= 0 || Shape.RowLength % heads != 0)
            throw new ArgumentOutOfRangeException(nameof(heads), $"tensor: rows of {Shape} do not divide into {heads} heads.");
        return new Tensor(Buffer, ByteOffset, new Shape(Shape.First, heads, Shape.RowLength / heads), Type, RowStride);
    }

    /// <summary>The same rows with other extents; the number of rows and their length stay.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They would not.</exception>
    public Tensor As(Shape shape)
    {
        if (shape.First != Shape.First || shape.RowLength != Shape.RowLength)
            throw new ArgumentOutOfRangeException(nameof(shape),
                $"tensor: cannot view {Shape} as {shape}: rows and row length must match.");
        return new Tensor(Buffer, ByteOffset, shape, Type, RowStride);
    }

    /// <summary>The same rows as [rows, rowLength].</summary>
    public Tensor Flat() => new(Buffer, ByteOffset, new Shape(Shape.First, Shape.RowLength), Type, RowStride);

    /// <summary>The address of element 0: host memory, or a device address where the buffer is on a device.</summary>
    internal nint Address
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Buffer.Address + (nint)ByteOffset;
    }

    /// <inheritdoc/>
    public override string ToString() => IsEmpty ? "(empty)" : $"{Type}{Shape} of {Buffer.Pool.Name}";
}
