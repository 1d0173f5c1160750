using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>RmsNorm and AddRmsNorm against the reference, and the fused op against its parts.</summary>
public abstract class RmsNormTests(Device device) : OpSuite(device)
{
    private const float Epsilon = 1e-5f;

    [Fact, Trait(Settings, Every)]
    public void Norms_equal_the_formula() => Check(Cases.Norms, (bed, c) =>
    {
        var x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost, c.Size, c.Center));
        var weight = bed.Place(new Shape(c.Width), Noise.Uniform(2, c.Width, 1, 1));
        var y = c.InPlace ? x : bed.Output(c.Shape);
        bed.Backend.RmsNorm(x, weight, Epsilon, y);
        return bed.Floats(y);
    }, c => Tolerances.RmsNorm(c.Width));

    [Fact]
    public void A_row_of_zeros_stays_zero() => ForEach([new RowsCase(2, 0, 19)], c =>
    {
        using var bed = NewBed();
        var x = bed.Place(c.Shape, new float[c.Cost]);
        bed.Backend.RmsNorm(x, bed.Place(new Shape(c.Width), Noise.Uniform(2, c.Width)), Epsilon, x);
        Assert.All(bed.Floats(x), v => Assert.Equal(0f, v));
    });

    [Fact]
    public void Adding_and_normalising_in_one_op_gives_the_bits_of_two_ops() => ForEach(Cases.Norms, c =>
    {
        using var bed = NewBed(Placement.All[c.Width % Placement.All.Count]);
        var (values, deltas) = (Noise.Uniform(1, c.Cost, c.Size, c.Center), Noise.Uniform(3, c.Cost));
        var weight = bed.Place(new Shape(c.Width), Noise.Uniform(2, c.Width, 1, 1));
        Tensor x1 = bed.Place(c.Shape, values), x2 = bed.Place(c.Shape, values), delta = bed.Place(c.Shape, deltas);
        Tensor y1 = bed.Output(c.Shape), y2 = c.InPlace ? delta : bed.Output(c.Shape);
        bed.Backend.Add(x1, delta, 0.7f, x1);
        bed.Backend.RmsNorm(x1, weight, Epsilon, y1);
        bed.Backend.AddRmsNorm(x2, delta, 0.7f, weight, Epsilon, y2);
        Compare.SameFiniteBits($"add_rms_norm, x of {c}", bed.Floats(x1), bed.Floats(x2));
        Compare.SameFiniteBits($"add_rms_norm, y of {c}", bed.Floats(y1), bed.Floats(y2));
        bed.RequireSurroundingsUntouched();
    });
}

public sealed class RmsNormOnPortable() : RmsNormTests(Devices.Portable);
public sealed class RmsNormOnAvx2() : RmsNormTests(Devices.Avx2);
public sealed class RmsNormOnAvx512() : RmsNormTests(Devices.Avx512);
public sealed class RmsNormOnCpuAccelerator() : RmsNormTests(Devices.CpuAccelerator);
public sealed class RmsNormOnCuda() : RmsNormTests(Devices.Cuda);
