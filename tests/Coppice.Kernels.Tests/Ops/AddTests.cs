using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>x + scale · delta against the reference, in place of either operand.</summary>
public abstract class AddTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Sums_equal_the_formula() => Check(Cases.Rows.Concat(Cases.RowsSweep), (bed, c) =>
    {
        Tensor x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost)), delta = bed.Place(c.Shape, Noise.Uniform(2, c.Cost));
        var y = c.InPlace ? c.Tokens == 1 ? x : delta : bed.Output(c.Shape);
        bed.Backend.Add(x, delta, c.Width % 3 == 0 ? 1f : 1.7f, y);
        return bed.Floats(y);
    }, _ => Tolerances.Add);
}

public sealed class AddOnPortable() : AddTests(Devices.Portable);
public sealed class AddOnAvx2() : AddTests(Devices.Avx2);
public sealed class AddOnAvx512() : AddTests(Devices.Avx512);
public sealed class AddOnCpuAccelerator() : AddTests(Devices.CpuAccelerator);
public sealed class AddOnCuda() : AddTests(Devices.Cuda);
