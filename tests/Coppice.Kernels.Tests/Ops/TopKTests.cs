using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>The largest of every row: values and indices exactly, ties by ascending index, NaN as -∞.</summary>
public abstract class TopKTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Values_and_indices_equal_those_of_a_full_sort() => Check(Cases.TopK, (bed, c) =>
    {
        var x = bed.Place(new Shape(c.Rows, c.Width), Values(c));
        Tensor values = bed.Output(new Shape(c.Rows, c.K)), indices = bed.Output(new Shape(c.Rows, c.K), ElementType.I32);
        bed.Backend.TopK(x, values, indices);
        return [.. Array.ConvertAll(bed.Integers(indices), i => (float)i), .. bed.Floats(values)];
    }, _ => Tolerances.Exact);

    [Fact]
    public void A_row_of_nothing_but_NaN_gives_negative_infinity_at_the_first_indices() =>
        ForEach([new TopKCase(1, 21, 3, false, true)], c =>
    {
        using var bed = NewBed();
        var x = bed.Place(new Shape(1, c.Width), Enumerable.Repeat(float.NaN, c.Width).ToArray());
        Tensor values = bed.Output(new Shape(1, c.K)), indices = bed.Output(new Shape(1, c.K), ElementType.I32);
        bed.Backend.TopK(x, values, indices);
        Assert.Equal([0, 1, 2], bed.Integers(indices));
        Assert.All(bed.Floats(values), v => Assert.Equal(float.NegativeInfinity, v));
    });

    private static float[] Values(TopKCase c)
    {
        var values = c.Ties ? Array.ConvertAll(Noise.Integers(1, c.Rows * c.Width, 7), i => (float)(i - 3))
            : Noise.Uniform(1, (long)c.Rows * c.Width, 20);
        if (!c.Specials) return values;
        float[] specials = [float.NaN, float.NegativeInfinity, float.PositiveInfinity, -0f, 0f, float.MaxValue, -float.NaN];
        for (var i = 0; i < values.Length; i += 5) values[i] = specials[i / 5 % specials.Length];
        return values;
    }
}

public sealed class TopKOnPortable() : TopKTests(Devices.Portable);
public sealed class TopKOnAvx2() : TopKTests(Devices.Avx2);
public sealed class TopKOnAvx512() : TopKTests(Devices.Avx512);
public sealed class TopKOnCpuAccelerator() : TopKTests(Devices.CpuAccelerator);
public sealed class TopKOnCuda() : TopKTests(Devices.Cuda);
