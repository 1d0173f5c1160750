using Coppice.Kernels.Memory;

namespace Coppice.Kernels.Tests.Support;

/// <summary>The operands of one run on one back end: placed as told, surrounded by guards or sentinels, freed together.</summary>
public sealed class Bed : IDisposable
{
    private const int Margin = 64;      // sentinels on both sides where there are no guard pages; keeps the alignment of the pool

    private readonly List<IDisposable> _owned = [];
    private readonly List<Lot> _lots = [];
    private readonly Placement _placement;
    private readonly bool _guarded;

    public Bed(Backend backend, Placement placement, bool onHost)
    {
        Backend = backend;
        _placement = placement;
        _guarded = onHost;
    }

    /// <summary>The back end that the operands are for.</summary>
    public Backend Backend { get; }

    /// <summary>A tensor with these elements.</summary>
    public Tensor Place(Shape shape, ReadOnlySpan<float> values) => Fill(NewLot(shape, ElementType.F32), values);

    /// <summary>A tensor with these integers.</summary>
    public Tensor Place(Shape shape, ReadOnlySpan<int> values) => Fill(NewLot(shape, ElementType.I32), values);

    /// <summary>A tensor that holds nothing but sentinels: NaN until written.</summary>
    public Tensor Output(Shape shape, ElementType type = ElementType.F32) => Fill(NewLot(shape, type), ReadOnlySpan<uint>.Empty);

    /// <summary>A contiguous tensor with these bytes, whatever the placement: pages of a KV cache.</summary>
    public Tensor PlaceBytes(Shape shape, ElementType type, ReadOnlySpan<byte> bytes) => Fill(NewLot(shape, type, dense: true), bytes);

    /// <summary>W [outputs, inputs] stored as <paramref name="format"/>.</summary>
    public WeightMatrix Weight(int outputs, int inputs, MatrixFormat format, ReadOnlySpan<float> values,
        ActivationFormat activations = ActivationFormat.F32)
    {
        var pool = NewPool("weight", Backend.WeightBytes(outputs, inputs, format));
        var weight = Backend.CreateWeight(pool, outputs, inputs, format, activations);
        _owned.Add(weight);
        weight.Write(0, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values), ElementType.F32);
        return weight;
    }

    /// <summary>The elements of a tensor of this bed, row by row.</summary>
    public float[] Floats(Tensor tensor) => Read<float>(tensor);

    /// <summary>The integers of a tensor of this bed, row by row.</summary>
    public int[] Integers(Tensor tensor) => Read<int>(tensor);

    /// <summary>The bytes of a contiguous tensor of this bed.</summary>
    public byte[] Bytes(Tensor tensor)
    {
        var bytes = new byte[tensor.Shape.Count * tensor.Type.Size()];
        if (tensor.Type.Size() == 2)
            Backend.Download(tensor, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()));
        else Backend.Download(tensor, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes.AsSpan()));
        return bytes;
    }

    /// <summary>Fails if something beside the elements of a tensor was written: before, after, or between rows.</summary>
    public void RequireSurroundingsUntouched()
    {
        foreach (var lot in _lots)
        {
            if (lot.Tensor.Type.Size() != 4) continue;      // pages of a KV cache: no gaps, and their suites compare every byte
            var words = new uint[lot.Whole.Rows];
            Backend.Download(lot.Whole, words.AsSpan());
            for (var i = 0; i < words.Length; i++)
                if (!lot.Holds(i) && words[i] != GuardedMemory.Sentinel)
                    throw new InvalidOperationException(
                        $"element {i - lot.First} beside a tensor {lot.Tensor.Shape} of row stride {lot.Tensor.RowStride} "
                        + $"was written: 0x{words[i]:x8}");
        }
    }

    public void Dispose()
    {
        for (var i = _owned.Count - 1; i >= 0; i--) _owned[i].Dispose();
    }

    private T[] Read<T>(Tensor tensor) where T : unmanaged
    {
        var lot = _lots.First(l => ReferenceEquals(l.Tensor.Buffer, tensor.Buffer));
        var all = new T[lot.Whole.Rows];
        Backend.Download(lot.Whole, all.AsSpan());
        var values = new T[tensor.Shape.Count];
        var (first, length) = ((int)(tensor.ByteOffset / tensor.Type.Size()), tensor.Shape.RowLength);
        for (var row = 0; row < tensor.Rows; row++)
            Array.Copy(all, first + (long)row * tensor.RowStride, values, (long)row * length, length);
        return values;
    }

    private Tensor Fill<T>(Lot lot, ReadOnlySpan<T> values) where T : unmanaged
    {
        var size = lot.Tensor.Type.Size();
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(values);
        var all = new byte[lot.Whole.Rows * size];
        for (var i = 0; i < all.Length; i++) all[i] = (byte)(GuardedMemory.Sentinel >> (8 * i % 32));
        var rowBytes = lot.Tensor.Shape.RowLength * size;
        if (values.Length > 0 && bytes.Length != (long)lot.Tensor.Rows * rowBytes)
            throw new ArgumentException($"{bytes.Length} bytes do not fill {lot.Tensor.Shape}");
        for (var row = 0; row < lot.Tensor.Rows && values.Length > 0; row++)
            bytes.Slice(row * rowBytes, rowBytes).CopyTo(all.AsSpan((lot.First + row * lot.Tensor.RowStride) * size));
        if (all.Length == 0) return lot.Tensor;
        if (size == 2) Backend.Upload<ushort>(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(all), lot.Whole);
        else Backend.Upload<uint>(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(all), lot.Whole);
        return lot.Tensor;
    }

    private Lot NewLot(Shape shape, ElementType type, bool dense = false)
    {
        // A vector [n] has rows of one element; only the rows of a matrix can be further apart than they are long.
        var gap = dense || shape.Rank == 1 ? 0 : _placement.Gap;
        var margin = _guarded ? 0 : Margin;
        var first = margin + (dense ? 0 : _placement.Lead);
        var stride = shape.RowLength + gap;
        var count = first + margin + (shape.First == 0 ? 0 : (shape.First - 1) * stride + shape.RowLength);
        var pool = NewPool("operand", (long)count * type.Size());
        var buffer = pool.Rent((long)count * type.Size());
        _owned.Add(buffer);
        var lot = new Lot(new Tensor(buffer, 0, new Shape(count), type, 1),
            new Tensor(buffer, (long)first * type.Size(), shape, type, stride), first);
        _lots.Add(lot);
        return lot;
    }

    private MemoryPool NewPool(string name, long bytes)
    {
        bytes = Math.Max(bytes, 2);     // a buffer of nothing still takes the smallest piece
        var pool = _guarded ? new GuardedPool(Backend, name, bytes, _placement.BeforeGuard) : Backend.CreatePool(name, bytes);
        _owned.Add(pool);
        return pool;
    }

    /// <summary>One operand and the whole buffer that it is a view of.</summary>
    private sealed record Lot(Tensor Whole, Tensor Tensor, int First)
    {
        public bool Holds(int element)
        {
            var (row, column) = Math.DivRem(element - First, Tensor.RowStride);
            return element >= First && row < Tensor.Rows && column < Tensor.Shape.RowLength;
        }
    }
}
