using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Stored keys and values, byte for byte: every slot that is not named keeps its bytes.</summary>
public abstract class KvAppendTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Rows_are_stored_in_their_slots_and_nowhere_else() => Check(Cases.Kv, (bed, c) =>
    {
        // Keys and values as columns of one fused projection, which is how models call it.
        var row = c.KvHeads * c.HeadDim;
        var both = bed.Place(new Shape(c.Tokens, 2 * row), Noise.Uniform(1, 2L * c.Tokens * row));
        return Append(bed, c, both.Columns(0, row).Heads(c.KvHeads), both.Columns(row, row).Heads(c.KvHeads));
    }, _ => Tolerances.Exact);

    /// <summary>
    /// Ties, the smallest and the largest numbers of both 16-bit formats; 65519 is the last that rounds to the largest F16.
    /// </summary>
    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Numbers_are_rounded_to_nearest_even(ElementType type) => Check([new KvCase(3, 1, 1, 24, type, false)], (bed, c) =>
    {
        float[] values =
        [
            1 + Two(-11), 1 + 3 * Two(-11), 1 + Two(-11) + Two(-20), 1 + Two(-8), 1 + 3 * Two(-8), 1 + Two(-8) + Two(-20), 65504, 65519,
            Two(-24), Two(-25), 1.5f * Two(-25), Two(-14), Two(-15), 3 * Two(-24), 2.5f * Two(-24), 3.5f * Two(-24),
            0, -0f, -1 - Two(-11), -Two(-25), Two(-14) - Two(-26), 2047.5f, 2048.5f, Two(-30),
        ];
        var k = bed.Place(new Shape(1, 1, c.HeadDim), values);
        return Append(bed, c, k, k);
    }, _ => Tolerances.Exact);

    private static float[] Append(Bed bed, KvCase c, Tensor k, Tensor v)
    {
        var count = c.Pages * c.KvHeads * c.HeadDim * KvLayout.PageSize * c.Type.Size();
        var before = Array.ConvertAll(Noise.Integers(5, count, 256), b => (byte)b);
        Tensor keys = bed.PlaceBytes(KvLayout.Keys(c.Pages, c.KvHeads, c.HeadDim), c.Type, before);
        Tensor values = bed.PlaceBytes(KvLayout.Values(c.Pages, c.KvHeads, c.HeadDim), c.Type, before);
        if (c.Paged)
            bed.Backend.KvAppend(new PagedKv(keys, values, bed.Place(new Shape(c.Pages), Noise.Permutation(c.Start, c.Pages))), k, v,
                c.Start);
        else bed.Backend.KvAppend(new DenseKv(keys, values), k, v, c.Start);
        return [.. bed.Bytes(keys).Select(b => (float)b), .. bed.Bytes(values).Select(b => (float)b)];
    }

    private static float Two(int exponent) => MathF.ScaleB(1, exponent);
}

public sealed class KvAppendOnPortable() : KvAppendTests(Devices.Portable);
public sealed class KvAppendOnAvx2() : KvAppendTests(Devices.Avx2);
public sealed class KvAppendOnAvx512() : KvAppendTests(Devices.Avx512);
public sealed class KvAppendOnCpuAccelerator() : KvAppendTests(Devices.CpuAccelerator);
public sealed class KvAppendOnCuda() : KvAppendTests(Devices.Cuda);
