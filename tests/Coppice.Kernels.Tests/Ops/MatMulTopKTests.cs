using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>
/// The product with the largest of its rows: the same product, and what a sort of it gives, whoever computed which outputs.
/// </summary>
public abstract class MatMulTopKTests(Device device) : OpSuite(device)
{
    /// <summary>Products of small integers are exact in F32 in any order, and full of ties.</summary>
    [Fact, Trait(Settings, Every)]
    public void Values_and_indices_equal_those_of_a_full_sort_of_the_product() => Check(
        Cases.MatMulTopK.Where(c => !c.Product.Format.IsQuantized()),
        (bed, c) => Run(bed, c, Integers(1, c.Product.Tokens * c.Product.Inputs), Integers(2, c.Product.Outputs * c.Product.Inputs)),
        _ => Tolerances.Exact);

    [Fact]
    public void The_product_is_that_of_matmul_and_its_largest_are_those_of_a_sort() => ForEach(Cases.MatMulTopK, c =>
    {
        float[] x = Noise.Uniform(1, (long)c.Product.Tokens * c.Product.Inputs),
            w = Noise.Uniform(2, (long)c.Product.Outputs * c.Product.Inputs);
        for (var turn = 0; turn < Device.Backends.Count; turn++)
        {
            using var bed = NewBed();
            var all = Run(bed, c, x, w);
            var y = bed.Output(new Shape(c.Product.Tokens, c.Product.Outputs));
            bed.Backend.MatMul(bed.Place(new Shape(c.Product.Tokens, c.Product.Inputs), x),
                bed.Weight(c.Product.Outputs, c.Product.Inputs, c.Product.Format, w, c.Product.Activations), Bias(bed, c), y);
            var product = bed.Floats(y);
            Compare.SameBits($"{c}: y", product, all.AsSpan(all.Length - product.Length));
            Compare.SameBits($"{c}: largest", Sorted(product, c), all.AsSpan(0, all.Length - product.Length));
        }
    });

    /// <summary>Indices, values and product.</summary>
    private static float[] Run(Bed bed, MatMulTopKCase c, float[] x, float[] w)
    {
        var product = c.Product;
        var y = bed.Output(new Shape(product.Tokens, product.Outputs));
        Tensor values = bed.Output(new Shape(product.Tokens, c.K)), indices = bed.Output(new Shape(product.Tokens, c.K), ElementType.I32);
        bed.Backend.MatMulTopK(bed.Place(new Shape(product.Tokens, product.Inputs), x),
            bed.Weight(product.Outputs, product.Inputs, product.Format, w, product.Activations), Bias(bed, c), y, values, indices);
        return [.. Array.ConvertAll(bed.Integers(indices), i => (float)i), .. bed.Floats(values), .. bed.Floats(y)];
    }

    private static float[] Integers(int seed, int count) => Array.ConvertAll(Noise.Integers(seed, count, 7), v => v - 3f);

    private static Tensor Bias(Bed bed, MatMulTopKCase c) =>
        c.Product.Bias ? bed.Place(new Shape(c.Product.Outputs), Integers(3, c.Product.Outputs)) : default;

    private static float[] Sorted(float[] y, MatMulTopKCase c)
    {
        var width = c.Product.Outputs;
        var order = Enumerable.Range(0, c.Product.Tokens)
            .Select(row => Enumerable.Range(0,
                width).OrderByDescending(i => y[row * width + i]).ThenBy(i => i).Take(c.K).ToArray()).ToArray();
        return [.. order.SelectMany(row => row.Select(i => (float)i)), .. order.SelectMany((row, r) => row.Select(i => y[r * width + i]))];
    }
}

public sealed class MatMulTopKOnPortable() : MatMulTopKTests(Devices.Portable);
public sealed class MatMulTopKOnAvx2() : MatMulTopKTests(Devices.Avx2);
public sealed class MatMulTopKOnAvx512() : MatMulTopKTests(Devices.Avx512);
public sealed class MatMulTopKOnAssembled() : MatMulTopKTests(Devices.Assembled);
public sealed class MatMulTopKOnCpuAccelerator() : MatMulTopKTests(Devices.CpuAccelerator);
public sealed class MatMulTopKOnCuda() : MatMulTopKTests(Devices.Cuda);
