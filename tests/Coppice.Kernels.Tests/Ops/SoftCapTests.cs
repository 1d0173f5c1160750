using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Soft-capped and scaled logits against the reference.</summary>
public abstract class SoftCapTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Capped_logits_equal_the_formula() =>
        Check(Cases.Rows.Concat(Cases.RowsSweep), (bed, c) => Run(bed, c, 0.7f, 30f), _ => Tolerances.SoftCap(30));

    [Fact]
    public void Without_a_cap_logits_are_only_scaled() => Check(Cases.Rows, (bed, c) => Run(bed, c, 0.7f, 0f), _ => Tolerances.Exact);

    private static float[] Run(Bed bed, RowsCase c, float scale, float cap)
    {
        var x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost, 200));
        var y = c.InPlace ? x : bed.Output(c.Shape);
        bed.Backend.SoftCap(x, scale, cap, y);
        return bed.Floats(y);
    }
}

public sealed class SoftCapOnPortable() : SoftCapTests(Devices.Portable);
public sealed class SoftCapOnAvx2() : SoftCapTests(Devices.Avx2);
public sealed class SoftCapOnAvx512() : SoftCapTests(Devices.Avx512);
public sealed class SoftCapOnCpuAccelerator() : SoftCapTests(Devices.CpuAccelerator);
public sealed class SoftCapOnCuda() : SoftCapTests(Devices.Cuda);
