using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>
/// Softmax against the reference, with what breaks careless ones: large logits, masked elements, rows that are masked whole.
/// </summary>
public abstract class SoftmaxTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Probabilities_equal_the_formula() => Check(Cases.Rows.Concat(Cases.RowsSweep),
        (bed, c) => Run(bed, c, Noise.Uniform(1, c.Cost, 10)), c => Tolerances.Softmax(c.Width));

    [Fact]
    public void Large_logits_do_not_overflow() => Check(Cases.Rows,
        (bed, c) => Run(bed, c, Noise.Uniform(1, c.Cost, 500, c.Tokens == 1 ? 3e4f : -3e4f)), c => Tolerances.Softmax(c.Width));

    [Fact]
    public void Masked_elements_and_masked_rows_give_zero() => Check(Cases.Rows, (bed, c) =>
    {
        var values = Noise.Uniform(1, c.Cost, 4);
        for (var i = 0; i < values.Length; i++)
            if (i % 3 == 0 || i / c.Width % 3 == 1 || i % c.Width > 40) values[i] = float.NegativeInfinity;
        return Run(bed, c, values);
    }, c => Tolerances.Softmax(c.Width));

    [Fact]
    public void A_row_of_nothing_but_negative_infinity_gives_zeros() => ForEach(Cases.Rows, c =>
    {
        using var bed = NewBed();
        var values = new float[c.Cost];
        Array.Fill(values, float.NegativeInfinity);
        Assert.All(Run(bed, c, values), v => Assert.Equal(0f, v));
    });

    private static float[] Run(Bed bed, RowsCase c, float[] values)
    {
        var x = bed.Place(c.Shape, values);
        var y = c.InPlace ? x : bed.Output(c.Shape);
        bed.Backend.Softmax(x, y);
        return bed.Floats(y);
    }
}

public sealed class SoftmaxOnPortable() : SoftmaxTests(Devices.Portable);
public sealed class SoftmaxOnAvx2() : SoftmaxTests(Devices.Avx2);
public sealed class SoftmaxOnAvx512() : SoftmaxTests(Devices.Avx512);
public sealed class SoftmaxOnCpuAccelerator() : SoftmaxTests(Devices.CpuAccelerator);
public sealed class SoftmaxOnCuda() : SoftmaxTests(Devices.Cuda);
