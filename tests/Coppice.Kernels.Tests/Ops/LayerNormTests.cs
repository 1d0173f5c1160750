using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>LayerNorm against the reference, with and without bias.</summary>
public abstract class LayerNormTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Norms_equal_the_formula() => Check(Cases.Norms, (bed, c) =>
    {
        var x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost, c.Size, c.Center));
        var weight = bed.Place(new Shape(c.Width), Noise.Uniform(2, c.Width, 1, 1));
        var bias = c.Width % 2 == 0 ? bed.Place(new Shape(c.Width), Noise.Uniform(3, c.Width)) : default;
        var y = c.InPlace ? x : bed.Output(c.Shape);
        bed.Backend.LayerNorm(x, weight, bias, 1e-5f, y);
        return bed.Floats(y);
    }, c => Tolerances.LayerNorm(c.Width, DeviationsFromZero(c)));

    /// <summary>|mean| / √(variance + ε) of the worst row: a row of one element has no deviation but ε's.</summary>
    private static double DeviationsFromZero(RowsCase c)
    {
        var deviation = Math.Sqrt(c.Size * c.Size / 3 * (c.Width < 8 ? 0 : 0.5) + 1e-5);
        return (Math.Abs(c.Center) + (c.Width < 8 ? c.Size : 0)) / deviation;
    }
}

public sealed class LayerNormOnPortable() : LayerNormTests(Devices.Portable);
public sealed class LayerNormOnAvx2() : LayerNormTests(Devices.Avx2);
public sealed class LayerNormOnAvx512() : LayerNormTests(Devices.Avx512);
public sealed class LayerNormOnCpuAccelerator() : LayerNormTests(Devices.CpuAccelerator);
public sealed class LayerNormOnCuda() : LayerNormTests(Devices.Cuda);
