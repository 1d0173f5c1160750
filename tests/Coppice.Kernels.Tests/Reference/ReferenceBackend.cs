using Coppice.Kernels.Memory;

namespace Coppice.Kernels.Tests.Reference;

/// <summary>The oracle: every op in double precision, written from its formula and sharing no arithmetic with the production back ends. Slow.</summary>
/// <remarks>Results are stored as F32 between ops, since that is what tensors hold; inside an op everything is double.</remarks>
internal sealed unsafe partial class ReferenceBackend : Backend
{
    public override string Name => "reference";

    public override long AvailableBytes => long.MaxValue;

    public override MemoryPool CreatePool(string name, long capacity) => new HostPool(this, name, capacity);

    public override void Synchronize() { }

    public override WeightMatrix CreateWeight(MemoryPool pool, int outputs, int inputs, ElementType format) =>
        new RowMatrix(this, pool.Rent(WeightBytes(outputs, inputs, format)), outputs, inputs, format);

    public override long WeightBytes(int outputs, int inputs, ElementType format) => (long)outputs * inputs * sizeof(float);

    protected override void UploadCore(ReadOnlySpan<byte> source, Tensor destination) =>
        source.CopyTo(new Span<byte>((void*)destination.Address, source.Length));

    protected override void DownloadCore(Tensor source, Span<byte> destination) =>
        new ReadOnlySpan<byte>((void*)source.Address, destination.Length).CopyTo(destination);

    protected override void Dispose(bool disposing) { }

    /// <summary>Row <paramref name="row"/> of an F32 tensor.</summary>
    private static Span<float> Row(in Tensor tensor, int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)tensor.Rows, nameof(row));
        return new Span<float>((float*)tensor.Address + (long)row * tensor.RowStride, tensor.Shape.RowLength);
    }

    /// <summary>Row <paramref name="row"/> of an I32 tensor.</summary>
    private static Span<int> Integers(in Tensor tensor, int row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)tensor.Rows, nameof(row));
        return new Span<int>((int*)tensor.Address + (long)row * tensor.RowStride, tensor.Shape.RowLength);
    }

    /// <summary>Element <paramref name="index"/> of memory that holds <paramref name="type"/>.</summary>
    private static double ReadElement(void* memory, long index, ElementType type) => type switch
    {
        ElementType.F32 => ((float*)memory)[index],
        ElementType.F16 => SmallFloat.Binary16.Decode(((ushort*)memory)[index]),
        ElementType.BF16 => SmallFloat.BFloat16.Decode(((ushort*)memory)[index]),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static void WriteElement(void* memory, long index, ElementType type, double value)
    {
        switch (type)
        {
            case ElementType.F32: ((float*)memory)[index] = (float)value; break;
            case ElementType.F16: ((ushort*)memory)[index] = SmallFloat.Binary16.Encode(value); break;
            case ElementType.BF16: ((ushort*)memory)[index] = SmallFloat.BFloat16.Encode(value); break;
            default: throw new ArgumentOutOfRangeException(nameof(type));
        }
    }

    /// <summary>Weights row by row as F32, which holds every F16 and BF16 exactly, after rounding to their format.</summary>
    private sealed class RowMatrix(Backend owner, PoolBuffer buffer, int outputs, int inputs, ElementType format)
        : WeightMatrix(owner, buffer, outputs, inputs, format)
    {
        public ReadOnlySpan<float> this[int output] => new((float*)Buffer.Address + (long)output * Inputs, Inputs);

        protected override void WriteCore(int firstOutput, int count, ReadOnlySpan<byte> rows, ElementType source)
        {
            var to = (float*)Buffer.Address + (long)firstOutput * Inputs;
            var rounded = stackalloc byte[4];
            fixed (byte* from = rows)
            {
                for (var i = 0L; i < (long)count * Inputs; i++)
                {
                    WriteElement(rounded, 0, Format, ReadElement(from, i, source));
                    to[i] = (float)ReadElement(rounded, 0, Format);
                }
            }
        }
    }
}
