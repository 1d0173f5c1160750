using Coppice.Kernels.Assembled;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Identities;

/// <summary>Contract C1 for products, bit by bit: a row does not depend on the rows beside it.</summary>
public abstract class MatMulOrderTests(Device device) : OpSuite(device)
{
    private static readonly MatMulCase[] OrderCases =
    [
        new(33, 1, 1, MatrixFormat.F32, false), new(33, 17, 33, MatrixFormat.F32, true), new(33, 24, 80, MatrixFormat.F16, false),
        new(33, 65, 31, MatrixFormat.BF16, true), new(17, 7, 3, MatrixFormat.BF16, false), new(9, 30, 40, MatrixFormat.F16, true),
        new(33, 576, 96, MatrixFormat.BF16, false), new(33, 257, 130, MatrixFormat.F32, false), new(33, 1536, 64, MatrixFormat.F16, true),
    ];

    private static readonly MatMulCase[] QuantizedCases =
    [
        new(33, 1, 1, MatrixFormat.Q8, false), new(33, 33, 33, MatrixFormat.Q4, true), new(33, 96, 80, MatrixFormat.Q8, true),
        new(33, 1, 17, MatrixFormat.Q4, false, ActivationFormat.Int8), new(33, 65, 31, MatrixFormat.Q8, true, ActivationFormat.Int8),
        new(33, 96, 80, MatrixFormat.Q4, true, ActivationFormat.Int8), new(17, 576, 96, MatrixFormat.Q8, false, ActivationFormat.Int8),
        new(17, 576, 96, MatrixFormat.Q4, false),
    ];

    [Fact]
    public void A_row_alone_equals_the_row_in_every_batch() => RowsAlone(OrderCases);

    private void RowsAlone(IEnumerable<MatMulCase> cases) => ForEach(cases, c =>
    {
        using var bed = NewBed(Placement.All[c.Outputs % Placement.All.Count]);
        var (x, weight, bias) = Operands(bed, c);
        var y = bed.Output(new Shape(c.Tokens, c.Outputs));
        bed.Backend.MatMul(x, weight, bias, y);
        var whole = bed.Floats(y);
        for (var count = 1; count < c.Tokens; count += Device.IsOnHost ? 1 : 5)
        {
            // Batches of every size, at varying places of the whole.
            var first = count == 1 ? 0 : (count * 5) % (c.Tokens - count + 1);
            for (var m = first; m <= (count == 1 ? c.Tokens - 1 : first); m++)
            {
                bed.Backend.MatMul(x.Slice(m, count), weight, bias, y.Slice(0, count));
                var part = bed.Floats(y.Slice(0, count));
                Compare.SameFiniteBits($"{c}: {count} rows from {m} on {bed.Backend.Name}", whole.AsSpan(m * c.Outputs, count * c.Outputs),
                    part);
            }
        }
    });

    [Fact]
    public void A_row_alone_equals_the_row_in_every_batch_with_rounded_activations()
    {
        if (!Device.IsOnHost) Assert.Skip("activations are rounded to BF16 on the CPU alone");
        RowsAlone([
            new(33, 1, 1, MatrixFormat.BF16, false, ActivationFormat.BF16), new(33, 65, 31, MatrixFormat.BF16, true, ActivationFormat.BF16),
            new(33, 576, 96, MatrixFormat.BF16, false, ActivationFormat.BF16),
                new(27, 2050, 200, MatrixFormat.BF16, true, ActivationFormat.BF16),
        ]);
    }

    /// <summary>The instruction adds the odd k of a pair first; elsewhere k ascends.</summary>
    [Fact]
    public void An_element_of_a_product_with_rounded_activations_is_one_chain()
    {
        if (!Device.IsOnHost) Assert.Skip("activations are rounded to BF16 on the CPU alone");
        var pairs = Device == Devices.Assembled && TileKernels.Wait(TileKind.BF16) is not null;
        ForEach(Cases.MatMulBF16, c =>
        {
            using var bed = NewBed();
            var (x, weight, bias) = Operands(bed, c, roundedTo: c.Format);
            var y = bed.Output(new Shape(c.Tokens, c.Outputs));
            bed.Backend.MatMul(x, weight, bias, y);
            Compare.SameFiniteBits($"{c} on {bed.Backend.Name}", Chains(c, pairs), bed.Floats(y));
        });
    }

    [Fact]
    public void An_element_is_one_chain_of_fused_multiply_adds()
    {
        if (!Device.IsOnHost) Assert.Skip("a GPU sums by lanes of a warp: its order is its own, and is the same for every batch");
        ForEach(Cases.MatMul.Concat(Cases.MatMulSweep).Concat(Cases.MatMulLarge), c =>
        {
            using var bed = NewBed();
            var (x, weight, bias) = Operands(bed, c, roundedTo: c.Format);
            var y = bed.Output(new Shape(c.Tokens, c.Outputs));
            bed.Backend.MatMul(x, weight, bias, y);
            Compare.SameFiniteBits($"{c} on {bed.Backend.Name}", Chains(c), bed.Floats(y));
        });
    }

