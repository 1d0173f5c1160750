using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>y = x Wᵀ + bias against the reference.</summary>
public abstract class MatMulTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Products_equal_the_formula() => Check(Cases.MatMul, Run, c => Tolerances.MatMul(c.Inputs));

    [Fact]
    public void Products_of_every_width_equal_the_formula() => Check(Cases.MatMulSweep, Run, c => Tolerances.MatMul(c.Inputs));

    [Fact]
    public void Products_of_layer_size_equal_the_formula()
    {
        if (Device.MaxCost < Cases.MatMulLarge.Min(c => c.Cost)) Assert.Skip($"{Device} is too slow for matrices of real layers");
        Check(Cases.MatMulLarge, Run, c => Tolerances.MatMul(c.Inputs));
    }

    [Fact, Trait(Settings, Every)]
    public void Products_of_quantised_weights_equal_the_formula()
    {
        Check(Cases.MatMulQuantized, Run, c => Tolerances.MatMulQuantized(c.Inputs));
    }

    [Fact, Trait(Settings, Every)]
    public void Products_of_rounded_activations_equal_the_formula()
    {
        if (!Device.IsOnHost) Assert.Skip("activations are rounded to BF16 on the CPU alone");
        Check(Cases.MatMulBF16, Run, c => Tolerances.MatMul(c.Inputs));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_bad_activation_is_seen_in_its_row_and_no_other(float bad)
    {
        MatMulCase q4 = new(3, 64, 17, MatrixFormat.Q4, false, ActivationFormat.Int8);
        MatMulCase[] onHost = Device.IsOnHost
            ? [new(3, 64, 17, MatrixFormat.BF16, false, ActivationFormat.BF16),
                new(14, 64, 40, MatrixFormat.BF16, true, ActivationFormat.BF16)]
            : [];
        ForEach([q4, q4 with { Format = MatrixFormat.Q8 }, .. onHost], c =>
        {
            using var bed = NewBed();
            var values = Noise.Uniform(1, (long)c.Tokens * c.Inputs);
            values[c.Inputs + 40] = bad;
            var y = bed.Output(new Shape(c.Tokens, c.Outputs));
            bed.Backend.MatMul(
                bed.Place(new Shape(c.Tokens, c.Inputs), values),
                    bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs), c.Activations), default, y);
            var result = bed.Floats(y);
            for (var i = 0; i < result.Length; i++) Assert.Equal(i / c.Outputs == 1, !float.IsFinite(result[i]));
        });
    }

    internal static float[] Run(Bed bed, MatMulCase c)
    {
        var x = bed.Place(new Shape(c.Tokens, c.Inputs), Noise.Uniform(1, (long)c.Tokens * c.Inputs));
        var weight = bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs), c.Activations);
        var bias = c.Bias ? bed.Place(new Shape(c.Outputs), Noise.Uniform(3, c.Outputs)) : default;
        var y = bed.Output(new Shape(c.Tokens, c.Outputs));
        bed.Backend.MatMul(x, weight, bias, y);
        return bed.Floats(y);
    }
}

public sealed class MatMulOnPortable() : MatMulTests(Devices.Portable);
public sealed class MatMulOnAvx2() : MatMulTests(Devices.Avx2);
public sealed class MatMulOnAvx512() : MatMulTests(Devices.Avx512);
public sealed class MatMulOnAssembled() : MatMulTests(Devices.Assembled);
public sealed class MatMulOnCpuAccelerator() : MatMulTests(Devices.CpuAccelerator);
public sealed class MatMulOnCuda() : MatMulTests(Devices.Cuda);
