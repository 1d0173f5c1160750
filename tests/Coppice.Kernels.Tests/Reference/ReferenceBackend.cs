using Coppice.Kernels.Memory;

namespace Coppice.Kernels.Tests.Reference;

/// <summary>
/// The oracle: every op in double precision, written from its formula and sharing no arithmetic with the production back ends. Slow.
/// </summary>
/// <remarks>Results are stored as F32 between ops, since that is what tensors hold; inside an op everything is double.</remarks>
internal sealed unsafe partial class ReferenceBackend : Backend
{
    public override string Name => "reference";

    public override bool CommitsOnWrite => true;

    public override bool CompilesWhenCalled => false;

    public override bool PrefersEightBits => false;

    public override long AvailableBytes => long.MaxValue;

    protected override MemoryPool CreatePoolCore(string name, long capacity, bool sparse) => new HostPool(this, name, capacity);

    protected override void SynchronizeCore() { }

    protected override WeightMatrix CreateWeightCore(MemoryPool pool, int outputs, int inputs, MatrixFormat format,
        ActivationFormat activations) =>
        new RowMatrix(this, pool.Rent(WeightBytes(outputs, inputs, format)), outputs, inputs, format, activations);

    public override long WeightBytes(int outputs, int inputs, MatrixFormat format) => (long)outputs * inputs * sizeof(double);

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

    /// <summary>Weights row by row in double precision, after rounding to their format.</summary>
    private sealed class RowMatrix(Backend owner, PoolBuffer buffer, int outputs, int inputs, MatrixFormat format,
        ActivationFormat activations)
        : WeightMatrix(owner, buffer, outputs, inputs, format, activations)
    {
        public Span<double> this[int output] => new((double*)Buffer.Address + (long)output * Inputs, Inputs);

        protected override void WriteCore(int firstOutput, int count, ReadOnlySpan<byte> rows, ElementType source)
        {
            var rounded = stackalloc byte[4];
            fixed (byte* from = rows)
            {
                for (var row = 0; row < count; row++)
                {
                    var to = this[firstOutput + row];
                    for (var k = 0; k < Inputs; k++)
                    {
                        to[k] = ReadElement(from, (long)row * Inputs + k, source);
                        if (Format.IsQuantized()) continue;
                        var type = Format switch
                        {
                            MatrixFormat.F32 => ElementType.F32,
                            MatrixFormat.F16 => ElementType.F16,
                            _ => ElementType.BF16
                        };
                        WriteElement(rounded, 0, type, to[k]);
                        to[k] = ReadElement(rounded, 0, type);
                    }
                    if (!Format.IsQuantized()) continue;
                    for (var k = 0; k < Inputs; k += 32) Quantized.Round(to[k..Math.Min(k + 32, Inputs)], Format);
                }
            }
        }
    }
}
