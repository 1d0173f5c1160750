using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Reference;

/// <summary>The oracle itself against values worked out by hand or published.</summary>
public sealed class ReferenceTests : IDisposable
{
    private readonly ReferenceBackend _backend = new();
    private readonly Bed _bed;

    public ReferenceTests() => _bed = new Bed(_backend, Placement.Plain, onHost: true);

    public void Dispose()
    {
        _bed.Dispose();
        _backend.Dispose();
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 0.5204998778130465)]
    [InlineData(-1, -0.8427007929497149)]
    [InlineData(2, 0.9953222650189527)]
    [InlineData(2.999, 0.9999777698314002)]
    [InlineData(3, 0.9999779095030014)]
    [InlineData(4, 0.9999999845827421)]
    public void Error_function_equals_published_values(double x, double expected) =>
        Assert.Equal(expected, NormalDistribution.ErrorFunction(x), 2e-15);

    [Fact]
    public void Normal_distribution_keeps_its_digits_far_below_zero() =>
        Assert.Equal(1, NormalDistribution.Cumulative(-6) / 9.865876450376981e-10, 1e-13);

    [Fact]
    public void Binary16_decodes_and_rounds_as_the_runtime_does()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
            Assert.Equal((double)BitConverter.UInt16BitsToHalf((ushort)bits), SmallFloat.Binary16.Decode((ushort)bits));
        foreach (var value in Patterns())
            Assert.Equal(BitConverter.HalfToUInt16Bits((Half)value), SmallFloat.Binary16.Encode(value));
    }

    [Fact]
    public void BFloat16_of_the_engine_decodes_and_rounds_as_defined()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
            Assert.Equal(SmallFloat.BFloat16.Decode((ushort)bits), (double)BFloat16.ToSingle((ushort)bits));
        foreach (var value in Patterns())
            Assert.Equal(SmallFloat.BFloat16.Encode(value), BFloat16.FromSingle(value));
    }

    [Fact]
    public void Scalar_activations_of_the_engine_equal_their_formulas()
    {
        for (var i = -2000; i <= 2000; i++)
        {
            var x = i / 200f;
            Assert.Equal(NormalDistribution.ErrorFunction(x), ErrorFunction.Erf(x), 3e-7);
            Assert.Equal(x * NormalDistribution.Cumulative(x), Gelu.Invoke(x), Tolerances.Activation.Absolute);
            Assert.Equal(x / (1 + Math.Exp(-x)), Silu.Invoke(x), Tolerances.Activation.Absolute);
        }
    }

    [Fact]
    public void Product_with_bias() => Values([1 * 3 + 2 * 4 + 10, 1 * 5 + 2 * 6 + 20], y =>
        _backend.MatMul(_bed.Place(new Shape(1, 2), [1f, 2]), _bed.Weight(2, 2, MatrixFormat.F16, [3, 4, 5, 6]),
            _bed.Place(new Shape(2), [10f, 20]), y));

    [Fact]
    public void Rms_norm_of_3_and_4() => Values([(float)(3 / Math.Sqrt(12.5)), (float)(2 * 4 / Math.Sqrt(12.5))], y =>
        _backend.RmsNorm(_bed.Place(new Shape(1, 2), [3f, 4]), _bed.Place(new Shape(2), [1f, 2]), 0, y));

    [Fact]
    public void Layer_norm_of_two_numbers_is_minus_one_and_one() => Values([-1, 1 + 5], y =>
        _backend.LayerNorm(_bed.Place(new Shape(1, 2), [7f, 9]), _bed.Place(new Shape(2), [1f, 1]), _bed.Place(new Shape(2), [0f, 5]), 0,
            y));

    [Fact]
    public void Softmax_of_logarithms_is_their_proportion() => Values([0.25f, 0.75f], y =>
        _backend.Softmax(_bed.Place(new Shape(1, 2), [0f, MathF.Log(3)]), y));

    [Fact]
    public void Quarter_turn_of_a_pair()
    {
        var x = _bed.Place(new Shape(1, 1, 4), [1f, 2, 3, 4]);
        Tensor cosine = _bed.Place(new Shape(1, 2), [0f, 1]), sine = _bed.Place(new Shape(1, 2), [1f, 0]);
        _backend.Rope(x, _bed.Place(new Shape(1), [0]), cosine, sine, RopePairing.Half);
        Assert.Equal([-3f, 2, 1, 4], _bed.Floats(x));
        _backend.Rope(x, _bed.Place(new Shape(1), [0]), cosine, sine, RopePairing.Interleaved);
        Assert.Equal([-2f, -3, 1, 4], _bed.Floats(x));
    }

    [Fact]
    public void Slot_70_of_the_layout_example_is_where_the_document_says()
    {
        // KvLayout: slot 70 of KV head 1 with headDim 8 is page 1, column 6; dimension d is key element ((1 · kvHeads + 1) · 8 + d) · 64 +
        // 6.
        const int kvHeads = 2, headDim = 8, d = 3;
        var k = new float[kvHeads * headDim];
        k[headDim + d] = 5;
        Tensor keys = _bed.PlaceBytes(KvLayout.Keys(2, kvHeads, headDim), ElementType.F32, new byte[2 * kvHeads * headDim * 64 * 4]);
        Tensor values = _bed.PlaceBytes(KvLayout.Values(2, kvHeads, headDim), ElementType.F32, new byte[2 * kvHeads * headDim * 64 * 4]);
        var rows = _bed.Place(new Shape(1, kvHeads, headDim), k);
        _backend.KvAppend(new DenseKv(keys, values), rows, rows, 70);
        Assert.Equal((kvHeads + 1) * 8 * 64 + d * 64 + 6, Array.IndexOf(_bed.Floats(keys), 5f));
        Assert.Equal(((kvHeads + 1) * 64 + 6) * 8 + d, Array.IndexOf(_bed.Floats(values), 5f));
    }

    [Fact]
    public void Attention_to_two_keys_weighs_their_values()
    {
        // Scores 0 and ln 3, so weights 1/4 and 3/4.
        var image = new KvImage(1, 1, ElementType.F32, [0]);
        image.Store(0, 0, [0], [8]);
        image.Store(1, 0, [MathF.Log(3)], [16]);
        var q = _bed.Place(new Shape(2, 1, 1), [1f, 1]);
        var y = _bed.Output(q.Shape);
        _backend.Attention(q, image.Dense(_bed), AttentionMask.Causal(0), 1, 0, y);
        Assert.Equal([8f, 14], _bed.Floats(y));
        _backend.Attention(q, image.Dense(_bed), AttentionMask.Causal(0, window: 1), 1, 0, y);
        Assert.Equal([8f, 16], _bed.Floats(y));
    }

    [Fact]
    public void Top_k_prefers_the_first_of_equals_and_puts_NaN_last()
    {
        Tensor values = _bed.Output(new Shape(1, 4)), indices = _bed.Output(new Shape(1, 4), ElementType.I32);
        _backend.TopK(_bed.Place(new Shape(1, 5), [float.NaN, 2, 7, 2, 7]), values, indices);
        Assert.Equal([2, 4, 1, 3], _bed.Integers(indices));
        Assert.Equal([7f, 7, 2, 2], _bed.Floats(values));
    }

    private void Values(float[] expected, Action<Tensor> run)
    {
        var y = _bed.Output(new Shape(1, expected.Length));
        run(y);
        Assert.Equal(expected, _bed.Floats(y));
    }

    /// <summary>F32 numbers of every exponent and of every pattern of the bits that are rounded away.</summary>
    private static IEnumerable<float> Patterns()
    {
        uint[] lows = [0, 1, 0x0fff, 0x1000, 0x1001, 0x2000, 0x7fff, 0x8000, 0x8001, 0xffff];
        foreach (var high in Enumerable.Range(0, 1 << 16))
        {
            foreach (var low in lows)
            {
                var value = BitConverter.UInt32BitsToSingle((uint)high << 16 | low);
                if (!float.IsNaN(value)) yield return value;
            }
        }
    }
}
