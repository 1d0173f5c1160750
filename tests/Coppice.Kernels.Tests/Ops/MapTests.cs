using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Every activation, element by element, against its formula.</summary>
public abstract class MapTests(Device device) : OpSuite(device)
{
    private static readonly Activation[] All = Enum.GetValues<Activation>();

    [Fact, Trait(Settings, Every)]
    public void Activations_equal_their_formulas() => Check(Cases.Rows.Concat(Cases.RowsSweep), (bed, c) =>
        Run(bed, c, Noise.Uniform(1, c.Cost, 4), All[c.Width % All.Length]), _ => Tolerances.Activation);

    /// <summary>From where e^x overflows to where it vanishes, with both zeros and the smallest numbers.</summary>
    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.GeluQuick)]
    [InlineData(Activation.Relu)]
    [InlineData(Activation.ReluSquared)]
    public void Activations_hold_over_the_whole_line(Activation activation) => Check([new RowsCase(1, 0, 6416)], (bed, c) =>
    {
        float[] ends = [0f, -0f, 1e-45f, -1e-45f, 1e-38f, -1e-38f, 1e-6f, -1e-6f, 87.5f, -87.5f, 89f, -89f, 104f, -104f, 1e4f, -1e4f];
        var line = Enumerable.Range(0, c.Width - ends.Length).Select(i => (i - (c.Width - ends.Length) / 2) / 256f);
        return Run(bed, c, [.. ends, .. line], activation);
    }, _ => Tolerances.Activation);

    private static float[] Run(Bed bed, RowsCase c, float[] values, Activation activation)
    {
        var x = bed.Place(c.Shape, values);
        var y = c.InPlace ? x : bed.Output(c.Shape);
        bed.Backend.Map(x, activation, y);
        return bed.Floats(y);
    }
}

public sealed class MapOnPortable() : MapTests(Devices.Portable);
public sealed class MapOnAvx2() : MapTests(Devices.Avx2);
public sealed class MapOnAvx512() : MapTests(Devices.Avx512);
public sealed class MapOnCpuAccelerator() : MapTests(Devices.CpuAccelerator);
public sealed class MapOnCuda() : MapTests(Devices.Cuda);
