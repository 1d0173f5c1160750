using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>f(gate) · up against the reference, for every f, in place of either operand.</summary>
public abstract class GatedActivationTests(Device device) : OpSuite(device)
{
    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.GeluQuick)]
    [InlineData(Activation.Relu)]
    [InlineData(Activation.ReluSquared)]
    public void Gated_products_equal_the_formula(Activation activation) => Check(Cases.Rows, (bed, c) =>
    {
        Tensor gate = bed.Place(c.Shape, Noise.Uniform(1, c.Cost, 5)), up = bed.Place(c.Shape, Noise.Uniform(2, c.Cost));
        var y = c.InPlace ? c.Tokens == 1 ? gate : up : bed.Output(c.Shape);
        bed.Backend.GatedActivation(gate, up, activation, y);
        return bed.Floats(y);
    }, _ => Tolerances.Activation);

    [Fact, Trait(Settings, Every)]
    public void Every_width_equals_the_formula() => Check(Cases.RowsSweep, (bed, c) =>
    {
        // Gate and up as the two halves of one fused projection, which is how models call it.
        var both = bed.Place(new Shape(c.Tokens, 2 * c.Width), Noise.Uniform(1, 2 * c.Cost));
        var y = bed.Output(c.Shape);
        bed.Backend.GatedActivation(both.Columns(0, c.Width), both.Columns(c.Width, c.Width), Activation.Silu, y);
        return bed.Floats(y);
    }, _ => Tolerances.Activation);
}

public sealed class GatedActivationOnPortable() : GatedActivationTests(Devices.Portable);
public sealed class GatedActivationOnAvx2() : GatedActivationTests(Devices.Avx2);
public sealed class GatedActivationOnAvx512() : GatedActivationTests(Devices.Avx512);
public sealed class GatedActivationOnCpuAccelerator() : GatedActivationTests(Devices.CpuAccelerator);
public sealed class GatedActivationOnCuda() : GatedActivationTests(Devices.Cuda);