    [Fact]
    public void A_row_alone_equals_the_row_in_every_batch_with_quantised_weights()
    {
        RowsAlone(QuantizedCases);
    }

    [Fact]
    public void An_element_of_a_product_with_dequantised_weights_is_the_same_chain()
    {
        if (!Device.IsOnHost) Assert.Skip("a GPU sums by lanes of a warp: its order is its own, and is the same for every batch");
        ForEach(Cases.MatMulQuantized.Where(c => c.Activations == ActivationFormat.F32), c =>
        {
            using var bed = NewBed();
            var (x, weight, bias) = Operands(bed, c);
            var y = bed.Output(new Shape(c.Tokens, c.Outputs));
            bed.Backend.MatMul(x, weight, bias, y);
            Compare.SameFiniteBits($"{c} on {bed.Backend.Name}", Chains(c), bed.Floats(y));
        });
    }

    /// <summary>What codes stand for, in the arithmetic that is promised: scale · code + minimum, rounded once.</summary>
    private static float[] Dequantized(float[] values, int inputs, MatrixFormat format)
    {
        var result = new float[values.Length];
        Span<byte> codes = stackalloc byte[32];
        for (var row = 0; row < values.Length; row += inputs)
            for (var k = 0; k < inputs; k += 32)
            {
                var group = values.AsSpan(row + k, Math.Min(32, inputs - k));
                if (format == MatrixFormat.Q8)
                {
                    var signed = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, sbyte>(codes);
                    var scale = Numerics.QuantizedGroup.EncodeQ8(group, signed);
                    for (var i = 0; i < group.Length; i++) result[row + k + i] = signed[i] * scale;
                    continue;
                }
                var (step, minimum) = Numerics.QuantizedGroup.EncodeQ4(group, codes);
                for (var i = 0; i < group.Length; i++) result[row + k + i] = MathF.FusedMultiplyAdd(codes[i], step, minimum);
            }
        return result;
    }

    private static (Tensor X, WeightMatrix Weight, Tensor Bias) Operands(Bed bed, MatMulCase c,
        MatrixFormat roundedTo = MatrixFormat.F32) => (
        bed.Place(new Shape(c.Tokens, c.Inputs), Noise.Uniform(1, (long)c.Tokens * c.Inputs)),
        bed.Weight(c.Outputs, c.Inputs, c.Format, Weights(c, roundedTo), c.Activations),
        c.Bias ? bed.Place(new Shape(c.Outputs), Noise.Uniform(3, c.Outputs)) : default);

    private static float[] Weights(MatMulCase c, MatrixFormat format)
    {
        var small = format == MatrixFormat.F16 ? Reference.SmallFloat.Binary16 : Reference.SmallFloat.BFloat16;
        var values = Noise.Uniform(2, (long)c.Outputs * c.Inputs);
        if (format.IsQuantized()) return Dequantized(values, c.Inputs, format);
        return format == MatrixFormat.F32 ? values : Array.ConvertAll(values, v => (float)small.Decode(small.Encode(v)));
    }

    private static float[] Chains(MatMulCase c, bool oddFirst = false)
    {
        float[] x = Noise.Uniform(1, (long)c.Tokens * c.Inputs), w = Weights(c, c.Format), bias = Noise.Uniform(3, c.Outputs);
        if (c.Activations == ActivationFormat.BF16)
            x = Array.ConvertAll(x, v => Numerics.BFloat16.ToSingle(Numerics.BFloat16.FromSingle(v)));
        var y = new float[c.Tokens * c.Outputs];
        for (var i = 0; i < y.Length; i++)
        {
            var (m, n) = Math.DivRem(i, c.Outputs);
            for (var step = 0; step < c.Inputs; step++)
            {
                var k = oddFirst && (step ^ 1) < c.Inputs ? step ^ 1 : step;
                y[i] = MathF.FusedMultiplyAdd(x[m * c.Inputs + k], w[n * c.Inputs + k], y[i]);
            }
            if (c.Bias) y[i] += bias[n];
        }
        return y;
    }
}

public sealed class MatMulOrderOnPortable() : MatMulOrderTests(Devices.Portable);
public sealed class MatMulOrderOnAvx2() : MatMulOrderTests(Devices.Avx2);
public sealed class MatMulOrderOnAvx512() : MatMulOrderTests(Devices.Avx512);
public sealed class MatMulOrderOnAssembled() : MatMulOrderTests(Devices.Assembled);
public sealed class MatMulOrderOnCpuAccelerator() : MatMulOrderTests(Devices.CpuAccelerator);
public sealed class MatMulOrderOnCuda() : MatMulOrderTests(Devices.Cuda);
