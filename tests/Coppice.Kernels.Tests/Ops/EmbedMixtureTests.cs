using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Weighted sums of rows of the embedding table against the reference; one term of weight 1 has the bits of a plain row.</summary>
public abstract class EmbedMixtureTests(Device device) : OpSuite(device)
{
    private const int Terms = 5;

    [Fact, Trait(Settings, Every)]
    public void Rows_of_the_table_are_summed_by_their_weights() => Check(Cases.MatMul.Concat(Cases.MatMulSweep), (bed, c) =>
    {
        var table = bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs));
        return Mix(bed, c, table, c.Bias ? MathF.Sqrt(c.Inputs) / c.Inputs : 1f);
    }, _ => Tolerances.EmbedMixture(Terms));

    [Fact]
    public void Quantised_rows_of_the_table_are_summed_by_their_weights() =>
        Check(Cases.MatMulQuantized.Where(c => c.Activations == ActivationFormat.F32), (bed, c) =>
        {
            var table = bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs));
            return Mix(bed, c, table, 1f);
        }, _ => Tolerances.EmbedMixture(Terms));

    [Fact]
    public void One_term_of_weight_one_has_the_bits_of_the_row_and_other_rows_stay() => ForEach(Cases.MatMul, c =>
    {
        using var bed = NewBed();
        var scale = c.Bias ? MathF.Sqrt(c.Inputs) : 1f;
        var chosen = Noise.Integers(1, c.Tokens, c.Outputs);
        var table = bed.Weight(c.Outputs, c.Inputs, c.Format, Noise.Uniform(2, (long)c.Outputs * c.Inputs));
        var plain = bed.Output(new Shape(c.Tokens, c.Inputs));
        bed.Backend.Embed(bed.Place(new Shape(c.Tokens), chosen), table, scale, plain);
        // What stands after the end of the terms is not read: these ids are outside the table.
        var ids = bed.Place(new Shape(c.Tokens, 3), [.. chosen.SelectMany(id => new[] { id, int.MaxValue, -1 })]);
        var weights = bed.Place(new Shape(c.Tokens, 3), [.. chosen.SelectMany(_ => new[] { 1f, 0f, 1f })]);
        var before = Noise.Uniform(3, 2L * c.Tokens * c.Inputs);
        var y = bed.Place(new Shape(2 * c.Tokens, c.Inputs), before);
        var rows = Enumerable.Range(0, c.Tokens).Select(i => 2 * i + 1).ToArray();
        bed.Backend.EmbedMixture(ids, weights, bed.Place(new Shape(c.Tokens), rows), table, scale, y);
        var expected = before.ToArray();
        var plainRows = bed.Floats(plain);
        for (var i = 0; i < c.Tokens; i++) plainRows.AsSpan(i * c.Inputs, c.Inputs).CopyTo(expected.AsSpan(rows[i] * c.Inputs));
        Compare.SameBits($"{c}", expected, bed.Floats(y));
    });

    /// <summary>The terms of each row end after 1 to 5 of them, and their weights add up to 1.</summary>
    private static float[] Mix(Bed bed, MatMulCase c, WeightMatrix table, float scale)
    {
        var raw = Noise.Uniform(3, (long)c.Tokens * Terms);
        var weights = new float[raw.Length];
        for (var row = 0; row < c.Tokens; row++)
        {
            var present = 1 + row % Terms;
            var sum = 0f;
            for (var j = 0; j < present; j++) sum += weights[row * Terms + j] = MathF.Abs(raw[row * Terms + j]) + 0.01f;
            for (var j = 0; j < present; j++) weights[row * Terms + j] /= sum;
        }
        var tokens = 2 * c.Tokens + 1;
        var y = bed.Place(new Shape(tokens, c.Inputs), Noise.Uniform(4, (long)tokens * c.Inputs));
        var rows = bed.Place(new Shape(c.Tokens), Noise.Permutation(5, tokens).AsSpan(0, c.Tokens));
        bed.Backend.EmbedMixture(
            bed.Place(new Shape(c.Tokens, Terms), Noise.Integers(1, c.Tokens * Terms, c.Outputs)),
            bed.Place(new Shape(c.Tokens, Terms), weights), rows, table, scale, y);
        return bed.Floats(y);
    }
}

public sealed class EmbedMixtureOnPortable() : EmbedMixtureTests(Devices.Portable);
public sealed class EmbedMixtureOnAvx2() : EmbedMixtureTests(Devices.Avx2);
public sealed class EmbedMixtureOnAvx512() : EmbedMixtureTests(Devices.Avx512);
public sealed class EmbedMixtureOnCpuAccelerator() : EmbedMixtureTests(Devices.CpuAccelerator);
public sealed class EmbedMixtureOnCuda() : EmbedMixtureTests(Devices.Cuda);
