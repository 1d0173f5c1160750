using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Rows of the embedding table, exactly: one rounding where there is a scale, none where there is not.</summary>
public abstract class EmbedTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Rows_of_the_table_are_gathered_and_scaled_exactly() => Check(Cases.MatMul.Concat(Cases.MatMulSweep), (bed, c) =>
    {
        var ids = bed.Place(new Shape(c.Tokens), Noise.Integers(1, c.Tokens, c.Outputs));
        var table = bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs));
        var y = bed.Output(new Shape(c.Tokens, c.Inputs));
        bed.Backend.Embed(ids, table, c.Bias ? MathF.Sqrt(c.Inputs) : 1f, y);
        return bed.Floats(y);
    }, _ => Tolerances.Exact);

    [Fact, Trait(Settings, Every)]
    public void Quantised_rows_of_the_table_are_gathered_and_scaled()
    {
        Check(Cases.MatMulQuantized.Where(c => c.Activations == ActivationFormat.F32), (bed, c) =>
        {
            var ids = bed.Place(new Shape(c.Tokens), Noise.Integers(1, c.Tokens, c.Outputs));
            var table = bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs));
            var y = bed.Output(new Shape(c.Tokens, c.Inputs));
            bed.Backend.Embed(ids, table, 1f, y);
            return bed.Floats(y);
        }, _ => Tolerances.Dequantized);
    }

    [Fact]
    public void First_and_last_token_of_an_odd_vocabulary() => Check([new MatMulCase(4, 18, 49, MatrixFormat.BF16, false)], (bed, c) =>
    {
        var ids = bed.Place(new Shape(c.Tokens), [0, c.Outputs - 1, 0, c.Outputs - 1]);
        var y = bed.Output(new Shape(c.Tokens, c.Inputs));
        bed.Backend.Embed(ids, bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs)), 1f, y);
        return bed.Floats(y);
    }, _ => Tolerances.Exact);
}

public sealed class EmbedOnPortable() : EmbedTests(Devices.Portable);
public sealed class EmbedOnAvx2() : EmbedTests(Devices.Avx2);
public sealed class EmbedOnAvx512() : EmbedTests(Devices.Avx512);
public sealed class EmbedOnCpuAccelerator() : EmbedTests(Devices.CpuAccelerator);
public sealed class EmbedOnCuda() : EmbedTests(Devices.Cuda);
